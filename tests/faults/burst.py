"""A burst of creations on a stack of its own, and what a test may do to its processes meanwhile."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis
import requests
from django.db import OperationalError, connection

from controlplane.embedded import EmbeddedStack, Part
from controlplane.embedded.processes import kill_group
from inventory.models import Database, ElasticPool, SqlServer, Workspace
from inventory.states import Status
from operations.models import Operation, StepRun
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB

WORKERS = ("worker-advance", "worker-observe")
LOOK_SECONDS = 0.25
CREATIONS = frozenset(("CreateLogicalDatabase", "CreateLogicalElasticPool", "UpsertLogicalServer"))  # once each


@dataclass
class Burst:
    """So many wishes, a stack that is to grant them, and how long it took to move again after each blow."""

    stack: EmbeddedStack
    wished: int = 0
    recoveries: list[str] = field(default_factory=list)

    def wish(self, count: int) -> None:
        """Ask for so many more databases, in three workspaces; nobody is told, the sweep finds them."""
        workspaces = list(Workspace.objects.order_by("name"))
        for number in range(self.wished, self.wished + count):
            wish = ServiceWish(f"service-{number:03}", "fhir", (number % 5 + 1) * 10 * GIB)
            request_service(workspaces[number % len(workspaces)], wish, actor="tests")
        self.wished += count

    def ended(self) -> int:
        return Operation.objects.filter(kind="create_database", state__in=Operation.TERMINAL).count()

    def open(self) -> int:
        return Operation.objects.exclude(state__in=Operation.TERMINAL).count()

    def after(self, name: str, blow: Callable[[], None]) -> None:
        """Strike, and note how long it took until a step was begun again."""
        blow()
        began = time.monotonic()
        seen = answer_of(StepRun.objects.count)
        if self.open() and wait_until(lambda: answer_of(StepRun.objects.count) > seen or not self.open(), seconds=60):
            self.recoveries.append(f"{name}: {time.monotonic() - began:.1f} s")

    def kill_workers(self) -> None:
        """SIGKILL to one group of workers, parent and children alike; a supervisor starts it again."""
        name = random.choice(WORKERS)
        kill_group(self.stack.children[name].pid)
        self.stack.restart(name)

    def flush_broker(self) -> None:
        url = (self.stack.run.path / "secrets" / "broker_url").read_text()
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            client.flushall()

    def restart_database(self) -> None:
        """An immediate shutdown: every session is cut, nothing is written, recovery comes from the log."""
        child = self.stack.children[Part.POSTGRES]
        child.signal(signal.SIGQUIT)
        wait_until(lambda: not child.alive, seconds=20)
        self.stack.restart(Part.POSTGRES)

    def wait(self, *, seconds: float, step: Callable[[], None] = lambda: None) -> None:
        """Until all operations are over; `step` is done meanwhile, now and then."""
        deadline = time.monotonic() + seconds
        while self.open_now():
            assert time.monotonic() < deadline, self.what_is_open()
            step()
            time.sleep(LOOK_SECONDS)

    def open_now(self) -> int:
        return answer_of(self.open)

    def what_is_open(self) -> str:
        rows = Operation.objects.exclude(state__in=Operation.TERMINAL)
        states = Counter((o.kind, o.state, o.step, o.error_code, o.waits_why) for o in rows)
        logs = "\n".join(self.stack.run.log(name).read_text(errors="replace")[-1500:] for name in WORKERS)
        return f"{states.most_common(8)}\n{logs}"

    def books(self) -> dict[str, Any]:
        """The simulator's own state."""
        environment = self.stack.environment
        url = f"{environment['SIMULATOR_ADMIN_URL']}/state"
        answer = requests.get(url, verify=environment["AZURE_CA_FILE"], timeout=30)
        document: dict[str, Any] = answer.json()
        return document

    def faults(self) -> Iterator[str]:
        """Whatever is not as it must be at the end."""
        books = self.books()
        ready = set(Database.objects.filter(status=Status.READY).values_list("azure_name", flat=True))
        if len(ready) != self.wished:
            states = Counter(Database.objects.values_list("status", "error_code"))
            yield f"{len(ready)} of {self.wished} databases are ready: {states}"
        yield from _differences(books, "databases", ready)
        yield from _differences(books, "elasticPools", set(ElasticPool.objects.values_list("azure_name", flat=True)))
        yield from _differences(books, "servers", set(SqlServer.objects.values_list("azure_name", flat=True)))
        creations = Counter((e["operation"], e["id"].lower()) for e in books["effects"] if e["operation"] in CREATIONS)
        yield from (f"{word} of {name}: {times} times" for (word, name), times in creations.items() if times > 1)
        versions = {s["name"]: [v for v in s["versions"] if v["attributes"]["enabled"]] for s in books["secrets"]}
        yield from (
            f"{name} has {len(versions.get(name, []))} enabled versions"
            for name in ready
            if len(versions.get(name, [])) != 1
        )
        users = {name.rsplit("/", 1)[-1]: found for name, found in books["users"].items()}
        yield from (f"{name} has the users {users.get(name)}" for name in ready if "svc_a" not in users.get(name, []))


def _differences(books: dict[str, Any], kind: str, ours: set[str]) -> Iterator[str]:
    there = [r["name"] for r in books["resources"] if r["type"].endswith(f"/{kind}") and r["name"] != "master"]
    if sorted(there) != sorted(ours):
        yield f"{kind}: {len(there)} in Azure, {len(ours)} of ours; {sorted(set(there) ^ ours)[:5]}"


def answer_of(question: Callable[[], int]) -> int:
    """The answer, also when the server was restarted since the last question."""
    for _ in range(100):
        try:
            return question()
        except OperationalError:
            connection.close()
            time.sleep(LOOK_SECONDS)
    return question()


def wait_until(what: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True

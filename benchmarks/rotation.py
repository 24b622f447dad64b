"""Rotation under load: consumers sign in without pause while every database is rotated and workers are killed.

    python -m benchmarks.rotation [--databases 6] [--rounds 2] [--consumers 3] [--kill-every 12] [--logins 0]

The goal's size: make bench-rotation ARGS="--databases 20 --rounds 10 --consumers 4 --logins 10000".
Then the yardstick in the same run: one user, its password changed and then stored.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psutil

SETTINGS = {
    "CREDENTIAL_OVERLAP_SECONDS": "5",
    "CREDENTIAL_DRAIN_SECONDS": "5",
    "CREDENTIAL_LOOK_SECONDS": "1",
    "OPERATIONS_LEASE_SECONDS": "12",  # a killed worker's step runs again soon
    "OPERATIONS_CALL_RESERVE_SECONDS": "6",
    "BROKER_VISIBILITY_TIMEOUT_SECONDS": "20",
    "SIMULATOR_TIME_SCALE": "600",
    "LOG_LEVEL": "WARNING",
}
CACHE_SECONDS = 1.5  # below the overlap, as the documentation demands
PATIENCE_SECONDS = 240.0
LOOK_SECONDS = 0.3


def main() -> int:
    arguments = _arguments()
    os.environ.update({name: value for name, value in SETTINGS.items() if name not in os.environ})
    from controlplane.embedded import EVERYTHING, EmbeddedStack

    with (
        tempfile.TemporaryDirectory(prefix="bench-rotation-") as directory,
        EmbeddedStack(Path(directory) / "run", EVERYTHING, losable=True) as stack,
    ):
        os.environ.update(stack.environment)
        figures = measure(stack, arguments)
    for name, value in figures.items():
        print(f"  {name:42} {value}")
    print(json.dumps(figures))
    ours = ("failed logins", "refused at first", "samples without a credential", "orphaned versions", "unfinished")
    return 0 if not any(figures[name] for name in ours) else 1


def measure(stack: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    django.setup()
    from controlplane.demo.consumers import Consumers

    names = provision(arguments.databases)
    consumers = Consumers(names, threads=arguments.consumers, cache_seconds=CACHE_SECONDS)
    samples = Samples(names)
    killer = Killer(stack, every=arguments.kill_every)
    began = time.monotonic()
    with consumers.at_work() as seen, samples.taken(), killer.at_work():
        for number in count():
            if number >= arguments.rounds and seen["logins"] >= arguments.logins:
                break
            rotate_all(number)
    seconds = time.monotonic() - began
    figures = {**figures_of(seen, seconds), **samples.figures(), "workers killed": killer.killed, **ledger()}
    figures["credentials a minute"] = round(60 * figures["rotations"] / seconds, 1)
    return {**figures, **yardstick(names, arguments)}


def provision(size: int) -> list[str]:
    """Databases with a first credential, by the whole road."""
    from inventory.models import Database, Region, Workspace
    from provisioning.services import ServiceWish, request_service

    region = Region.objects.filter(is_open=True).first()
    workspace = Workspace.objects.create(name="rotated", region=region)
    for number in range(size):
        request_service(workspace, ServiceWish(f"claims-{number}", "fhir", 10 * 2**30), actor="bench")
    wait_until(lambda: Database.objects.filter(status="ready").count() == size, "databases are ready")
    return list(Database.objects.values_list("azure_name", flat=True))


def rotate_all(number: int) -> None:
    """Ask for every rotation, then wait until old users are retired."""
    from inventory.models import Database
    from operations.models import Operation
    from rotation.services import request_rotation

    for database in Database.objects.filter(status="ready").select_related("service__workspace"):
        request_rotation(database, actor="bench", reason=f"round {number}")
    kinds = ("rotate_credential", "retire_credential")
    open_ones = Operation.objects.filter(kind__in=kinds).exclude(state__in=["succeeded", "failed", "cancelled"])
    wait_until(lambda: not open_ones.exists(), f"round {number} is over")


def ledger() -> dict[str, int]:
    """By our rows and by Key Vault: what was rotated, what was left, which enabled versions are nobody's."""
    from inventory.models import Database
    from operations.models import Operation
    from rotation.orphans import orphaned_versions

    kinds = ("rotate_credential", "retire_credential")
    operations = Operation.objects.filter(kind__in=kinds)
    return {
        "rotations": operations.filter(kind="rotate_credential", state="succeeded").count(),
        "unfinished": operations.exclude(state="succeeded").count(),
        "orphaned versions": sum(len(orphaned_versions(database)) for database in Database.objects.all()),
    }


def yardstick(names: list[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """One user: change its password, then store it. The same consumers, the same number of rotations."""
    from controlplane.demo.consumers import Consumers

    consumers = Consumers(names, threads=arguments.consumers, cache_seconds=CACHE_SECONDS)
    began = time.monotonic()
    with consumers.at_work() as seen:
        time.sleep(CACHE_SECONDS)
        for _ in range(arguments.rounds):
            for name in names:
                change_then_store(name)
            time.sleep(CACHE_SECONDS)
    found = figures_of(seen, time.monotonic() - began)
    return {f"yardstick: {name}": found[name] for name in ("logins", "refused at first", "failed logins")}


def change_then_store(name: str) -> None:
    from cloud import factory
    from cloud.protocols import LoginSpec
    from cloud.secrets import Secret
    from controlplane.demo.consumers import read
    from inventory.models import Database
    from rotation.passwords import new_password

    server = Database.objects.select_related("server").get(azure_name=name).server
    assert server is not None
    found = factory.secret_store().get(server.admin_secret_name)
    assert found is not None
    document, password = dict(read(name)), new_password()
    admin = LoginSpec(server.observed_endpoint, name, server.administrator_login, found[0])
    factory.sql_logins().ensure_user(admin, document["user"], password)
    document["password"] = password.reveal()
    factory.secret_store().set(name, Secret(json.dumps(document)), tags={})


class Samples:
    """Looks at every database all the time: does what the vault gives now sign in?"""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._over = threading.Event()
        self.taken_count = 0
        self.without: list[str] = []

    @contextmanager
    def taken(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def figures(self) -> dict[str, Any]:
        return {"samples": self.taken_count, "samples without a credential": len(self.without)}

    def _work(self) -> None:
        from cloud.errors import CloudError, RetryLater
        from controlplane.demo.consumers import VaultAway, read, sign_in

        while not self._over.wait(LOOK_SECONDS):
            for name in self._names:
                try:
                    sign_in(read(name))
                except (RetryLater, VaultAway):
                    continue  # no answer says nothing of the credential
                except CloudError as error:
                    self.without.append(f"{name}: {error.code}")
                self.taken_count += 1


class Killer:
    """Ends a random process of the workers now and then, without warning."""

    def __init__(self, stack: Any, *, every: float) -> None:
        self._stack = stack
        self._every = every
        self._over = threading.Event()
        self._random = random.Random(1)
        self.killed = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work, daemon=True)
        if self._every:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            if self._every:
                thread.join()

    def _work(self) -> None:
        while not self._over.wait(self._random.uniform(0.5, 1.5) * self._every):
            name = self._random.choice(["worker-advance", "worker-isolated"])
            parent = psutil.Process(self._stack.children[name].pid)
            children = parent.children()
            if children and self._random.random() < 0.6:
                self._random.choice(children).kill()  # the parent makes another
            else:
                for process in [*children, parent]:
                    process.send_signal(signal.SIGKILL)
                self._stack.restart(name)
            self.killed += 1


def figures_of(seen: Any, seconds: float) -> dict[str, Any]:
    logins = seen["logins"]
    return {
        "seconds": round(seconds, 1),
        "logins": logins,
        "logins a second": round(logins / seconds, 1),
        "failed logins": seen["failed logins"],
        "refused at first": seen["refused at first"],
        "no answer": sum(n for what, n in seen.items() if what.startswith("unavailable")),
    }


def wait_until(done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > until:
            sys.exit(f"Waited {PATIENCE_SECONDS:.0f} s until {what}. {open_work()}")
        time.sleep(LOOK_SECONDS)


def open_work() -> str:
    """What is not over, and why."""
    from operations.models import Operation

    rows = Operation.objects.exclude(state__in=["succeeded", "failed", "cancelled"])
    return "; ".join(f"{o.kind} {o.state} {o.step} {o.attempt} {o.error_code} {o.waits_why}" for o in rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--databases", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--consumers", type=int, default=3, help="threads that sign in")
    parser.add_argument("--logins", type=int, default=0, help="rounds go on until so many were made")
    parser.add_argument("--kill-every", type=float, default=12.0, help="seconds; 0: nobody is killed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

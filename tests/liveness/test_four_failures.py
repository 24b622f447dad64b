"""A stuck worker, a dead beat, a frozen broker, a database that takes no writes: readyz and metrics say so, and then not."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from controlplane.embedded import EmbeddedStack, Part
from controlplane.embedded.postgres import SUPERUSER

pytestmark = pytest.mark.full  # real processes, a minute
PARTS = (Part.POSTGRES, Part.VALKEY, Part.WEB, Part.WORKERS, Part.BEAT)
QUICK = {"CANARY_SECONDS": "0.5", "CANARY_LATE_SECONDS": "6", "BEAT_LATE_SECONDS": "6", "WORKER_CHILDREN": "1"}
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Everything but the simulator, with nerves shorter than in production."""
    path: Path = tmp_path_factory.mktemp("stack")
    for directory in (path, *path.parents[:3]):
        directory.chmod(0o755)  # PostgreSQL may run as another user
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL_FILE", "MIGRATION_DATABASE_URL_FILE", "BROKER_URL_FILE", "SPP_ENVIRONMENT"):
            patch.delenv(name, raising=False)
        for name, value in {**QUICK, "DJANGO_SETTINGS_MODULE": "controlplane.settings"}.items():
            patch.setenv(name, value)
        with EmbeddedStack(path, PARTS, losable=True) as stack:
            wait_until(lambda: status(stack) == "ready", stack)
            yield stack


def get(stack: EmbeddedStack, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{stack.web_url}/{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def readiness(stack: EmbeddedStack) -> dict[str, str]:
    document: dict[str, str] = json.loads(get(stack, "readyz")[1])
    return document


def status(stack: EmbeddedStack) -> str:
    return readiness(stack)["status"]


def figure(stack: EmbeddedStack, name: str) -> float:
    lines = get(stack, "metrics")[1].splitlines()
    return float(next(line.rsplit(" ", 1)[1] for line in lines if line.startswith(name)))


def wait_until(what: Callable[[], bool], stack: EmbeddedStack) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, readiness(stack)
        time.sleep(0.2)


def test_a_paused_worker_is_late_and_then_replaced(stack: EmbeddedStack) -> None:
    paused = stack.children["worker-advance"].pid
    stack.children["worker-advance"].signal(signal.SIGSTOP)
    wait_until(lambda: "late: worker-advance" in readiness(stack)["workers"], stack)
    assert "nobody reads advance" in readiness(stack)["workers"]
    assert figure(stack, "spp_workers_late") == 1
    assert figure(stack, 'spp_canary_age_seconds{queue="advance"}') > 6
    assert get(stack, "readyz")[0] == 200, "the API still keeps wishes"
    wait_until(lambda: "worker-advance" in stack.look_after(), stack)
    assert stack.children["worker-advance"].pid != paused
    wait_until(lambda: status(stack) == "ready", stack)


def test_a_worker_whose_only_child_hangs_is_late_and_then_replaced(stack: EmbeddedStack) -> None:
    [child] = psutil.Process(stack.children["worker-isolated"].pid).children()
    child.suspend()
    wait_until(lambda: "late: worker-isolated" in readiness(stack)["workers"], stack)
    assert figure(stack, 'spp_canary_age_seconds{queue="isolated"}') > 6
    wait_until(lambda: "worker-isolated" in stack.look_after(), stack)
    wait_until(lambda: status(stack) == "ready", stack)


def test_a_dead_beat_is_late_and_started_again(stack: EmbeddedStack) -> None:
    stack.children["beat"].kill()
    wait_until(lambda: readiness(stack)["beat"] == "late", stack)
    assert figure(stack, "spp_beat_age_seconds") > 6
    assert stack.look_after() == ["beat"]
    wait_until(lambda: status(stack) == "ready", stack)


def test_a_paused_beat_is_late(stack: EmbeddedStack) -> None:
    stack.children["beat"].signal(signal.SIGSTOP)
    wait_until(lambda: readiness(stack)["beat"] == "late", stack)
    assert figure(stack, "spp_beat_age_seconds") > 6
    stack.children["beat"].signal(signal.SIGCONT)
    wait_until(lambda: status(stack) == "ready", stack)


def test_a_frozen_broker_is_told_of_and_no_worker_is_killed_for_it(stack: EmbeddedStack) -> None:
    workers = {name: child.pid for name, child in stack.children.items() if name.startswith("worker")}
    stack.children["valkey"].signal(signal.SIGSTOP)
    wait_until(lambda: readiness(stack)["broker"] == "unreachable", stack)
    wait_until(lambda: "nobody reads" in readiness(stack)["workers"], stack)
    assert figure(stack, "spp_broker_up") == 0
    assert stack.look_after() == []
    stack.children["valkey"].signal(signal.SIGCONT)
    wait_until(lambda: status(stack) == "ready", stack)
    assert {name: stack.children[name].pid for name in workers} == workers


def test_a_database_that_takes_no_writes_makes_us_unready(stack: EmbeddedStack) -> None:
    with psycopg.connect(stack.postgres.address(SUPERUSER).url().reveal(), autocommit=True) as superuser:
        superuser.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        superuser.execute("SELECT pg_reload_conf()")
        wait_until(lambda: readiness(stack)["postgresql"] == "read-only", stack)
        assert get(stack, "readyz")[0] == 503
        assert figure(stack, "spp_database_writable") == 0
        superuser.execute("SET default_transaction_read_only = off")
        superuser.execute("ALTER SYSTEM RESET default_transaction_read_only")
        superuser.execute("SELECT pg_reload_conf()")
    wait_until(lambda: status(stack) == "ready", stack)

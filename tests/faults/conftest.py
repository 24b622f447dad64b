from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from controlplane.embedded import EmbeddedStack, Part
from controlplane.embedded.postgres import OWNER
from inventory.regions import register_region
from tests.builders import a_workspace
from tests.databases import point_django_at
from tests.faults.burst import Burst
from tests.faults.fleet import Fleet
from tests.faults.orders import OrderBook

PARTS = (Part.POSTGRES, Part.VALKEY, Part.SIMULATOR, Part.WORKERS, Part.BEAT)
SHORT = {  # seconds, so that a dead worker is missed soon
    "OPERATIONS_LEASE_SECONDS": "12",
    "OPERATIONS_CALL_RESERVE_SECONDS": "5",
    "OPERATIONS_TASK_SECONDS": "4",
    "BROKER_VISIBILITY_TIMEOUT_SECONDS": "6",
    "BROKER_RESTORE_INTERVAL_SECONDS": "1",
    "WORKER_SHUTDOWN_SECONDS": "1",
    "WORKER_CHILDREN": "2",
    "SIMULATOR_TIME_SCALE": "120",
    "LOG_LEVEL": "WARNING",
    "DJANGO_SETTINGS_MODULE": "controlplane.settings",
}
OTHERS = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "BROKER_URL")


@pytest.fixture
def burst(tmp_path: Path, django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Burst]:
    """A stack for one test."""
    with running(tmp_path, {}) as burst, django_db_blocker.unblock():
        prepare(burst)
        yield burst


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Fleet]:
    """A stack for all tests of a file, whose workers obey orders at their failpoints."""
    path = tmp_path_factory.mktemp("fleet")
    orders = {"DJANGO_SETTINGS_MODULE": "tests.faults.armed", "FAILPOINT_ORDERS": str(path / "order")}
    with running(path, orders) as burst, django_db_blocker.unblock():
        prepare(burst)
        yield Fleet(burst.stack, orders=OrderBook(path / "order"))


@contextmanager
def running(path: Path, extra: dict[str, str]) -> Iterator[Burst]:
    """A whole stack with short leases, and Django in this process on its database.

    Not a losable one: a commit that was confirmed has to outlive an immediate shutdown.
    """
    kept = dict(connections.settings["default"])
    with pytest.MonkeyPatch.context() as patch:
        for name in OTHERS:
            patch.delenv(name, raising=False)
            patch.delenv(f"{name}_FILE", raising=False)
        for name, value in {**SHORT, **extra}.items():
            patch.setenv(name, value)
        with EmbeddedStack(path / "stack", parts=PARTS, losable=False) as stack:
            address = stack.postgres.address(OWNER)
            point_django_at(address, address.name)
            try:
                yield Burst(stack)
            finally:
                connections.close_all()
                connections.settings["default"].clear()
                connections.settings["default"].update(kept)


def prepare(burst: Burst) -> None:
    """Three customers in two regions."""
    for number, region in enumerate(("eastus", "westeurope", "eastus")):
        a_workspace(f"workspace-{number}", register_region(region))

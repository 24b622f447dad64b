"""What the growth watch makes of what nobody has measured."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from inventory.models import Database
from inventory.states import Status
from operations.models import OutboxEvent
from provisioning.growth.watch import watch_growth
from provisioning.models import GrowthProposal, SizeSample
from tests.builders import GIB, TIB, a_database, a_pool, a_service, a_workspace

TODAY = date(2026, 11, 22)


@pytest.fixture
def database(db: None) -> Database:
    pool = a_pool()
    service = a_service(a_workspace("cigna", pool.server.region))
    return a_database(service, pool=pool, server=pool.server, status=Status.READY)


def beside(database: Database, **columns: object) -> Database:
    assert database.service is not None
    service = a_service(database.service.workspace, "other")
    return a_database(service, pool=database.pool, server=database.server, status=Status.READY, **columns)


def put(database: Database, gibibytes: list[float], *, until: date = TODAY) -> None:
    """A size a day, the last on `until`."""
    for ago, used in enumerate(reversed(gibibytes)):
        SizeSample.objects.create(database=database, day=until - timedelta(days=ago), used_bytes=int(used * GIB))


def test_what_was_not_measured_for_two_weeks_has_grown_on(database: Database) -> None:
    put(database, [52.0 + n for n in range(30)], until=TODAY - timedelta(days=14))
    put(beside(database), [1.0] * 30)
    watch_growth()
    found = GrowthProposal.objects.get(target=database.key)
    assert found.days_left <= 7
    assert found.alerted_days is not None
    assert found.alerted_days <= 7


def test_a_newcomer_takes_its_room_in_the_pools_forecast(database: Database) -> None:
    Database.objects.filter(pk=database.pk).update(size_bytes=int(0.95 * TIB))
    newcomer = beside(database, size_bytes=int(1.05 * TIB))
    put(database, [610.0 + 10 * n for n in range(30)])
    put(newcomer, [1060.0 + 8 * n for n in range(6)])
    assert database.pool is not None
    database.pool.max_size_bytes = 2 * TIB
    database.pool.save(update_fields=["max_size_bytes"])
    watch_growth()
    assert GrowthProposal.objects.filter(target=database.pool.key).exists()


def test_who_was_still_for_months_and_fills_up_in_days_is_told_loudly(database: Database) -> None:
    put(database, [10.0] * 97 + [10.0 + 4 * n for n in range(1, 22)])
    watch_growth()
    found = GrowthProposal.objects.get(target=database.key)
    assert found.days_left == pytest.approx(1.5, abs=0.1)
    assert OutboxEvent.objects.filter(kind="growth.urgent", workspace="cigna").count() == 1


def test_what_comes_and_goes_near_its_limit_alarms_nobody(database: Database) -> None:
    put(database, [80.0 + (7 * n % 11) for n in range(120)])
    watch_growth()
    assert not GrowthProposal.objects.exists()

"""What is due is asked of Azure Monitor, once, and nothing is lost by an outage, a refusal or a late point."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from cloud.throttle import LocalBucket, Rate, Rates
from inventory.models import Database
from placement.models import Meter, Sample
from placement.sampling import partitions
from placement.sampling.collect import sample
from simulator.http import Response
from simulator.monitor import DENIED
from tests.local_azure import LocalAzure
from tests.sampled import MonitorThatLags, SampledFleet, a_sampled_fleet, lagging, meter_of, slots_of


@pytest.fixture
def fleet(azure: LocalAzure) -> SampledFleet:
    return a_sampled_fleet(azure)


@pytest.fixture
def monitor(fleet: SampledFleet) -> MonitorThatLags:
    return lagging(fleet.azure)


def unbroken(fleet: SampledFleet, row: object) -> bool:
    """No five minutes between the first and the last sample are missing."""
    found = slots_of(row)
    return found == [5.0 * number for number in range(len(found))]


def test_a_pool_is_looked_at_every_five_minutes_and_its_databases_once_an_hour(fleet, monitor):
    fleet.sample_for(hours=2)
    before = {row: len(slots_of(row)) for row in (fleet.pool, *fleet.databases)}
    monitor.calls.clear()
    fleet.sample_for(hours=3)
    assert len(monitor.calls) == 3 * 12 + 3
    assert all(unbroken(fleet, row) and len(slots_of(row)) == count + 36 for row, count in before.items())


def test_what_was_missed_is_caught_up_at_once(fleet, monitor):
    fleet.sample_for(hours=2)
    before = len(slots_of(fleet.pool))
    monitor.calls.clear()
    fleet.azure.pass_time(30 * 3600)
    sample()
    assert len(monitor.calls) == 4  # a day, then the rest; pool and databases
    assert len(slots_of(fleet.pool)) == before + 30 * 12
    assert all(unbroken(fleet, row) and not slots_of(row, gaps=True) for row in (fleet.pool, *fleet.databases))


def test_two_who_sample_at_the_same_time_store_each_slot_once(fleet):
    fleet.sample_for(hours=2)
    fleet.azure.pass_time(3600)
    behind = list(Meter.objects.values("pk", "sampled_until", "due_at"))
    assert sample() > 0
    rows = Sample.objects.count()
    for row in behind:
        Meter.objects.filter(pk=row.pop("pk")).update(**row)
    assert sample() == 0
    assert Sample.objects.count() == rows


def test_a_point_that_comes_late_is_taken(fleet, monitor):
    fleet.sample_for(hours=2)
    monitor.hide(minutes=30)
    fleet.sample_for(hours=1)
    assert not unbroken(fleet, fleet.pool)
    monitor.hidden = None
    fleet.sample_for(hours=2)
    assert all(unbroken(fleet, row) and not slots_of(row, gaps=True) for row in (fleet.pool, *fleet.databases))


def test_what_does_not_come_is_marked_as_a_gap_and_filled_should_it_come_much_later(fleet, monitor):
    fleet.sample_for(hours=2)
    monitor.hide(minutes=20)
    fleet.sample_for(hours=4)
    for row in (fleet.pool, *fleet.databases):
        assert slots_of(row, gaps=True) == [0, 5, 10, 15]
    monitor.hidden = None
    fleet.sample_for(hours=4)
    assert all(unbroken(fleet, row) and not slots_of(row, gaps=True) for row in (fleet.pool, *fleet.databases))


def test_the_budget_of_calls_holds_and_the_rest_comes_later(fleet, monitor):
    fleet.sample_for(hours=2)
    fleet.azure.bucket = LocalBucket(Rates(reads=Rate(5, 1 / 60)), now=fleet.azure.azure.clock.now)
    fleet.azure.new_clients()
    monitor.calls.clear()
    fleet.azure.pass_time(70 * 3600)
    sample()
    assert len(monitor.calls) == 2  # three of five are left to more urgent ones
    assert not all(meter_of(row).sampled_until == meter_of(fleet.pool).sampled_until for row in fleet.databases)
    fleet.sample_for(hours=1)
    assert all(unbroken(fleet, row) and not slots_of(row, gaps=True) for row in (fleet.pool, *fleet.databases))


@pytest.mark.parametrize("status", [429, 529, 503])
def test_a_refusal_for_a_while_costs_nothing_but_time(fleet, monitor, status):
    fleet.sample_for(hours=2)
    monitor.refusals = [Response(status, {"retry-after": "60"})] * 2
    fleet.sample_for(hours=2)
    assert all(unbroken(fleet, row) and not slots_of(row, gaps=True) for row in (fleet.pool, *fleet.databases))


def test_one_that_azure_refuses_does_not_keep_its_neighbours_waiting(fleet):
    fleet.sample_for(hours=2)
    lost = fleet.databases[0]
    before = len(slots_of(fleet.databases[1]))

    def refuse(name, call):
        response = call()
        refused = "getBatch" in name and lost.azure_name.encode() in response.body
        return Response(404, {}, b'{"code": "ResourceNotFound", "message": "gone"}') if refused else response

    fleet.azure.around = refuse
    fleet.sample_for(hours=2)
    assert len(slots_of(fleet.databases[1])) == before + 24


def test_without_the_right_to_read_metrics_nobody_asks_again_and_again(fleet, monitor):
    fleet.sample_for(hours=1)
    client_id = fleet.azure.azure.entra.client_id
    fleet.azure.azure.store.put(DENIED, client_id, {"client_id": client_id})
    monitor.calls.clear()
    fleet.sample_for(hours=0.5)
    assert len(monitor.calls) <= 2 * 6
    fleet.azure.azure.store.delete(DENIED, client_id)
    fleet.sample_for(hours=2)
    assert all(unbroken(fleet, row) and not slots_of(row, gaps=True) for row in (fleet.pool, *fleet.databases))


def test_what_is_gone_is_asked_for_no_more_and_comes_back_when_restored(fleet, monitor):
    fleet.sample_for(hours=2)
    gone, stays = fleet.databases
    fleet.delete(gone)
    fleet.sample_for(hours=2)
    assert meter_of(gone).ended_at is not None
    assert unbroken(fleet, stays)
    number = meter_of(gone).pk
    Database.objects.filter(pk=gone.pk).update(status="ready")
    fleet.sample_for(hours=1)
    assert (meter_of(gone).ended_at, meter_of(gone).pk) == (None, number)


def test_databases_of_a_hot_pool_are_looked_at_every_five_minutes_until_it_is_calm(fleet, monitor):
    fleet.sample_for(hours=2)
    assert not meter_of(fleet.pool).is_hot
    fleet.use(fleet.databases[0], cpu_vcores=2.0)
    fleet.use(fleet.databases[1], cpu_vcores=1.5)
    fleet.sample_for(hours=0.5)
    assert meter_of(fleet.pool).is_hot
    monitor.calls.clear()
    fleet.sample_for(hours=1)
    assert len(monitor.calls) == 24
    for row in fleet.databases:
        fleet.use(row, cpu_vcores=0.1)
    fleet.sample_for(hours=2)
    assert not meter_of(fleet.pool).is_hot
    assert set(Meter.objects.filter(kind="database").values_list("every_seconds", flat=True)) == {3600}


def test_old_days_are_dropped_whole(fleet, settings):
    fleet.sample_for(hours=2)
    settings.SAMPLES_KEPT_DAYS = 9
    first = Sample.objects.order_by("slot").values_list("slot", flat=True)[0]
    fleet.azure.pass_time(10 * 86_400)
    while sample():
        pass
    assert partitions.drop_old() > 0
    assert Sample.objects.filter(slot__lt=first + timedelta(hours=2)).count() == 0
    assert Sample.objects.filter(slot__gte=first + timedelta(days=4)).count() > 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'placement_sample'::regclass")
        assert cursor.fetchone()[0] <= 12


def test_a_pool_that_was_deleted_in_between_is_no_obstacle(fleet, monitor):
    fleet.sample_for(hours=2)
    for row in [*fleet.databases, fleet.pool]:
        fleet.delete(row)
    fleet.sample_for(hours=1)
    monitor.calls.clear()
    assert fleet.sample_for(hours=1) == 0
    assert monitor.calls == []

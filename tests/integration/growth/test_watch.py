"""Samples become proposals weeks ahead, and alerts when days remain."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db.models import Max

from cloud import factory
from inventory.models import Database, Workspace
from inventory.states import Status
from notifications.kinds import KINDS, title_of
from operations import clock
from operations.models import AuditEvent, OutboxEvent
from placement.models import Sample
from placement.sampling.collect import sample
from provisioning.changes.consent import ACCEPTED
from provisioning.growth import proposals
from provisioning.growth.accepting import NothingLarger, accept, begin_due, schedule
from provisioning.growth.proposals import ProposalOver, dismiss
from provisioning.growth.sampling import forget_old_samples, sample_sizes
from provisioning.growth.watch import watch_growth
from provisioning.models import GrowthProposal, SizeSample
from tests.builders import GIB, TIB, a_database, a_pool, a_service, a_workspace
from tests.drifting import a_ready_database, where
from tests.local_azure import LocalAzure, run_until_settled
from tests.sampled import lagging

TODAY = date(2026, 11, 22)


@pytest.fixture
def database(db: None) -> Database:
    """100 GiB, alone in a pool of 2 TiB."""
    pool = a_pool()
    service = a_service(a_workspace("cigna", pool.server.region))
    return a_database(service, pool=pool, server=pool.server, status=Status.READY)


def grow(database: Database, *, today: float, per_day: float, days: int = 30) -> None:
    """Samples of the last days, up to `today` GiB."""
    for ago in range(days):
        used = int((today - per_day * ago) * GIB)
        SizeSample.objects.update_or_create(
            database=database, day=TODAY - timedelta(days=ago), defaults={"used_bytes": used}
        )


def test_a_database_that_will_be_full_in_weeks_is_proposed_to_grow(database: Database):
    grow(database, today=70, per_day=1)
    assert watch_growth() == 1
    row = GrowthProposal.objects.get()
    assert (row.target, row.workspace, row.service, row.state) == (database.key, "cigna", "claims", "open")
    assert row.days_left == pytest.approx(30, abs=0.5)
    assert (row.limit_bytes, row.last_day) == (100 * GIB, TODAY)
    assert row.proposed_bytes == 448 * GIB  # 70 GiB and a year of 1 GiB a day, in steps of 64 GiB
    assert OutboxEvent.objects.filter(kind="growth.proposed", workspace="cigna").count() == 1


def test_one_that_has_months_left_is_left_in_peace(database: Database):
    grow(database, today=30, per_day=0.5)
    assert watch_growth() == 0
    grow(database, today=90, per_day=0)
    assert watch_growth() == 0


def test_watching_again_tells_nobody_again(database: Database):
    grow(database, today=70, per_day=1)
    watch_growth()
    watch_growth()
    assert GrowthProposal.objects.count() == 1
    assert OutboxEvent.objects.count() == 1


def test_it_grows_louder_as_days_run_out(database: Database):
    grow(database, today=75, per_day=1)
    watch_growth()
    grow(database, today=95, per_day=1)
    watch_growth()
    kinds = list(OutboxEvent.objects.order_by("sequence").values_list("kind", flat=True))
    assert kinds == ["growth.proposed", "growth.nearing", "growth.urgent"]
    assert GrowthProposal.objects.get().alerted_days == 7


def test_what_is_told_of_growth_has_words(database: Database):
    grow(database, today=95, per_day=1)
    watch_growth()
    dismiss(GrowthProposal.objects.get(), actor="owner", reason="We clean up.")
    told = [title_of(event.kind, event.data) for event in OutboxEvent.objects.order_by("sequence")]
    name = database.azure_name
    assert told == [f"{name} should grow", f"{name} is full in 5.0 days", f"{name} is left as it is"]
    sources = "".join(path.read_text() for path in Path(proposals.__file__).parent.glob("*.py"))
    assert set(re.findall(r'"(growth\.[a-z_]+)"', sources)) - {"growth.not_measured"} <= set(KINDS)


def test_a_dismissed_proposal_is_told_all_the_same_when_days_remain(database: Database):
    grow(database, today=70, per_day=1)
    watch_growth()
    dismiss(GrowthProposal.objects.get(), actor="owner", reason="We clean up.")
    grow(database, today=97, per_day=1)
    watch_growth()
    assert GrowthProposal.objects.get().state == "dismissed"
    assert OutboxEvent.objects.filter(kind="growth.urgent", workspace="cigna").count() == 1


def test_what_has_room_again_is_withdrawn(database: Database):
    grow(database, today=70, per_day=1)
    watch_growth()
    Database.objects.update(size_bytes=TIB)
    watch_growth()
    assert GrowthProposal.objects.get().state == "withdrawn"
    with pytest.raises(ProposalOver):
        accept(GrowthProposal.objects.get(), actor="owner", consent=ACCEPTED)


def test_an_accepted_proposal_keeps_the_size_that_was_accepted(database: Database):
    grow(database, today=70, per_day=1)
    watch_growth()
    tomorrow = clock.now() + timedelta(days=1)
    wanted = schedule(GrowthProposal.objects.get(), tomorrow, actor="owner", accepts_disruption=False).proposed_bytes
    grow(database, today=90, per_day=3)
    watch_growth()
    row = GrowthProposal.objects.get()
    assert (row.state, row.proposed_bytes, row.decided_by) == ("accepted", wanted, "owner")
    assert AuditEvent.objects.filter(action="growth.accepted", actor="owner", workspace="cigna").count() == 1


def test_an_accepted_proposal_grows_the_database(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace)
    grow(database, today=70, per_day=1)
    watch_growth()
    accept(GrowthProposal.objects.get(), actor="owner", consent=ACCEPTED)
    assert GrowthProposal.objects.get().state == "begun"
    run_until_settled(azure)
    begin_due()
    database.refresh_from_db()
    assert (database.size_bytes, GrowthProposal.objects.get().state) == (448 * GIB, "done")
    seen = factory.sql_management().get_database(where(database), database.azure_name)
    assert seen is not None
    assert seen.max_size_bytes == 448 * GIB


def test_a_scheduled_one_waits_for_its_time(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace)
    grow(database, today=70, per_day=1)
    watch_growth()
    later = clock.now() + timedelta(days=3)
    schedule(GrowthProposal.objects.get(), later, actor="owner", accepts_disruption=True)
    assert begin_due() == 0
    azure.pass_business_time(days=4)
    assert begin_due() == 1
    run_until_settled(azure)
    database.refresh_from_db()
    assert database.size_bytes == 448 * GIB


def test_a_pool_is_full_before_its_databases_are(database: Database):
    assert database.pool is not None
    for name in ("imaging", "labs"):
        service = a_service(a_workspace("cigna"), name)
        other = a_database(service, pool=database.pool, server=database.server, status=Status.READY, size_bytes=2 * TIB)
        grow(other, today=1000, per_day=1)
    watch_growth()
    row = GrowthProposal.objects.get()
    assert (row.target, row.workspace) == (database.pool.key, "")
    assert row.days_left == pytest.approx(24, abs=0.5)
    assert row.bytes_per_day == pytest.approx(2 * GIB, rel=0.01)


def test_nothing_is_larger_than_the_largest(database: Database, settings):
    settings.HYPERSCALE_DATABASE_BYTES = 100 * GIB
    grow(database, today=90, per_day=1)
    watch_growth()
    with pytest.raises(NothingLarger):
        accept(GrowthProposal.objects.get(), actor="owner", consent=ACCEPTED)


def test_old_samples_go(database: Database, settings):
    settings.GROWTH_KEPT_DAYS = 30
    grow(database, today=70, per_day=1, days=40)
    assert forget_old_samples() == 9
    assert SizeSample.objects.count() == 31


def test_sizes_come_from_azure_monitor_one_a_day(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace)
    for _ in range(8):
        azure.pass_time(43_200)
        assert sample_sizes() == 1
    samples = list(SizeSample.objects.filter(database=database).order_by("day").values_list("used_bytes", flat=True))
    assert len(samples) in (4, 5)
    assert samples == sorted(samples)
    assert samples[0] > 0


def test_sizes_come_from_the_samples_where_there_are_any(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace)
    sample()
    azure.pass_time(3 * 3600)
    sample()
    monitor = lagging(azure)
    assert sample_sizes() == 1
    assert monitor.calls == []
    measured = Sample.objects.filter(meter__resource=database.pk).aggregate(most=Max("bytes"))["most"]
    assert SizeSample.objects.get(database=database).used_bytes == measured > 0

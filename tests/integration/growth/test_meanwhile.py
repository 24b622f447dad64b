"""What fills up while something else is done to it, and proposals that wait among others."""

from __future__ import annotations

import pytest
from django.utils import timezone

from inventory.models import Database, ElasticPool, Workspace
from inventory.states import Status
from operations import clock
from operations.models import OutboxEvent
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import PoolWish, request_move, request_resize
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.growth.accepting import NothingLarger, accept, begin_due, schedule
from provisioning.growth.watch import watch_growth
from provisioning.models import GrowthProposal
from tests.builders import GIB, TIB, a_database, a_pool, a_proposal, a_service, a_workspace
from tests.integration.growth.test_watch import grow
from tests.local_azure import LocalAzure, run_until_settled, until_step, work
from tests.rotating import a_ready_database
from tests.waiting import HOUR


@pytest.fixture
def database(db: None) -> Database:
    pool = a_pool()
    service = a_service(a_workspace("cigna", pool.server.region))
    return a_database(service, pool=pool, server=pool.server, status=Status.READY)


def test_what_was_scheduled_survives_a_move(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    grow(database, today=70, per_day=1)
    watch_growth()
    proposal = GrowthProposal.objects.get(target=database.key)
    schedule(proposal, clock.now() + 2 * HOUR, actor="owner", accepts_disruption=True)
    move = request_move(database, actor="operator", reason="tests", consent=ACCEPTED)
    until_step(azure, move, "await_change")
    watch_growth()
    run_until_settled(azure)
    proposal.refresh_from_db()
    assert proposal.state == "accepted"
    clock.advance(3 * HOUR, business=True)
    assert begin_due() == 1


def test_who_is_nearly_full_while_it_is_converted_is_told_all_the_same(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    grow(database, today=70, per_day=1)
    watch_growth()
    assert database.service is not None
    request_conversion(database.service, ConversionWish(Cutover.CONSENT), actor="owner")
    work()
    grow(database, today=97, per_day=1)
    watch_growth()
    told = set(OutboxEvent.objects.filter(kind__startswith="growth.").values_list("kind", flat=True))
    assert "growth.urgent" in told
    assert "growth.withdrawn" not in told


@pytest.mark.parametrize(
    ("columns", "proposed", "accepts_disruption"),
    [({"status": Status.UPDATING}, 2 * TIB, True), ({"status": Status.READY}, 6 * TIB, False)],
    ids=["busy", "nobody has accepted the disruption"],
)
def test_a_hundred_that_cannot_begin_keep_no_other_waiting(
    database: Database, columns: dict[str, object], proposed: int, accepts_disruption: bool
):
    assert database.service is not None
    for number in range(100):
        service = a_service(database.service.workspace, f"service-{number}")
        stuck = a_database(service, pool=database.pool, server=database.server, size_bytes=TIB, **columns)
        proposal = a_proposal(stuck, proposed_bytes=proposed)
        schedule(proposal, clock.now() - 5 * HOUR, actor="owner", accepts_disruption=accepts_disruption)
    good = a_proposal(database)
    schedule(good, clock.now() - HOUR, actor="owner", accepts_disruption=True)
    begin_due()
    good.refresh_from_db()
    assert good.state == "begun"


def test_a_pool_that_is_larger_meanwhile_is_not_made_smaller_by_an_old_proposal(
    azure: LocalAzure, workspace: Workspace
):
    a_ready_database(azure, workspace=workspace)
    pool = ElasticPool.objects.select_related("server").get()
    proposal = GrowthProposal.objects.create(
        target=pool.key,
        name=pool.azure_name,
        limit_bytes=pool.max_size_bytes,
        proposed_bytes=pool.max_size_bytes + 64 * GIB,
        used_bytes=1,
        bytes_per_day=1,
        days_left=20,
        last_day=timezone.now().date(),
        created_at=timezone.now(),
    )
    request_resize(pool, PoolWish(24), actor="operator", consent=ACCEPTED)
    run_until_settled(azure)
    pool.refresh_from_db()
    before = pool.max_size_bytes
    with pytest.raises(NothingLarger):
        accept(proposal, actor="operator", consent=ACCEPTED)
    run_until_settled(azure)
    pool.refresh_from_db()
    assert pool.max_size_bytes == before

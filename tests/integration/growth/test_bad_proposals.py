"""A proposal that can never be granted keeps nobody else waiting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.models import Database, ElasticPool
from inventory.states import Status
from notifications.kinds import text_of
from operations import clock
from operations.models import OutboxEvent
from provisioning.growth.accepting import begin_due, schedule
from provisioning.models import GrowthProposal
from tests.builders import TIB, a_database, a_pool, a_proposal, a_service, a_workspace


@pytest.fixture
def database(db: None) -> Database:
    pool = a_pool()
    service = a_service(a_workspace("cigna", pool.server.region))
    return a_database(service, pool=pool, server=pool.server, status=Status.READY)


def beside(database: Database, name: str) -> Database:
    assert database.service is not None
    service = a_service(database.service.workspace, name)
    return a_database(service, pool=database.pool, server=database.server, status=Status.READY)


def due(*proposals: GrowthProposal) -> None:
    """In this order."""
    for number, one in enumerate(proposals):
        at = clock.now() - timedelta(hours=len(proposals) - number)
        schedule(one, at, actor="owner", accepts_disruption=True)


def test_one_that_no_tier_can_hold_is_refused_and_told_and_the_others_begin(database: Database):
    bad = a_proposal(beside(database, "other"), proposed_bytes=200 * TIB)
    good = a_proposal(database)
    due(bad, good)
    assert begin_due() == 1
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.state == "begun"
    assert (bad.state, bad.reason, bad.due_at) == ("open", "SizeNotSupported", None)
    event = OutboxEvent.objects.get(kind="growth.refused")
    assert (event.workspace, event.target) == ("cigna", bad.target)
    assert "SizeNotSupported" in text_of(event.kind, event.data)
    begin_due()
    assert OutboxEvent.objects.filter(kind="growth.refused").count() == 1


def test_what_is_gone_meanwhile_is_refused_and_the_others_begin(database: Database):
    gone, pool = beside(database, "other"), a_pool(database.server)
    of_database, of_pool, good = a_proposal(gone), a_proposal(beside(database, "third")), a_proposal(database)
    of_pool.target = pool.key
    of_pool.save()
    due(of_database, of_pool, good)
    Database.objects.filter(pk=gone.pk).delete()
    ElasticPool.objects.filter(pk=pool.pk).delete()
    assert begin_due() == 1
    states = dict(GrowthProposal.objects.values_list("target", "state"))
    assert states == {gone.key: "open", pool.key: "open", database.key: "begun"}
    assert set(GrowthProposal.objects.filter(state="open").values_list("reason", flat=True)) == {"TargetGone"}

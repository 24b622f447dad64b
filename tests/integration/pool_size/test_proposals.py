"""Pools get the size that they need: proposed with reason and cost, decided, done."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from inventory.models import Database, ElasticPool, Region, SqlServer
from operations.errors import OperationRefused
from operations.models import AuditEvent, Operation, OutboxEvent
from operations.services import submit
from placement.models import Meter, PoolLoad, RebalancingRules
from provisioning.changes.consent import Consent, DisruptionNotAccepted
from provisioning.models import PoolProposal
from provisioning.pool_size import deciding
from provisioning.pool_size.deciding import approve, dismiss, look, plan_of
from tests.builders import a_pool
from tests.crowded import Crowded, crowded_rows
from tests.measured_fleet import MONDAY, sampled
from tests.prices import prices_of

pytestmark = pytest.mark.django_db

LONG_AGO = MONDAY - timedelta(days=60)
WINDOW = timedelta(days=14)


@pytest.fixture
def crowded(db: None) -> Crowded:
    """The first pool is above its level; nothing has changed in any for long."""
    found = crowded_rows()
    PoolLoad.objects.update(same_since=LONG_AGO)
    ElasticPool.objects.update(created_at=LONG_AGO)
    return found


def hot(pool: ElasticPool) -> None:
    PoolLoad.objects.filter(pool=pool).update(is_hot=True)


def used(pool: ElasticPool, vcores: float, *, since: timedelta = WINDOW) -> None:
    sampled(pool, np.full(int(since / timedelta(minutes=5)), vcores), since=MONDAY - since)
    Meter.objects.filter(resource=pool.pk).update(first_at=MONDAY - since)


def mode(crowded: Crowded, word: str) -> None:
    RebalancingRules.objects.update_or_create(region_id=crowded.region, defaults={"mode": word})


def of(pool: ElasticPool) -> PoolProposal:
    return PoolProposal.objects.select_related("pool__server").get(pool=pool)


def alone(crowded: Crowded) -> None:
    """Nobody may leave the first pool any more: no other one stands on its server."""
    ElasticPool.objects.filter(pk=crowded.second.pk).update(status="deleted")


def test_a_hot_pool_that_moves_relieve_gets_no_other_size(crowded: Crowded):
    hot(crowded.first)
    look()
    assert not PoolProposal.objects.filter(pool=crowded.first).exists()


def test_a_hot_pool_that_no_move_relieves_is_to_grow_with_its_reason(crowded: Crowded, settings, tmp_path: Path):
    settings.PRICES_FILE = prices_of("westus3", folder=tmp_path)
    hot(crowded.first)
    alone(crowded)
    look()
    proposal = of(crowded.first)
    assert (proposal.step, proposal.vcores_now, proposal.vcores, proposal.state) == ("grow", 8, 10, "open")
    assert "its level is 6.40" in proposal.because
    assert (proposal.cost_before, proposal.cost_after) == (None, None)
    assert crowded.region in proposal.cost_note, "the price is unknown here, and it says so"
    assert OutboxEvent.objects.filter(kind="pool.proposed", workspace="").count() == 1
    look()
    assert PoolProposal.objects.count() == 1
    assert OutboxEvent.objects.filter(kind="pool.proposed").count() == 1, "told once"


def test_a_pool_above_its_level_for_a_short_time_is_left_alone(crowded: Crowded):
    alone(crowded)
    look()
    assert not PoolProposal.objects.exists()


def test_an_empty_pool_is_to_be_deleted_and_is(crowded: Crowded):
    look()
    proposal = of(crowded.second)
    assert (proposal.step, proposal.vcores) == ("delete", None)
    operation = approve(proposal, actor="alice", reason="Nobody needs it.", consent=Consent())
    assert (operation.kind, operation.target_key, operation.actor) == ("delete_pool", crowded.second.key, "alice")
    assert AuditEvent.objects.get(action="pool.proposal_begun").reason == "Nobody needs it."


def test_a_large_pool_shrinks_only_after_a_long_quiet_that_was_seen(crowded: Crowded):
    ElasticPool.objects.filter(pk=crowded.first.pk).update(vcores=24, max_size_bytes=3 * 2**40)
    look()
    assert not PoolProposal.objects.filter(pool=crowded.first).exists(), "nothing was sampled"
    used(crowded.first, 7.5, since=WINDOW / 2)
    look()
    assert not PoolProposal.objects.filter(pool=crowded.first).exists(), "half of it was not seen"
    used(crowded.first, 7.5)
    look()
    assert (of(crowded.first).step, of(crowded.first).vcores) == ("shrink", 12)


def test_a_pool_that_somebody_joined_lately_does_not_shrink(crowded: Crowded):
    ElasticPool.objects.filter(pk=crowded.first.pk).update(vcores=24)
    used(crowded.first, 7.5)
    PoolLoad.objects.filter(pool=crowded.first).update(same_since=MONDAY - timedelta(days=13))
    look()
    assert not PoolProposal.objects.filter(pool=crowded.first).exists()


def test_growing_drops_connections_so_it_wants_consent(crowded: Crowded):
    hot(crowded.first)
    alone(crowded)
    look()
    with pytest.raises(DisruptionNotAccepted):
        approve(of(crowded.first), actor="alice", reason="Grow.", consent=Consent())
    assert of(crowded.first).state == "open"
    plan = plan_of(of(crowded.first), actor="alice")
    operation = approve(of(crowded.first), actor="alice", reason="Grow.", consent=Consent(plan_hash=plan.hash))
    assert (operation.kind, operation.input["vcores"]) == ("resize_pool", 10)


def test_a_proposal_whose_reason_is_gone_is_withdrawn(crowded: Crowded):
    look()
    Database.objects.filter(pk=crowded.crowd[0].pk).update(pool=crowded.second)
    ElasticPool.objects.filter(pk=crowded.second.pk).update(databases_committed=1)
    look()
    assert of(crowded.second).state == "withdrawn"
    assert AuditEvent.objects.filter(action="pool.proposal_withdrawn").count() == 1


def test_what_was_dismissed_is_not_proposed_again_while_its_reason_lasts(crowded: Crowded):
    look()
    dismiss(of(crowded.second), actor="alice", reason="It is for tomorrow.")
    look()
    assert of(crowded.second).state == "dismissed"
    with pytest.raises(OperationRefused):
        dismiss(begun(crowded), actor="alice", reason="Again.")


def begun(crowded: Crowded) -> PoolProposal:
    if not PoolProposal.objects.exists():
        look()
    approve(of(crowded.second), actor="alice", reason="Go.", consent=Consent())
    return of(crowded.second)


def test_what_failed_is_open_again_with_the_reason_and_what_succeeded_is_done(crowded: Crowded):
    operation = Operation.objects.get(pk=begun(crowded).operation_id)
    Operation.objects.filter(pk=operation.pk).update(state="failed", error_code="Quota")
    deciding.follow()
    assert (of(crowded.second).state, of(crowded.second).reason) == ("open", "failed: Quota")
    PoolProposal.objects.update(state="begun")
    Operation.objects.filter(pk=operation.pk).update(state="succeeded")
    deciding.follow()
    assert of(crowded.second).state == "done"


@pytest.mark.parametrize(("word", "state", "operations"), [("advise", "open", 0), ("act", "begun", 1)])
def test_the_regions_rules_say_whether_it_begins_by_itself(crowded: Crowded, word: str, state: str, operations: int):
    mode(crowded, word)
    look()
    assert of(crowded.second).state == state
    assert Operation.objects.filter(actor="system:pools").count() == operations


def test_where_rebalancing_is_off_or_halted_nothing_is_proposed_or_begun(crowded: Crowded):
    mode(crowded, "off")
    look()
    assert not PoolProposal.objects.exists()
    mode(crowded, "act")
    RebalancingRules.objects.update(halted_at=MONDAY)
    look()
    assert of(crowded.second).state == "open"


def another_empty(crowded: Crowded) -> ElasticPool:
    pool = a_pool(crowded.first.server)
    ElasticPool.objects.filter(pk=pool.pk).update(created_at=LONG_AGO)
    like = PoolLoad.objects.get(pool=crowded.second)
    like.pk = pool.pk
    like.save()
    return pool


def test_a_server_has_no_more_at_once_than_its_budget(crowded: Crowded):
    mode(crowded, "act")
    RebalancingRules.objects.update(server_at_once=1)
    another_empty(crowded)
    look()
    assert sorted(PoolProposal.objects.values_list("state", flat=True)) == ["begun", "open"]


def test_one_that_cannot_begin_now_is_open_with_the_reason_and_delays_no_other(crowded: Crowded):
    mode(crowded, "act")
    other = another_empty(crowded)
    submit("drain_pool", target=crowded.second.key, actor="alice", wish={"reason": "Retire it."})
    look()
    assert (of(crowded.second).state, of(crowded.second).reason) == ("open", "OperationInProgress")
    assert of(other).state == "begun"


def test_a_pool_with_zones_is_priced_with_zones(crowded: Crowded):
    Region.objects.get_or_create(name="westus3", defaults={"display_name": "West US 3"})
    SqlServer.objects.update(region="westus3")
    ElasticPool.objects.update(is_zone_redundant=True)
    look()
    zoned = of(crowded.second).cost_before
    PoolProposal.objects.all().delete()
    ElasticPool.objects.update(is_zone_redundant=False)
    look()
    assert zoned > of(crowded.second).cost_before > 0
    assert of(crowded.second).cost_after == 0

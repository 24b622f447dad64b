"""Choosing a pool, and saying why."""

import json

import pytest

from placement.engine.fleet import Demand, Fleet, Pool, WorkspaceCounts
from placement.engine.place import place
from placement.engine.policy import GIBIBYTE, TEBIBYTE, Policy
from tests.unit.placement.builders import a_demand, a_pool

POLICY = Policy()


@pytest.mark.parametrize(
    ("constraint", "pool", "missing"),
    [
        ("region", a_pool(region="westus"), 1),
        ("service_tier", a_pool(service_tier="BusinessCritical"), 1),
        ("auth_mode", a_pool(auth_mode="entra_only"), 1),
        ("zone_redundancy", a_pool(zone_redundant=True), 1),
        ("usable", a_pool(usable=False), 1),
        ("not_cordoned", a_pool(cordoned=True), 1),
        ("fits_per_database_vcores", a_pool(per_database_max_vcores=0.25), 0.25),
        ("has_free_storage", a_pool(committed_bytes=1800 * GIBIBYTE), 56.8 * GIBIBYTE),
        ("has_free_vcores", a_pool(committed_vcores=6.0), 0.1),
        ("has_database_slot", a_pool(databases=500), 1),
        ("server_has_database_slot", a_pool(server_databases=502), 3),
    ],
)
def test_a_pool_that_misses_one_rule_is_refused_and_the_rule_is_named(constraint: str, pool: Pool, missing: float):
    decision = place(Fleet.of([pool]), a_demand(), POLICY)
    assert decision.pool_id is None
    assert [(one.constraint, one.nearest_pool_id) for one in decision.refusals] == [(constraint, "p-1")]
    assert decision.refusals[0].missing == pytest.approx(missing, abs=1)
    assert constraint in decision.reason


def test_the_excluded_pool_is_refused_and_the_next_is_chosen():
    decision = place(Fleet.of([a_pool("p-1"), a_pool("p-2")]), a_demand(), POLICY, exclude={"p-1", "p-unknown"})
    assert decision.pool_id == "p-2"
    assert decision.refusals[0].constraint == "excluded"


def test_a_pool_smaller_than_the_database_is_refused_even_when_empty():
    decision = place(Fleet.of([a_pool()]), a_demand(storage_bytes=3 * TEBIBYTE), POLICY)
    missing = {one.constraint: one.missing for one in decision.refusals}
    assert missing["fits_largest_database"] == TEBIBYTE


def test_a_database_may_fill_an_empty_pool_but_not_the_headroom_of_neighbours():
    nearly_all = a_demand(storage_bytes=2000 * GIBIBYTE)
    assert place(Fleet.of([a_pool()]), nearly_all, POLICY).pool_id == "p-1"
    shared = a_pool(committed_bytes=1, databases=1)
    assert place(Fleet.of([shared]), nearly_all, POLICY).pool_id is None


def test_a_pool_may_keep_more_headroom_than_the_policy_asks():
    careful = a_pool(headroom_vcores=7.0, committed_vcores=0.9, databases=1)
    assert place(Fleet.of([careful]), a_demand(), POLICY).pool_id is None


def test_minimum_guarantees_limit_how_many_databases_a_pool_takes():
    fleet = Fleet.of([a_pool(per_database_min_vcores=0.25, databases=32)])
    refusal = place(fleet, a_demand(), POLICY).refusals[0]
    assert (refusal.constraint, refusal.missing) == ("has_database_slot", 1)


def test_without_a_guarantee_only_azures_number_limits_how_many_databases_a_pool_takes():
    without_vcores = a_pool(vcores=0.0, per_database_min_vcores=0.0)
    assert place(Fleet.of([without_vcores]), a_demand(vcores=0.0), POLICY).pool_id == "p-1"


def test_databases_of_a_workspace_are_spread_over_pools_then_servers():
    fleet = Fleet.of([a_pool("p-1"), a_pool("p-2"), a_pool("p-3", server_id="s-2")])
    counts = WorkspaceCounts.of(fleet, by_pool={"p-1": 2, "p-gone": 9}, by_server={"s-1": 2})
    decision = place(fleet, a_demand(), POLICY, workspace_counts=counts)
    assert [one.pool_id for one in decision.candidates] == ["p-3", "p-2", "p-1"]
    assert dict(decision.candidates[2].scores)["spread_over_pools"] == 2


def test_the_fuller_pool_is_filled_first():
    fleet = Fleet.of([a_pool("p-1"), a_pool("p-2", committed_bytes=TEBIBYTE, committed_vcores=3.0)])
    assert place(fleet, a_demand(), POLICY).pool_id == "p-2"


def test_equal_pools_are_chosen_by_id():
    assert place(Fleet.of([a_pool("p-2"), a_pool("p-1")]), a_demand(), POLICY).pool_id == "p-1"


def test_the_order_of_terms_is_the_policys():
    fleet = Fleet.of([a_pool("p-1", committed_bytes=TEBIBYTE), a_pool("p-2")])
    counts = WorkspaceCounts.of(fleet, by_pool={"p-1": 1}, by_server={})
    fill_first = Policy(terms=("leftover_room", "spread_over_pools"))
    assert place(fleet, a_demand(), POLICY, workspace_counts=counts).pool_id == "p-2"
    assert place(fleet, a_demand(), fill_first, workspace_counts=counts).pool_id == "p-1"


def test_the_nearest_pool_is_one_that_nothing_else_refuses():
    pools = [a_pool("p-1", committed_vcores=6.0, region="westus"), a_pool("p-2", committed_vcores=7.0)]
    refusal = next(
        one for one in place(Fleet.of(pools), a_demand(), POLICY).refusals if one.constraint == "has_free_vcores"
    )
    assert (refusal.refused, refusal.alone, refusal.nearest_pool_id) == (2, 1, "p-2")
    assert refusal.missing == pytest.approx(1.1)


def test_an_empty_fleet_gets_an_answer_with_a_reason():
    decision = place(Fleet.of([]), a_demand(), POLICY)
    assert (decision.pool_id, decision.reason) == (None, "There are no pools.")


@pytest.mark.parametrize("changes", [{"storage_bytes": 10**400}, {"storage_bytes": 2**63}, {"vcores": 1e308}])
def test_a_huge_demand_is_refused_with_a_reason(changes: dict):
    decision = place(Fleet.of([a_pool()]), a_demand(**changes), POLICY)
    assert decision.pool_id is None
    assert "fails" in decision.reason


def test_a_decision_can_be_stored_as_json():
    fleet = Fleet.of([a_pool("p-1"), a_pool("p-2", cordoned=True), a_pool("p-3")])
    stored = json.loads(json.dumps(place(fleet, a_demand(), POLICY).as_dict()))
    assert stored["pool_id"] == "p-1"
    assert [one["pool_id"] for one in stored["candidates"]] == ["p-1", "p-3"]
    assert stored["refusals"][0]["constraint"] == "not_cordoned"


@pytest.mark.parametrize(
    "wish", [{"storage_bytes": -1}, {"vcores": -0.5}, {"vcores": float("nan")}, {"vcores": float("inf")}]
)
def test_what_is_not_a_demand_is_refused(wish: dict):
    with pytest.raises(ValueError, match="not a demand"):
        a_demand(**wish)


@pytest.mark.parametrize("pools", [[a_pool(), a_pool()], [a_pool(committed_bytes=-1)], [a_pool(vcores=float("nan"))]])
def test_what_is_not_a_fleet_is_refused(pools: list[Pool]):
    with pytest.raises(ValueError):
        Fleet.of(pools)


def test_a_policy_without_any_room_is_refused():
    with pytest.raises(ValueError, match="headroom"):
        Policy(headroom_vcores_fraction=1.0)


def test_a_demand_carries_the_expected_vcores_of_its_kind():
    vcores = POLICY.expected_vcores(service_kind="fhir", storage_bytes=TEBIBYTE)
    assert Demand("eastus", "GeneralPurpose", TEBIBYTE, vcores).vcores == 2.5


def test_the_ceilings_of_a_decision_are_what_its_taker_may_promise():
    sharing = place(Fleet.of([a_pool(databases=1, committed_bytes=1)]), a_demand(), POLICY).ceilings
    assert sharing is not None
    assert (sharing.committed_bytes, sharing.databases) == (int(2048 * GIBIBYTE * 0.9), 500)
    assert sharing.committed_vcores == pytest.approx(6.4)
    alone = place(Fleet.of([a_pool()]), a_demand(storage_bytes=2048 * GIBIBYTE), POLICY).ceilings
    assert alone is not None
    assert alone.committed_bytes == 2048 * GIBIBYTE


def test_a_lack_of_storage_is_told_in_gigabytes():
    decision = place(Fleet.of([a_pool(committed_bytes=1800 * GIBIBYTE)]), a_demand(), POLICY)
    assert decision.reason == "None of 1 pools can take it; the nearest, p-1, fails has_free_storage by 56.8 GB."


def test_a_storage_heavy_database_goes_where_storage_is_free_and_compute_is_not():
    short_of_storage = a_pool("p-1", committed_bytes=1700 * GIBIBYTE)
    short_of_compute = a_pool("p-2", committed_vcores=6.0)
    fleet = Fleet.of([short_of_storage, short_of_compute])
    assert place(fleet, a_demand(vcores=0.05), POLICY).pool_id == "p-2"
    assert place(fleet, a_demand(storage_bytes=GIBIBYTE, vcores=0.4), POLICY).pool_id == "p-1"

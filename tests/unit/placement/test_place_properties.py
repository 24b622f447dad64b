"""What holds for every fleet and every demand, checked against the rules written a second time, plainly."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from placement.engine.decision import Decision
from placement.engine.fleet import LARGEST_BYTES, Demand, Fleet, Pool, WorkspaceCounts
from placement.engine.place import place, place_many
from placement.engine.policy import GIBIBYTE, Policy
from tests.unit.placement.builders import a_demand, a_pool

NEGLIGIBLE = 1e-6
HUNDRED = 100 * GIBIBYTE

regions = st.sampled_from(["eastus"] * 5 + ["westus"])
mostly = st.sampled_from([True] * 5 + [False])
loads = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 7.5]) | st.integers(0, 10**12).map(float)
wishes_bytes = st.sampled_from([0, 1, 3, 8, 15, 20]).map(lambda hundreds: hundreds * HUNDRED) | st.integers(0, 10**14)

pools = st.builds(
    a_pool,
    server_id=st.sampled_from(["s-1", "s-2", "s-3"]),
    region=regions,
    auth_mode=st.sampled_from(["sql"] * 5 + ["entra_only"]),
    usable=mostly,
    cordoned=mostly.map(lambda yes: not yes),
    vcores=st.sampled_from([0.0, 2.0, 4.0, 8.0, 32.0]),
    storage_limit_bytes=st.sampled_from([0, 5, 20, 20, 40]).map(lambda hundreds: hundreds * HUNDRED)
    | st.integers(0, LARGEST_BYTES),
    max_databases=st.integers(0, 8),
    per_database_min_vcores=st.sampled_from([0.0, 0.0, 0.25, 2.0]),
    per_database_max_vcores=st.sampled_from([0.5, 4.0, 1e12]),
    server_max_databases=st.integers(2, 8),
    committed_vcores=st.sampled_from([0.0, 0.0, 0.5, 3.0, 6.0]),
    committed_bytes=st.sampled_from([0, 0, 1, 10, 18]).map(lambda hundreds: hundreds * HUNDRED),
    databases=st.integers(0, 3),
    server_databases=st.integers(0, 4),
    headroom_bytes=st.sampled_from([0, 0, 0, 5 * HUNDRED]),
)
fleets = st.lists(pools, max_size=8).map(lambda rows: [row._replace(pool_id=f"p-{i}") for i, row in enumerate(rows)])
demands = st.builds(
    a_demand, region=regions, storage_bytes=wishes_bytes, vcores=loads, workspace_id=st.sampled_from(["", "w-1", "w-2"])
)
policies = st.builds(
    Policy,
    headroom_storage_fraction=st.sampled_from([0.0, 0.1, 0.5]),
    headroom_vcores_fraction=st.sampled_from([0.0, 0.2]),
)


def may_hold(pool: Pool, demand: Demand, policy: Policy) -> bool:
    """Every hard rule, for one pool, in plain arithmetic."""
    same_kind = (pool.region, pool.service_tier, pool.auth_mode, pool.zone_redundant) == (
        demand.region,
        demand.service_tier,
        demand.auth_mode,
        demand.zone_redundant,
    )
    guaranteed = pool.per_database_min_vcores * (pool.databases + 1)
    return (
        same_kind
        and pool.usable
        and not pool.cordoned
        and pool.databases < pool.max_databases
        and pool.server_databases < pool.server_max_databases
        and guaranteed <= pool.vcores + NEGLIGIBLE
        and demand.vcores <= pool.per_database_max_vcores
        and _has_storage(pool, demand, policy)
        and _has_vcores(pool, demand, policy)
    )


def _has_storage(pool: Pool, demand: Demand, policy: Policy) -> bool:
    if pool.committed_bytes == 0:
        return demand.storage_bytes <= pool.storage_limit_bytes
    kept = max(pool.headroom_bytes, pool.storage_limit_bytes * policy.headroom_storage_fraction)
    return pool.committed_bytes + demand.storage_bytes <= max(pool.storage_limit_bytes - kept, 0)


def _has_vcores(pool: Pool, demand: Demand, policy: Policy) -> bool:
    if pool.committed_vcores == 0:
        return demand.vcores <= pool.vcores
    kept = pool.vcores * policy.headroom_vcores_fraction
    return pool.committed_vcores + demand.vcores <= max(pool.vcores - kept, 0) + NEGLIGIBLE


@given(rows=fleets, demand=demands, policy=policies, excluded=st.sets(st.sampled_from(["p-0", "p-1", "p-2"])))
def test_the_chosen_pool_may_hold_the_database_and_none_means_that_none_may(
    rows: list[Pool], demand: Demand, policy: Policy, excluded: set[str]
):
    decision = place(Fleet.of(rows), demand, policy, excluded)
    allowed = {row.pool_id for row in rows if row.pool_id not in excluded and may_hold(row, demand, policy)}
    assert decision.feasible == len(allowed)
    assert {candidate.pool_id for candidate in decision.candidates} <= allowed
    assert (decision.pool_id is None) == (not allowed)


@given(rows=fleets, demand=demands, policy=policies, data=st.data())
def test_the_order_of_the_pools_does_not_matter(rows: list[Pool], demand: Demand, policy: Policy, data: st.DataObject):
    shuffled = data.draw(st.permutations(rows))
    neighbours = {"by_pool": {"p-0": 2, "p-3": 1}, "by_server": {"s-1": 3}}
    decisions = [
        place(fleet, demand, policy, workspace_counts=WorkspaceCounts.of(fleet, **neighbours))
        for fleet in (Fleet.of(rows), Fleet.of(shuffled))
    ]
    assert decisions[0] == decisions[1]


@given(rows=fleets, wishes=st.lists(demands, max_size=12), policy=policies)
def test_no_order_of_many_demands_overfills_a_pool(rows: list[Pool], wishes: list[Demand], policy: Policy):
    """Replays the answers, largest first as they were taken, with the plain rules on rows that fill up."""
    decisions = place_many(Fleet.of(rows), wishes, policy)
    now = {row.pool_id: row for row in rows}
    for decision in sorted(decisions, key=_size, reverse=True):
        if decision.pool_id is not None:
            assert may_hold(now[decision.pool_id], decision.demand, policy)
            now = _with(now, decision.pool_id, decision.demand)


@given(rows=fleets, wishes=st.lists(demands, max_size=12), data=st.data())
def test_the_order_of_the_demands_does_not_matter(rows: list[Pool], wishes: list[Demand], data: st.DataObject):
    answers = [
        Counter((one.demand, one.pool_id) for one in place_many(Fleet.of(rows), order, Policy()))
        for order in (wishes, data.draw(st.permutations(wishes)))
    ]
    assert answers[0] == answers[1]


@given(rows=fleets, wishes=st.lists(demands, max_size=5))
def test_placing_many_answers_in_order_and_leaves_the_fleet_as_it_was(rows: list[Pool], wishes: list[Demand]):
    fleet = Fleet.of(rows)
    before = [place(fleet, wish, Policy()) for wish in wishes]
    assert [one.demand for one in place_many(fleet, wishes, Policy())] == wishes
    assert [place(fleet, wish, Policy()) for wish in wishes] == before


@given(
    rows=fleets, demand=demands, size=st.sampled_from([0, 10**18, 2**63, 10**400]), load=st.sampled_from([0.0, 1e308])
)
def test_every_question_gets_an_answer_with_a_reason_that_json_can_hold(
    rows: list[Pool], demand: Demand, size: int, load: float
):
    extreme = a_demand(region=demand.region, storage_bytes=size, vcores=load)
    for decision in [
        place(Fleet.of(rows), extreme, Policy()),
        *place_many(Fleet.of(rows), [extreme, demand], Policy()),
    ]:
        assert len(decision.reason) > 10
        assert decision.pool_id is not None or decision.refusals or not rows
        json.dumps(decision.as_dict(), allow_nan=False)


@given(rows=fleets, wishes=st.lists(demands, min_size=1, max_size=8), policy=policies)
def test_taking_room_below_the_ceilings_keeps_every_rule(rows: list[Pool], wishes: list[Demand], policy: Policy):
    """Decisions made on one stale view, taken one after the other by the guard alone, as racing writers would."""
    decisions = [place(Fleet.of(rows), wish, policy) for wish in wishes]
    now = {row.pool_id: row for row in rows}
    for decision in decisions:
        if decision.pool_id is not None and _guard_lets_in(now[decision.pool_id], decision):
            unlimited_server = now[decision.pool_id]._replace(server_databases=0, server_max_databases=1)
            assert may_hold(unlimited_server, decision.demand, policy)
            now = _with(now, decision.pool_id, decision.demand)


def _guard_lets_in(pool: Pool, decision: Decision) -> bool:
    assert decision.ceilings is not None
    return (
        pool.committed_bytes + decision.demand.storage_bytes <= decision.ceilings.committed_bytes
        and pool.committed_vcores + decision.demand.vcores <= decision.ceilings.committed_vcores
        and pool.databases + 1 <= decision.ceilings.databases
    )


def _with(now: dict[str, Pool], pool_id: str, demand: Demand) -> dict[str, Pool]:
    """The rows once this pool has taken the database; its server counts one more in each of its pools."""
    server_id = now[pool_id].server_id
    counted = {
        key: row._replace(server_databases=row.server_databases + (row.server_id == server_id))
        for key, row in now.items()
    }
    taken = counted[pool_id]
    counted[pool_id] = taken._replace(
        committed_bytes=taken.committed_bytes + demand.storage_bytes,
        committed_vcores=taken.committed_vcores + demand.vcores,
        databases=taken.databases + 1,
    )
    return counted


def _size(decision: Decision) -> tuple[float, ...]:
    demand = decision.demand
    return max(demand.storage_bytes / (2048 * GIBIBYTE), demand.vcores / 8), demand.vcores, demand.storage_bytes

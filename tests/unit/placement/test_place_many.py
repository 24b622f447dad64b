"""Placing many at once: each counts on what those before it took."""

import pytest

from placement.engine.fleet import Fleet, WorkspaceCounts
from placement.engine.place import place_many
from placement.engine.policy import GIBIBYTE, Policy
from tests.unit.placement.builders import a_demand, a_pool


def test_pools_of_one_server_share_its_database_slots():
    fleet = Fleet.of([a_pool("p-1", server_max_databases=1), a_pool("p-2", server_max_databases=1)])
    first, second = place_many(fleet, [a_demand(), a_demand()], Policy())
    assert first.pool_id == "p-1"
    assert [one.constraint for one in second.refusals] == ["server_has_database_slot"]


def test_three_databases_of_a_workspace_go_to_three_pools():
    fleet = Fleet.of([a_pool("p-1"), a_pool("p-2"), a_pool("p-3", server_id="s-2")])
    decisions = place_many(fleet, [a_demand()] * 3, Policy())
    assert {one.pool_id for one in decisions} == {"p-1", "p-2", "p-3"}


def test_neighbours_known_beforehand_count_and_are_not_changed():
    fleet = Fleet.of([a_pool("p-1"), a_pool("p-2")])
    known = {"w-1": WorkspaceCounts.of(fleet, by_pool={"p-1": 1}, by_server={"s-1": 1})}
    assert place_many(fleet, [a_demand()], Policy(), workspace_counts=known)[0].pool_id == "p-2"
    assert known["w-1"].in_pool.tolist() == [1, 0]


def test_databases_without_a_workspace_are_strangers_to_each_other():
    fleet = Fleet.of([a_pool("p-1"), a_pool("p-2")])
    decisions = place_many(fleet, [a_demand(workspace_id="")] * 3, Policy())
    assert {one.pool_id for one in decisions} == {"p-1"}


def test_of_five_hundred_into_room_for_three_hundred_exactly_three_hundred_are_placed():
    fleet = Fleet.of([a_pool(f"p-{index}", max_databases=100) for index in range(3)])
    tiny = a_demand(storage_bytes=GIBIBYTE, vcores=0.01)
    decisions = place_many(fleet, [tiny] * 500, Policy())
    assert sum(one.pool_id is not None for one in decisions) == 300


@pytest.mark.parametrize("sizes", [(1000, 900), (900, 1000)])
def test_the_largest_is_placed_while_there_is_room(sizes: tuple[int, int]):
    fleet = Fleet.of([a_pool(storage_limit_bytes=1100 * GIBIBYTE)])
    decisions = place_many(fleet, [a_demand(storage_bytes=size * GIBIBYTE) for size in sizes], Policy())
    placed = [one.demand.storage_bytes // GIBIBYTE for one in decisions if one.pool_id]
    assert placed == [1000]

"""Many databases on a copy of a fleet: as they would be placed, with the pools made for them."""

from __future__ import annotations

import numpy as np
import pytest

from placement.engine.fleet import Fleet
from placement.engine.policy import GIBIBYTE, Policy
from placement.engine.settling import NOWHERE, Wish, settle
from placement.engine.usage import HOURS, Measured, OneLoad, Risk
from tests.unit.placement.builders import a_demand, a_pool

RISK = Risk(z=2.0, correlation=0.5)


def wish(*, gib: int = 100, vcores: float = 0.5, needs: float | None = None) -> Wish:
    mean = vcores if needs is None else needs
    return Wish(a_demand(storage_bytes=gib * GIBIBYTE, vcores=vcores), OneLoad(np.full(HOURS, mean), mean, 0.0))


def measured(fleet: Fleet, vcores: float) -> Measured:
    found = Measured.nothing(len(fleet), RISK)
    found.known[:] = True
    found.load.profile[:] = vcores
    found.counted[:] = fleet.committed_vcores
    return found


def test_pools_are_filled_first_and_then_made():
    fleet = Fleet.of([a_pool("a")])
    found = settle(fleet, Measured.nothing(1, RISK), [wish(gib=500)] * 10, Policy())
    assert found.places.count(0) == 3, "2 TB less a tenth hold three of 500 GB"
    assert {shape.max_size_bytes for shape in found.made} == {2048 * GIBIBYTE}
    assert len(found.fleet) == 1 + len(found.made)
    assert sorted(found.fleet.databases.tolist()) == [1, 3, 3, 3]


def test_fleet_and_loads_stay_as_they_are():
    fleet = Fleet.of([a_pool("a")])
    loads = measured(fleet, 1.0)
    settle(fleet, loads, [wish()] * 20, Policy())
    assert (fleet.databases.tolist(), len(fleet)) == ([0], 1)
    assert loads.load.profile.max() == 1.0


def test_where_loads_are_measured_newcomers_count_as_what_they_need():
    fleet = Fleet.of([a_pool("a")])
    light = settle(fleet, measured(fleet, 0.0), [wish(gib=1, vcores=1.0, needs=0.1)] * 12, Policy())
    heavy = settle(fleet, measured(fleet, 0.0), [wish(gib=1, vcores=1.0, needs=2.0)] * 12, Policy())
    assert light.places.count(0) == 12
    assert heavy.places.count(0) == 3, "8 vCores less a fifth"
    assert light.measured.load.mean[0] == pytest.approx(1.2)


def test_the_order_of_wishes_does_not_matter():
    fleet = Fleet.of([a_pool("a"), a_pool("b")])
    wishes = [wish(gib=gib) for gib in (900, 20, 700, 400, 1500, 300, 30, 1100)]
    some, others = (settle(fleet, Measured.nothing(2, RISK), order, Policy()) for order in (wishes, wishes[::-1]))
    assert some.places == others.places[::-1]
    assert some.made == others.made


def test_what_nothing_can_hold_has_no_place_and_a_reason():
    fleet = Fleet.of([a_pool("a")])
    found = settle(fleet, Measured.nothing(1, RISK), [wish(), wish(gib=9000)], Policy())
    assert found.places == (0, NOWHERE)
    assert list(found.refusals) == [1]
    assert "no GeneralPurpose" in found.refusals[1]


def test_a_fleet_with_a_pool_more_holds_the_same_and_that_one():
    fleet = Fleet.of([a_pool("b"), a_pool("a")]).with_one_more(a_pool("c", region="elsewhere"))
    assert (fleet.ids, fleet.id_rank.tolist()) == (("b", "a", "c"), [1, 0, 2])
    assert fleet.region.equals("elsewhere").tolist() == [False, False, True]
    with pytest.raises(ValueError, match="twice"):
        fleet.with_one_more(a_pool("a"))

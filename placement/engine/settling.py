"""Many more databases on a copy of a fleet, one after the other as they would be placed, with the pools made for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from placement.engine.fleet import Demand, Fleet, Pool, WorkspaceCounts
from placement.engine.place import largest_first, place
from placement.engine.policy import Policy
from placement.engine.sizing import NoPoolSize, PoolShape, pool_shape_for
from placement.engine.usage import Measured, OneLoad

NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Wish:
    """One more database: what it asks of a pool, and what it is expected to need."""

    demand: Demand
    load: OneLoad


@dataclass(frozen=True, slots=True)
class Settled:
    """The copy with everybody in it: the pools that had to be made stand last. `places` are positions by wish, or NOWHERE,
    and then `refusals` has the reason at the wish's position."""

    fleet: Fleet
    measured: Measured
    made: tuple[PoolShape, ...]
    places: tuple[int, ...]
    refusals: dict[int, str]


def settle(fleet: Fleet, measured: Measured, wishes: Sequence[Wish], policy: Policy) -> Settled:
    """Place all wishes, the largest first, so that their order does not matter. Fleet and loads stay as they are.

    A pool is made where none has room, as the product does, each on a server of its own.
    """
    copy, places, refusals = _Copy(fleet, measured, policy), [NOWHERE] * len(wishes), {}
    for position in sorted(range(len(wishes)), key=lambda number: largest_first(wishes[number].demand)):
        try:
            places[position] = copy.take(wishes[position])
        except NoPoolSize as refusal:
            refusals[position] = str(refusal)
    return Settled(copy.fleet, copy.measured, tuple(copy.made), tuple(places), refusals)


class _Copy:
    """A fleet that changes while databases come."""

    def __init__(self, fleet: Fleet, measured: Measured, policy: Policy) -> None:
        self.fleet, self.measured, self.policy = fleet.with_own_counters(), measured.own(), policy
        self.made: list[PoolShape] = []
        self._counts: dict[str, WorkspaceCounts] = {}

    def take(self, wish: Wish) -> int:
        """Where it stands now. Raises NoPoolSize where neither a pool nor a new one could hold it."""
        demand, counts = wish.demand, self._counts_of(wish.demand.workspace_id)
        usage = self.measured.asked_by(wish.load)
        chosen = place(self.fleet, demand, self.policy, workspace_counts=counts, usage=usage).pool_id
        index = self._make(demand) if chosen is None else self.fleet.index_of[chosen]
        self.fleet.take_room(index, demand)
        self.measured.add(index, wish.load, vcores=demand.vcores)
        if demand.workspace_id:
            self._counts_of(demand.workspace_id).add(self.fleet, index)
        return index

    def _counts_of(self, workspace: str) -> WorkspaceCounts:
        if workspace not in self._counts:
            self._counts[workspace] = WorkspaceCounts.none(self.fleet)
        return self._counts[workspace]

    def _make(self, demand: Demand) -> int:
        shape = pool_shape_for(demand, self.policy)
        self.made.append(shape)
        self.fleet = self.fleet.with_one_more(_new_pool(shape, demand, number=len(self.made)))
        self.measured = self.measured.with_one_more()
        self._counts = {workspace: counts.with_one_more() for workspace, counts in self._counts.items()}
        return len(self.fleet) - 1


def _new_pool(shape: PoolShape, demand: Demand, *, number: int) -> Pool:
    """Its name stands after every id of a row, so that it wins no tie."""
    name = f"~{number:06}"
    return Pool(
        *(name, name, demand.region, shape.service_tier, demand.auth_mode, shape.zone_redundant),
        usable=True,
        cordoned=False,
        vcores=float(shape.vcores),
        storage_limit_bytes=shape.max_size_bytes,
        max_databases=shape.max_databases,
        per_database_min_vcores=shape.per_database_min_vcores,
        per_database_max_vcores=shape.per_database_max_vcores,
        server_max_databases=shape.max_databases,
    )

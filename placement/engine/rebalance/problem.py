"""What a rebalancing starts from: databases, pools, what may not happen, and what is bad by how much. Integers only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class ImpossibleProblem(ValueError):
    """The arrays contradict each other; the message says which."""

    code = "ImpossibleProblem"


@dataclass(frozen=True, slots=True)
class Databases:
    """One row a database: what it needs of each resource, its group, the cost of moving it, and where it stands.

    Databases of one group never share a pool. `pinned` ones stay: a customer has asked for it.
    """

    needs: Ints
    group: Ints
    move_cost: Ints
    pool: Ints
    kind: Ints
    pinned: Mask

    def at(self, order: Ints) -> Databases:
        """The same rows in this order."""
        return Databases(
            needs=np.ascontiguousarray(self.needs[order]),
            group=self.group[order],
            move_cost=self.move_cost[order],
            pool=self.pool[order],
            kind=self.kind[order],
            pinned=self.pinned[order],
        )


@dataclass(frozen=True, slots=True)
class Pools:
    """One row a pool: limit and safe level of each resource, its zone, its site, and what roads from it cost.

    `kind` groups pools that accept the same databases, `port` those between which a move costs the same. A pool that
    is `closed` takes nobody.
    """

    capacity: Ints
    safe: Ints
    zone: Ints
    site: Ints
    kind: Ints
    port: Ints
    closed: Mask


@dataclass(frozen=True, slots=True)
class Groups:
    """One row a group: over how many sites it must spread, and which groups must stand in each of its zones."""

    sites: Ints
    needed: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """For `wanted` units free of `first`, one of `second` should be free; each missing unit costs `weight`."""

    first: int
    second: int
    wanted: int
    weight: int


@dataclass(frozen=True, slots=True)
class Costs:
    """What each unit above the safe level costs, and what moving costs.

    `held`: resources taken at both ends while a copy runs. `road`: between ports. `road_weight`, `database_weight`
    and `group_weight` (for the group with most moves) weigh the three costs of moving.
    """

    load_weight: Ints
    held: Mask
    road: Ints
    balances: tuple[Balance, ...] = ()
    database_weight: int = 0
    group_weight: int = 0
    road_weight: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that a rebalancing may look at. `accepts[k, l]`: databases of kind k may live in pools of kind l.

    Raises ImpossibleProblem if arrays do not fit together or numbers are negative.
    """

    databases: Databases
    pools: Pools
    groups: Groups
    costs: Costs
    accepts: Mask = field(default_factory=lambda: np.ones((1, 1), dtype=np.bool_))

    def __post_init__(self) -> None:
        databases, pools = len(self.databases.needs), len(self.pools.capacity)
        if databases and not pools:
            raise ImpossibleProblem("there are databases and no pools")
        _demand(self.databases.needs.shape[1] == self.pools.capacity.shape[1], "needs and capacities differ in width")
        _demand(self.pools.safe.shape == self.pools.capacity.shape, "safe levels and capacities differ in shape")
        _demand(len(self.costs.load_weight) == self.pools.capacity.shape[1], "a load weight is missing")
        _demand(_within(self.databases.pool, pools), "a database stands in a pool that does not exist")
        _demand(_within(self.databases.group, len(self.groups.sites)), "a database is of a group that does not exist")
        _demand(_within(self.pools.port, len(self.costs.road)), "a pool has a port without roads")
        _demand(_within(self.databases.kind, self.accepts.shape[0]), "a database is of an unknown kind")
        _demand(_within(self.pools.kind, self.accepts.shape[1]), "a pool is of an unknown kind")
        _demand(bool((self.databases.needs >= 0).all()), "a database needs less than nothing")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ImpossibleProblem(otherwise)


def _within(positions: Ints, length: int) -> bool:
    return bool(((positions >= 0) & (positions < length)).all())

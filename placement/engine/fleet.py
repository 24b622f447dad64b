"""What placement sees: pools as parallel arrays, and what one database asks of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

LARGEST_BYTES = 2**53
"""Byte counts up to here (8 PiB, eighty times the largest pool) are exact in float64; a fleet beyond it is refused."""


class Pool(NamedTuple):
    """One elastic pool as a row: what it is, what it may hold, and what has been promised to its databases.

    `vcores`, `storage_limit_bytes`, `max_databases` are Azure's limits of its size; `committed_…` and `databases` count
    promises, not measured use. `server_databases` counts every database of its server, pooled or not. `headroom_…` is
    kept free on this pool even where the policy asks for less.
    """

    pool_id: str
    server_id: str
    region: str
    service_tier: str
    auth_mode: str
    zone_redundant: bool
    usable: bool
    cordoned: bool
    vcores: float
    storage_limit_bytes: int
    max_databases: int
    per_database_min_vcores: float
    per_database_max_vcores: float
    server_max_databases: int
    committed_vcores: float = 0.0
    committed_bytes: int = 0
    databases: int = 0
    server_databases: int = 0
    headroom_vcores: float = 0.0
    headroom_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """What one database asks: planned capacity in bytes, expected vCores, and where and how it must live.

    Raises ValueError for a negative or unbounded wish.
    """

    region: str
    service_tier: str
    storage_bytes: int
    vcores: float
    auth_mode: str = "sql"
    zone_redundant: bool = False
    workspace_id: str = ""

    def __post_init__(self) -> None:
        if self.storage_bytes < 0 or self.vcores < 0 or not math.isfinite(self.vcores):
            raise ValueError(f"not a demand: {self.storage_bytes} bytes, {self.vcores} vCores")

    @property
    def countable_bytes(self) -> float:
        """The storage as a float; a wish beyond any fleet counts as twice the largest, which nothing can hold."""
        return float(min(self.storage_bytes, 2 * LARGEST_BYTES))


@dataclass(frozen=True, slots=True)
class Category:
    """A column of names kept as numbers, so that comparing it with one name costs one pass over integers."""

    codes: Ints
    code_of: Mapping[str, int]

    @classmethod
    def of(cls, names: Sequence[str]) -> Category:
        code_of: dict[str, int] = {}
        codes = [code_of.setdefault(name, len(code_of)) for name in names]
        return cls(np.array(codes, dtype=np.int64), code_of)

    def joined(self, other: Category) -> Category:
        """This column, and then the other."""
        code_of = dict(self.code_of)
        new = [code_of.setdefault(name, len(code_of)) for name in other.code_of]
        return Category(np.concatenate((self.codes, np.array(new, dtype=np.int64)[other.codes])), code_of)

    def equals(self, name: str) -> Mask:
        """True where the column holds this name; an unknown name is nowhere."""
        return np.equal(self.codes, self.code_of.get(name, -1))


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every pool, one array an attribute; position i is the same pool in all of them. Built by `Fleet.of`."""

    ids: tuple[str, ...]
    index_of: Mapping[str, int]
    id_rank: Ints
    server: Category
    region: Category
    service_tier: Category
    auth_mode: Category
    zone_redundant: Mask
    usable: Mask
    cordoned: Mask
    vcores: Floats
    storage_limit_bytes: Ints
    max_databases: Ints
    per_database_min_vcores: Floats
    per_database_max_vcores: Floats
    server_max_databases: Ints
    committed_vcores: Floats
    committed_bytes: Ints
    databases: Ints
    server_databases: Ints
    headroom_vcores: Floats
    headroom_bytes: Ints

    @classmethod
    def of(cls, pools: Iterable[Pool]) -> Fleet:
        """Turn rows into columns. Raises ValueError for a repeated id or a count that cannot be."""
        columns = _columns(tuple(pools))
        ids = columns["pool_id"]
        return cls(
            ids=tuple(ids),
            index_of=_positions(ids),
            id_rank=_ranks(ids),
            server=Category.of(columns["server_id"]),
            region=Category.of(columns["region"]),
            service_tier=Category.of(columns["service_tier"]),
            auth_mode=Category.of(columns["auth_mode"]),
            zone_redundant=np.array(columns["zone_redundant"], dtype=np.bool_),
            usable=np.array(columns["usable"], dtype=np.bool_),
            cordoned=np.array(columns["cordoned"], dtype=np.bool_),
            vcores=_amounts(columns, "vcores"),
            storage_limit_bytes=_counts(columns, "storage_limit_bytes"),
            max_databases=_counts(columns, "max_databases"),
            per_database_min_vcores=_amounts(columns, "per_database_min_vcores"),
            per_database_max_vcores=_amounts(columns, "per_database_max_vcores"),
            server_max_databases=_counts(columns, "server_max_databases"),
            committed_vcores=_amounts(columns, "committed_vcores"),
            committed_bytes=_counts(columns, "committed_bytes"),
            databases=_counts(columns, "databases"),
            server_databases=_counts(columns, "server_databases"),
            headroom_vcores=_amounts(columns, "headroom_vcores"),
            headroom_bytes=_counts(columns, "headroom_bytes"),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def with_own_counters(self) -> Fleet:
        """The same fleet with promises that `take_room` may change without touching this one."""
        return replace(self, **{field: getattr(self, field).copy() for field in _PROMISED})

    def with_one_more(self, pool: Pool) -> Fleet:
        """The same fleet and a pool at its end. Raises ValueError for an id that it holds already."""
        one = Fleet.of([pool])
        joined = {name: _joined(getattr(self, name), getattr(one, name)) for name in _COLUMNS}
        return Fleet(**joined, index_of=_positions(joined["ids"]), id_rank=_ranks(joined["ids"]))

    def take_room(self, index: int, demand: Demand) -> None:
        """Promise the room to one more database. The only change a fleet ever sees, and only of promises."""
        self.committed_bytes[index] += demand.storage_bytes
        self.committed_vcores[index] += demand.vcores
        self.databases[index] += 1
        self.server_databases[self.server.codes == self.server.codes[index]] += 1


@dataclass(frozen=True, slots=True)
class WorkspaceCounts:
    """How many databases of the demand's workspace each pool, and each pool's server, holds already."""

    in_pool: Ints
    on_server: Ints

    @classmethod
    def of(cls, fleet: Fleet, *, by_pool: Mapping[str, int], by_server: Mapping[str, int]) -> WorkspaceCounts:
        """Lay sparse counts out along the fleet; pools and servers it does not hold are left out."""
        in_pool = np.zeros(len(fleet), dtype=np.int64)
        for pool_id, count in by_pool.items():
            if pool_id in fleet.index_of:
                in_pool[fleet.index_of[pool_id]] = count
        per_code = np.array([by_server.get(name, 0) for name in fleet.server.code_of], dtype=np.int64)
        return cls(in_pool=in_pool, on_server=per_code[fleet.server.codes])

    @classmethod
    def none(cls, fleet: Fleet) -> WorkspaceCounts:
        """A workspace without databases here."""
        return cls(in_pool=np.zeros(len(fleet), dtype=np.int64), on_server=np.zeros(len(fleet), dtype=np.int64))

    def add(self, fleet: Fleet, index: int) -> None:
        """Count one more database in this pool and on its server."""
        self.in_pool[index] += 1
        self.on_server[fleet.server.codes == fleet.server.codes[index]] += 1

    def with_one_more(self) -> WorkspaceCounts:
        """For a fleet with a pool more, in which, and on whose server, nobody stands."""
        return WorkspaceCounts(np.append(self.in_pool, 0), np.append(self.on_server, 0))

    def copy(self) -> WorkspaceCounts:
        """Counts of one's own, to go on counting with."""
        return WorkspaceCounts(self.in_pool.copy(), self.on_server.copy())


_COLUMNS = tuple(field.name for field in fields(Fleet) if field.name not in ("index_of", "id_rank"))
_PROMISED = ("committed_bytes", "committed_vcores", "databases", "server_databases")


def _joined(some: Any, more: Any) -> Any:
    if isinstance(some, Category):
        return some.joined(more)
    return some + more if isinstance(some, tuple) else np.concatenate((some, more))


def _columns(pools: Sequence[Pool]) -> Mapping[str, Sequence[Any]]:
    columns = zip(*pools, strict=True) if pools else iter([()] * len(Pool._fields))
    return dict(zip(Pool._fields, columns, strict=True))


def _positions(ids: Sequence[str]) -> dict[str, int]:
    index_of = {pool_id: index for index, pool_id in enumerate(ids)}
    if len(index_of) != len(ids):
        raise ValueError("a pool id occurs twice in the fleet")
    return index_of


def _ranks(ids: Sequence[str]) -> Ints:
    """The place of each pool among the ids in order, which is what ties are broken by."""
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return ranks


def _amounts(columns: Mapping[str, Sequence[float]], field: str) -> Floats:
    amounts = np.array(columns[field], dtype=np.float64)
    if not ((amounts >= 0) & (amounts <= LARGEST_BYTES)).all():
        raise ValueError(f"{field} of a pool must lie between 0 and {LARGEST_BYTES}")
    return amounts


def _counts(columns: Mapping[str, Sequence[int]], field: str) -> Ints:
    return _amounts(columns, field).astype(np.int64)

"""What databases need, one by one: as they were measured, and while little is known, as similar ones of the region do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from inventory.models import Database
from placement.engine.load import Loads, remembered
from placement.engine.usage import HOURS, Floats, Ints
from placement.models import LoadClass, Meter
from placement.sampling.moments import N
from placement.sampling.reading import weeks_of

HALF_KNOWN = 72.0  # samples (six hours of them) from which on a database counts more than those it resembles
HALF_LENT = 8.0  # databases of a class that weigh as much as the estimate that a newcomer was placed with
GIBIBYTE = 2**30
ClassKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Databases, one position each: id, pool, number of the workspace, class, and the vCores they were placed with."""

    ids: tuple[UUID, ...]
    pools: tuple[UUID | None, ...]
    workspace: Ints
    classes: tuple[ClassKey, ...]
    flat: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, order: Sequence[int]) -> Crowd:
        """Some of them, in this order."""
        return Crowd(
            tuple(self.ids[row] for row in order),
            tuple(self.pools[row] for row in order),
            self.workspace[list(order)],
            tuple(self.classes[row] for row in order),
            self.flat[list(order)],
        )


@dataclass(frozen=True, slots=True)
class Lender:
    """What a class of databases uses: usual vCores by hour, variance of one around that, how many it rests on."""

    profile: Floats
    variance: float
    databases: float


@dataclass(frozen=True, slots=True)
class CrowdLoads:
    """Loads in the crowd's order, each blended with what its class lends; `own` is the same without, `trust` its share."""

    loads: Loads
    own: Loads
    trust: Floats
    points: Floats


def class_of(kind: str | None, size_bytes: int) -> ClassKey:
    """Databases of one class lend each other their loads: same kind, size within a factor of four."""
    return kind or "", max(0, int(math.log(max(size_bytes / GIBIBYTE, 1.0), 4)))


def crowd_of(rows: Sequence[tuple[UUID, UUID | None, UUID | None, str | None, int, float]]) -> Crowd:
    """From (id, pool, workspace, kind, size in bytes, vCores demanded)."""
    numbers: dict[UUID, int] = {}
    owners = [numbers.setdefault(workspace or row, len(numbers)) for row, _, workspace, *_ in rows]
    return Crowd(
        ids=tuple(row[0] for row in rows),
        pools=tuple(row[1] for row in rows),
        workspace=np.array(owners, dtype=np.int64),
        classes=tuple(class_of(row[3], row[4]) for row in rows),
        flat=np.array([row[5] for row in rows], dtype=np.float64),
    )


COLUMNS = ("pk", "pool_id", "service__workspace_id", "service__kind", "size_bytes", "vcores_demanded")


def crowd_in(region: str) -> Crowd:
    """Every database that holds room in a pool of the region."""
    rows = Database.objects.filter(server__region=region, holds_room=True, pool__isnull=False)
    return crowd_of(list(rows.order_by("pk").values_list(*COLUMNS)))


def lenders_in(region: str, classes: set[ClassKey] | None = None) -> dict[ClassKey, Lender]:
    """What classes of the region lend, as of the last fold; all unless some are named."""
    rows = LoadClass.objects.filter(region=region)
    if classes is not None and len(classes) == 1:
        kind, size_class = next(iter(classes))
        rows = rows.filter(kind=kind, size_class=size_class)
    return {(row.kind, row.size_class): Lender(unpacked(row.profile), row.variance, row.databases) for row in rows}


def loads_of(crowd: Crowd, lenders: dict[ClassKey, Lender]) -> CrowdLoads:
    """What each of them needs. Read by hundreds at once: a few queries whatever their number."""
    meters = dict(Meter.objects.filter(resource__in=crowd.ids).values_list("resource", "pk"))
    weeks = weeks_of([meters.get(row, -1) for row in crowd.ids], "vcores")
    own = remembered(weeks, workspace=crowd.workspace)
    points = weeks[N].sum(axis=1)
    trust = points / (points + HALF_KNOWN)
    lent = _lent(crowd, lenders)
    rest = 1.0 - trust
    blended = Loads(
        mean=trust * own.mean + rest * lent.mean,
        variance=trust * own.variance + rest * lent.variance,
        profile=trust[:, None] * own.profile + rest[:, None] * lent.profile,
        workspace=crowd.workspace,
    )
    return CrowdLoads(blended, own, trust, points)


def _lent(crowd: Crowd, lenders: dict[ClassKey, Lender]) -> Loads:
    """What each would borrow: its class's load, or the flat estimate where nothing like it was seen."""
    nobody = Lender(np.zeros(HOURS), 0.0, 0.0)
    keys = list(dict.fromkeys(crowd.classes))
    place = {key: number for number, key in enumerate(keys)}
    chosen = np.array([place[key] for key in crowd.classes], dtype=np.int64)
    found = [lenders.get(key, nobody) for key in keys]
    weight = np.array([one.databases / (one.databases + HALF_LENT) for one in found])[chosen]
    profile = np.array([one.profile for one in found]).reshape(-1, HOURS)[chosen]
    flat = (1.0 - weight) * crowd.flat
    blended = weight[:, None] * profile + flat[:, None]
    variance = weight * np.array([one.variance for one in found])[chosen]
    return Loads(blended.mean(axis=1), variance, blended, crowd.workspace)


def packed(profile: Floats) -> bytes:
    """168 hours as little-endian float32."""
    return profile.astype("<f4").tobytes()


def unpacked(content: bytes | memoryview) -> Floats:
    """What `packed` made."""
    return np.frombuffer(content, "<f4").astype(np.float64)

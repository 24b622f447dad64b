"""Profiles → the engine's loads of databases, by the hours of the week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from inventory.models import Database
from placement.engine.load import Loads, remembered
from placement.models import Meter
from placement.sampling.moments import N
from placement.sampling.reading import weeks_of
from placement.sampling.slots import Floats


@dataclass(frozen=True, slots=True)
class KnownLoads:
    """Loads of databases in the order asked, 168 hours each, and from how many points each is known; 0: not at all."""

    loads: Loads
    points: Floats


def known_loads(databases: Sequence[UUID], quantity: str = "vcores") -> KnownLoads:
    """Of one of `quantities.QUANTITIES`. Databases of one workspace have one number there."""
    meters = dict(Meter.objects.filter(resource__in=databases).values_list("resource", "pk"))
    weeks = weeks_of([meters.get(row, -1) for row in databases], quantity)
    return KnownLoads(remembered(weeks, workspace=_workspaces(databases)), weeks[N].sum(axis=1))


def _workspaces(databases: Sequence[UUID]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    rows = dict(Database.objects.filter(pk__in=databases).values_list("pk", "service__workspace_id"))
    numbers: dict[object, int] = {}
    owners = [rows.get(database) or database for database in databases]
    return np.array([numbers.setdefault(owner, len(numbers)) for owner in owners], dtype=np.int64)

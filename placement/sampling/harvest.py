"""Answers of several calls, then one transaction: the samples and how far each meter is known, or neither."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from django.db import connection, transaction

from placement.models import Meter
from placement.sampling import fold_lock
from placement.sampling.asking import Call
from placement.sampling.copying import Samples, store
from placement.sampling.quantities import QUANTITIES, amounts, limits_of
from placement.sampling.slots import (
    SECOND_LOOK_SLOTS,
    Flags,
    Floats,
    Seen,
    judge,
    next_look,
)
from placement.sampling.turns import DueMeter

POSTPONED = timedelta(minutes=2)
# Only forward: a second asker that was slower changes nothing.
KNOW = """
UPDATE placement_meter m SET
    sampled_until = greatest(m.sampled_until, to_timestamp(k.sampled_until * 300)),
    due_at = greatest(m.due_at, to_timestamp(k.due * 300 + %s)),
    first_at = coalesce(m.first_at, to_timestamp(nullif(k.first, -1) * 300)),
    gap_since = CASE WHEN k.looked_again THEN NULL ELSE coalesce(m.gap_since, to_timestamp(nullif(k.gap, -1) * 300)) END
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bool[])
    k(id, sampled_until, due, first, gap, looked_again)
WHERE m.id = k.id
"""


class Harvest:
    """What was answered and is not stored yet. `now` and `closed` (the first slot not over yet) are Azure's."""

    def __init__(self, *, now: datetime, closed: int, lag_seconds: float) -> None:
        self.now, self.closed = now, closed
        self._lag_seconds = lag_seconds
        self._samples: list[Samples] = []
        self._known: list[tuple[int, int, int, int, int, bool]] = []
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, call: Call, found: Floats) -> None:
        """`found`: [meter, slot, metric] as the call asked."""
        limits = [
            limits_of(meter.service_tier, meter.family, vcores=meter.vcores, share=meter.share) for meter in call.meters
        ]
        values = amounts(found, limits=limits, service_tier=call.service_tier)
        seen = judge(call.asked(), ~np.isnan(values[..., 0]), closed=self.closed)
        values[seen.gaps] = np.nan
        samples = _samples(call, values, seen.points | seen.gaps)
        self._samples.append(samples)
        self._rows += len(samples)
        self._known += _known(call, seen, self.closed)

    def flush(self) -> int:
        """Store everything; returns how many samples were new. No fold runs meanwhile."""
        if not self._known:
            return 0
        with transaction.atomic():
            folded_until = fold_lock.shared()
            stored = store(Samples.joined(self._samples), folded_until=folded_until)
            with connection.cursor() as cursor:
                cursor.execute(KNOW, [self._lag_seconds, *map(_array, zip(*sorted(self._known), strict=True))])
        self._samples, self._known, self._rows = [], [], 0
        return stored


def _array(values: Iterable[object]) -> str:
    """PostgreSQL's text of an array; the driver would look at each value by itself."""
    return "{" + ",".join(map(str, values)) + "}"


def _samples(call: Call, values: Floats, kept: Flags) -> Samples:
    rows, slots = np.nonzero(kept)
    ids = np.array([meter.id for meter in call.meters], dtype=np.int64)
    return Samples(slots + call.first, ids[rows], values[rows, slots].reshape(-1, len(QUANTITIES)))


def _known(call: Call, seen: Seen, closed: int) -> Iterable[tuple[int, int, int, int, int, bool]]:
    gaps = np.where(seen.gaps.any(axis=1), call.first + seen.gaps.argmax(axis=1), -1).tolist()
    reached, firsts = seen.sampled_until.tolist(), seen.first_point.tolist()
    for row, meter in enumerate(call.meters):
        due = call.until  # at once, until it was asked up to the present
        if call.until == closed:
            due = next_look(closed, every_slots=meter.every_slots, meter=meter.id)
        looked = meter.gap_since is not None and meter.gap_since <= closed - SECOND_LOOK_SLOTS
        yield meter.id, reached[row], due, firsts[row], gaps[row], looked


def postpone(meters: Iterable[DueMeter], *, now: datetime) -> None:
    """Ask again in some minutes; nothing is lost."""
    Meter.objects.filter(pk__in=[meter.id for meter in meters]).update(due_at=now + POSTPONED)

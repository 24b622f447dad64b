"""Samples → week-hour profiles: each closed hour once, set-based; points that came too late with the next one."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import structlog
from django.db import connection, transaction
from django.db.models import Max, Min

from placement.models import FoldMark, LateSample, Meter, Profile
from placement.sampling import fold_lock
from placement.sampling.moments import merged, of_groups
from placement.sampling.quantities import QUANTITIES
from placement.sampling.reading import CHUNK, pack, samples_of, unpack
from placement.sampling.slots import (
    FIRST_MONDAY_HOURS,
    SLOTS_AN_HOUR,
    WEEK_HOURS,
    Floats,
    Ints,
    hour_of,
    slot_of,
    start_of,
    week_hour,
)

log = structlog.get_logger(__name__)

PATIENCE = timedelta(hours=24)  # an hour for which some meter was not asked yet is folded all the same after so long
CHUNKS_AT_ONCE = 64  # a fifth of a million samples
MOST_HOURS = 48  # folded by one task
PROFILED = [
    number for number, name in enumerate(QUANTITIES) if name != "bytes"
]  # what is stored grows, it has no rhythm


def fold_closed_hours() -> int:
    """Fold every hour for which all meters were asked. Returns how many hours."""
    folded = 0
    while folded < MOST_HOURS and _fold_next():
        folded += 1
    if not folded:
        _fold_late_alone()
    return folded


@transaction.atomic
def _fold_next() -> bool:
    """False when the next hour is still open. No sample comes in meanwhile; a second folder waits and finds it done."""
    fold_lock.exclusive()
    hour = _next_hour()
    if hour is None or hour >= _open_hour():
        return False
    for slots, meters, values in samples_of(hour, chunks_at_once=CHUNKS_AT_ONCE):
        _fold(np.full(len(slots), week_hour(hour)), meters, values)
    _fold_late()
    FoldMark.objects.update_or_create(defaults={"until": start_of((hour + 1) * SLOTS_AN_HOUR)})
    return True


@transaction.atomic
def _fold_late_alone() -> None:
    if LateSample.objects.exists():
        fold_lock.exclusive()
        _fold_late()


def _next_hour() -> int | None:
    """The first one not folded; None where there are no samples."""
    mark = FoldMark.objects.first()
    if mark is not None:
        return hour_of(slot_of(mark.until))
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(slot) FROM placement_sample")
        (first,) = cursor.fetchone()
    return hour_of(slot_of(first)) if first else None


def _open_hour() -> int:
    """The first hour of which some live meter may still get points in time."""
    ends = Meter.objects.filter(ended_at__isnull=True).aggregate(first=Min("sampled_until"), last=Max("sampled_until"))
    if ends["first"] is None:
        return 0
    return hour_of(slot_of(max(ends["first"], ends["last"] - PATIENCE)))


def _fold_late() -> None:
    """Points of hours that were folded without them."""
    for slots, meters, values in samples_of(None, chunks_at_once=CHUNKS_AT_ONCE):
        _fold((slots // SLOTS_AN_HOUR + FIRST_MONDAY_HOURS) % WEEK_HOURS, meters, values)
    deleted, _ = LateSample.objects.all().delete()
    if deleted:
        log.info("sampling.late_points_folded", points=deleted)


def _fold(week_hours: Ints, meters: Ints, values: Floats) -> None:
    """Add samples to the profiles of their meters and hours, one row of 256 meters at a time."""
    places = (meters // CHUNK) * WEEK_HOURS + week_hours
    rows, row_of = np.unique(places, return_inverse=True)
    groups = row_of * CHUNK + meters % CHUNK
    for metric in PROFILED:
        new = of_groups(values[:, metric], groups, groups=len(rows) * CHUNK).reshape(4, len(rows), CHUNK)
        _merge(metric, [divmod(place, WEEK_HOURS) for place in rows.tolist()], new)


def _merge(metric: int, places: list[tuple[int, int]], new: Floats) -> None:
    known = _known(metric, places)
    kept = np.stack([known.get(place, _NOTHING) for place in places], axis=1).astype(np.float64)
    both = merged(kept, new)
    Profile.objects.bulk_create(
        [
            Profile(metric=metric, chunk=chunk, week_hour=hour, packed=pack(both[:, row]))
            for row, (chunk, hour) in enumerate(places)
        ],
        update_conflicts=True,
        unique_fields=["metric", "chunk", "week_hour"],
        update_fields=["packed"],
    )


_NOTHING: npt.NDArray[np.float32] = np.zeros((4, CHUNK), np.float32)


def _known(metric: int, places: list[tuple[int, int]]) -> dict[tuple[int, int], npt.NDArray[np.float32]]:
    chunks, hours = sorted({chunk for chunk, _ in places}), sorted({hour for _, hour in places})
    rows = Profile.objects.filter(metric=metric, chunk__in=chunks, week_hour__in=hours)
    found = rows.values_list("chunk", "week_hour", "packed")
    return {(chunk, hour): unpack(packed) for chunk, hour, packed in found}

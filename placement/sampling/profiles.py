"""Samples → week-hour profiles: each closed hour once, set-based; points that came too late with the next one."""

from __future__ import annotations

import time
from datetime import timedelta

import numpy as np
import structlog
from django.db import connection, transaction
from django.db.models import Max, Min

from placement.models import FoldMark, LateSample, Meter, Profile
from placement.sampling import fold_lock
from placement.sampling.moments import merged
from placement.sampling.reading import CHUNK, PROFILED, HourMoments, moments_of, pack, unpack
from placement.sampling.slots import SLOTS_AN_HOUR, Floats, hour_of, slot_of, start_of, week_hour

log = structlog.get_logger(__name__)

PATIENCE = timedelta(hours=24)  # an hour for which some meter was not asked yet is folded all the same after so long
CHUNKS_AT_ONCE = 128  # 32,768 meters
FOLD_SECONDS = 45.0  # below the soft limit of a task; the next one goes on
ROWS_AT_ONCE = 200  # of 4 KiB


def fold_closed_hours() -> int:
    """Fold every hour for which all meters were asked, as far as the time goes. Returns how many hours."""
    folded, until = 0, time.monotonic() + FOLD_SECONDS
    while time.monotonic() < until and _fold_next():
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
    for found in moments_of(hour, chunks_at_once=CHUNKS_AT_ONCE):
        _fold(found)
    _fold_late()
    FoldMark.objects.update_or_create(defaults={"until": start_of((hour + 1) * SLOTS_AN_HOUR)})
    return True


@transaction.atomic
def _fold_late_alone() -> None:
    if LateSample.objects.exists():
        fold_lock.exclusive()
        _fold_late()


def _next_hour() -> int | None:
    """The first one with samples that is not folded; None where there is none."""
    mark = FoldMark.objects.first()
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(slot) FROM placement_sample WHERE slot >= %s", [mark.until if mark else start_of(0)])
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
    for found in moments_of(None, chunks_at_once=CHUNKS_AT_ONCE):
        _fold(found)
    deleted, _ = LateSample.objects.all().delete()
    if deleted:
        log.info("sampling.late_points_folded", points=deleted)


def _fold(found: HourMoments) -> None:
    """Add an hour to the profiles of its meters, one row of 256 meters at a time."""
    chunks, row_of = np.unique(found.meters // CHUNK, return_inverse=True)
    hour = week_hour(found.hour)
    changed = []
    for metric in range(len(PROFILED)):
        new = np.zeros((4, len(chunks), CHUNK))
        new[:, row_of, found.meters % CHUNK] = found.moments[:, metric]
        both = merged(_known(metric, chunks.tolist(), hour), new)
        changed += [
            Profile(metric=metric, chunk=chunk, week_hour=hour, packed=pack(both[:, row]))
            for row, chunk in enumerate(chunks.tolist())
        ]
    Profile.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["metric", "chunk", "week_hour"],
        update_fields=["packed"],
        batch_size=ROWS_AT_ONCE,
    )


def _known(metric: int, chunks: list[int], hour: int) -> Floats:
    """[4, chunk, meter]; zeros where there was nothing."""
    kept = np.zeros((4, len(chunks), CHUNK))
    rows = Profile.objects.filter(metric=metric, chunk__in=chunks, week_hour=hour)
    places = {chunk: place for place, chunk in enumerate(chunks)}
    for chunk, packed in rows.values_list("chunk", "packed"):
        kept[:, places[chunk]] = unpack(packed)
    return kept

"""Samples' moments and profiles out of PostgreSQL, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db import connection

from placement.models import Profile
from placement.sampling.quantities import QUANTITIES
from placement.sampling.slots import SLOT_SECONDS, SLOTS_AN_HOUR, WEEK_HOURS, Floats, Ints

CHUNK = 256  # meters a packed profile
PROFILED = tuple(name for name in QUANTITIES if name != "bytes")  # what is stored grows, it has no rhythm of the week
# Of each quantity: n, mean, variance and maximum. Every field is there and has one length: rows are read as one array.
MOMENTS = ", ".join(
    f"count(s.{name}), coalesce(avg(s.{name}), 0), coalesce(var_pop(s.{name}), 0), coalesce(max(s.{name}), 0)"
    for name in PROFILED
)
ROW = np.dtype(
    [("fields", ">i2"), ("hour_length", ">i4"), ("hour", ">i4"), ("meter_length", ">i4"), ("meter", ">i4")]
    + [
        (f"{name}_{part}", kind)
        for name in PROFILED
        for part, kind in (
            *(("n_length", ">i4"), ("n", ">i8"), ("mean_length", ">i4"), ("mean", ">f8")),
            *(("variance_length", ">i4"), ("variance", ">f8"), ("most_length", ">i4"), ("most", ">f4")),
        )
    ]
)
HEADER_BYTES, TRAILER_BYTES = 19, 2
OF_AN_HOUR = """
SELECT {hour}::int4, s.meter_id, {moments} FROM placement_sample s
WHERE s.slot IN ({slots}) AND s.meter_id >= {low} AND s.meter_id < {high} AND s.vcores IS NOT NULL GROUP BY s.meter_id
"""
LATE = """
SELECT (extract(epoch FROM l.slot)::bigint / 3600)::int4 AS hour, s.meter_id, {moments}
FROM placement_latesample l JOIN placement_sample s ON s.slot = l.slot AND s.meter_id = l.meter_id
WHERE l.meter_id >= {low} AND l.meter_id < {high} GROUP BY hour, s.meter_id
"""


@dataclass(frozen=True, slots=True)
class HourMoments:
    """What meters used in one hour since the epoch: [4, quantity, meter] of n, mean, M2 and maximum, as in PROFILED."""

    hour: int
    meters: Ints
    moments: Floats


def moments_of(hour: int | None, *, chunks_at_once: int) -> Iterator[HourMoments]:
    """Of an hour since the epoch, or of what came late; some chunks at a time."""
    query = LATE if hour is None else OF_AN_HOUR
    slots = "" if hour is None else _slots(hour)
    step = chunks_at_once * CHUNK
    first, last = _numbers()
    for low in range(first // step * step, last + 1, step):
        rows = _rows(query.format(hour=hour, moments=MOMENTS, slots=slots, low=low, high=low + step))
        for one in np.unique(rows["hour"]).tolist():
            yield _hour_moments(one, rows[rows["hour"] == one])


def _hour_moments(hour: int, rows: npt.NDArray[np.void]) -> HourMoments:
    parts = [[rows[f"{name}_{part}"] for name in PROFILED] for part in ("n", "mean", "variance", "most")]
    moments = np.array(parts, dtype=np.float64)
    moments[2] *= moments[0]
    return HourMoments(hour, rows["meter"].astype(np.int64), moments)


def _slots(hour: int) -> str:
    first = hour * SLOTS_AN_HOUR
    return ", ".join(f"to_timestamp({slot * SLOT_SECONDS})" for slot in range(first, first + SLOTS_AN_HOUR))


def _numbers() -> tuple[int, int]:
    """The least and the greatest number of a meter."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM placement_meter")
        first, last = cursor.fetchone()
    return int(first), int(last)


def _rows(query: str) -> npt.NDArray[np.void]:
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
        content = b"".join(bytes(part) for part in copy)
    return np.frombuffer(content[HEADER_BYTES:-TRAILER_BYTES], ROW)


def pack(moments: Floats) -> bytes:
    """[4, 256] as little-endian float32."""
    return moments.astype("<f4").tobytes()


def unpack(packed: bytes | memoryview) -> npt.NDArray[np.float32]:
    """What `pack` made."""
    return np.frombuffer(packed, "<f4").reshape(4, CHUNK)


def weeks_of(meters: Sequence[int], quantity: str) -> Floats:
    """[4, meter, 168]: n, mean, M2 and maximum of each hour of the week; n is 0 where nothing is known."""
    ids = np.asarray(meters, dtype=np.int64)
    found = np.zeros((4, len(ids), WEEK_HOURS))
    rows = Profile.objects.filter(metric=PROFILED.index(quantity), chunk__in=np.unique(ids // CHUNK).tolist())
    for chunk, hour, packed in rows.values_list("chunk", "week_hour", "packed").iterator():
        mine = np.nonzero(ids // CHUNK == chunk)[0]
        found[:, mine, hour] = unpack(packed)[:, ids[mine] % CHUNK]
    return found

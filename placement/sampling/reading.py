"""Samples and profiles out of PostgreSQL, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from django.db import connection

from placement.models import Profile
from placement.sampling.copying import POSTGRES_EPOCH_SECONDS
from placement.sampling.quantities import QUANTITIES
from placement.sampling.slots import SLOT_SECONDS, SLOTS_AN_HOUR, WEEK_HOURS, Floats, Ints

CHUNK = 256  # meters a packed profile
UNKNOWN = "'NaN'::real"
# Every field is there and has one length: rows are read as one array.
FIELDS = ", ".join(("s.slot", "s.meter_id", *(f"coalesce(s.{name}, {UNKNOWN})" for name in QUANTITIES)))
ROW = np.dtype(
    [("fields", ">i2"), ("slot_length", ">i4"), ("slot", ">i8"), ("meter_length", ">i4"), ("meter", ">i4")]
    + [part for name in QUANTITIES for part in ((f"{name}_length", ">i4"), (name, ">f4"))]
)
HEADER_BYTES, TRAILER_BYTES = 19, 2
OF_AN_HOUR = "FROM placement_sample s WHERE s.slot IN ({slots}) AND s.vcores IS NOT NULL"
LATE = "FROM placement_latesample l JOIN placement_sample s ON s.slot = l.slot AND s.meter_id = l.meter_id WHERE true"


def samples_of(hour: int | None, *, chunks_at_once: int) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Slots, meters and [sample, quantity] of an hour since the epoch, or of what came late; some chunks at a time."""
    source = LATE if hour is None else OF_AN_HOUR.format(slots=_slots(hour))
    step = chunks_at_once * CHUNK
    first, last = _numbers()
    for low in range(first // step * step, last + 1, step):
        rows = _rows(f"SELECT {FIELDS} {source} AND s.meter_id >= {low} AND s.meter_id < {low + step}")
        if len(rows):
            values = np.stack([rows[name] for name in QUANTITIES], axis=1).astype(np.float64)
            slots = rows["slot"] // 1_000_000 + POSTGRES_EPOCH_SECONDS
            yield slots // SLOT_SECONDS, rows["meter"].astype(np.int64), values


def _slots(hour: int) -> str:
    first = hour * SLOTS_AN_HOUR
    return ", ".join(f"to_timestamp({slot * 300})" for slot in range(first, first + SLOTS_AN_HOUR))


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
    rows = Profile.objects.filter(metric=QUANTITIES.index(quantity), chunk__in=np.unique(ids // CHUNK).tolist())
    for chunk, hour, packed in rows.values_list("chunk", "week_hour", "packed").iterator():
        mine = np.nonzero(ids // CHUNK == chunk)[0]
        found[:, mine, hour] = unpack(packed)[:, ids[mine] % CHUNK]
    return found

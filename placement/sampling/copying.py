"""Samples into PostgreSQL by binary COPY; each once, however often it comes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction
from psycopg import errors

from placement.sampling.quantities import QUANTITIES
from placement.sampling.slots import SLOT_SECONDS, Flags, Floats, Ints

COLUMNS = ", ".join(("slot", "meter_id", *QUANTITIES))
POSTGRES_EPOCH_SECONDS = 946_684_800  # 2000-01-01
HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
STAGE = f"""
CREATE TEMPORARY TABLE IF NOT EXISTS sample_stage (
    slot timestamptz, meter_id integer, {", ".join(f"{name} real" for name in QUANTITIES)}
) ON COMMIT DELETE ROWS
"""
# What is known stays; a gap is filled.
TAKE_FROM_STAGE = f"""
WITH taken AS (
    INSERT INTO placement_sample AS kept ({COLUMNS})
    SELECT DISTINCT ON (slot, meter_id) {COLUMNS} FROM sample_stage ORDER BY slot, meter_id, vcores
    ON CONFLICT (slot, meter_id) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in QUANTITIES)}
        WHERE kept.vcores IS NULL AND excluded.vcores IS NOT NULL
    RETURNING kept.slot, kept.meter_id, kept.vcores
), late AS (
    INSERT INTO placement_latesample (slot, meter_id)
    SELECT slot, meter_id FROM taken WHERE vcores IS NOT NULL AND slot < %s ON CONFLICT DO NOTHING
)
SELECT count(*) FROM taken
"""
NOTE_LATE = """
INSERT INTO placement_latesample (slot, meter_id)
SELECT to_timestamp(slot * 300), meter FROM unnest(%s::bigint[], %s::int[]) late(slot, meter) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Samples:
    """One row a meter and slot; `values` in the order of QUANTITIES, all NaN for a gap."""

    slots: Ints
    meters: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.slots)

    def where(self, chosen: Flags) -> Samples:
        return Samples(self.slots[chosen], self.meters[chosen], self.values[chosen])

    def sorted(self) -> Samples:
        """By slot, then meter: the order of the table's key."""
        order = np.lexsort((self.meters, self.slots))
        return Samples(self.slots[order], self.meters[order], self.values[order])

    @staticmethod
    def joined(parts: list[Samples]) -> Samples:
        return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))


def store(samples: Samples, *, folded_until: int) -> int:
    """Write what is new and return how many that were. Points of hours folded already, before the slot `folded_until`,
    are noted for the next fold; the caller holds the lock against it.

    New points go straight into the table; only where some were there before, all take the longer way.
    """
    points = samples.where(~np.isnan(samples.values[:, 0])).sorted()
    gaps = samples.where(np.isnan(samples.values[:, 0]))
    written = _straight(points, folded_until)
    if written is None:
        return _by_stage(samples, folded_until)
    return written + (_by_stage(gaps, folded_until) if len(gaps) else 0)


def _straight(points: Samples, folded_until: int) -> int | None:
    """None, and nothing is written, where a point was there before."""
    late = points.slots < folded_until
    try:
        with transaction.atomic():
            _copy("placement_sample", points)
    except errors.UniqueViolation:
        return None
    if late.any():
        with connection.cursor() as cursor:
            cursor.execute(NOTE_LATE, [points.slots[late].tolist(), points.meters[late].tolist()])
    return len(points)


def _by_stage(samples: Samples, folded_until: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(STAGE)
        cursor.execute("TRUNCATE sample_stage")
        _copy("sample_stage", samples)
        cursor.execute(TAKE_FROM_STAGE.replace("slot < %s", "slot < to_timestamp(%s)"), [folded_until * SLOT_SECONDS])
        return int(cursor.fetchone()[0])


def _copy(table: str, samples: Samples) -> None:
    if not len(samples):
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(HEADER)
        copy.write(_packed(samples))
        copy.write(TRAILER)


def _packed(samples: Samples) -> bytes:
    """PostgreSQL's binary rows, all that lack the same quantities at once."""
    lacking = np.isnan(samples.values)
    kinds = lacking @ (1 << np.arange(len(QUANTITIES)))
    return b"".join(_rows(samples.where(kinds == kind), lacking[kinds == kind][0]) for kind in np.unique(kinds))


def _rows(samples: Samples, lacking: npt.NDArray[np.bool_]) -> bytes:
    names = [name for name, lacks in zip(QUANTITIES, lacking, strict=True) if not lacks]
    rows = np.empty(len(samples), _layout(lacking))
    rows["fields"], rows["slot_length"], rows["meter_length"] = 2 + len(QUANTITIES), 8, 4
    rows["slot"] = (samples.slots * SLOT_SECONDS - POSTGRES_EPOCH_SECONDS) * 1_000_000
    rows["meter"] = samples.meters
    for name, values in zip(QUANTITIES, samples.values.T, strict=True):
        rows[f"{name}_length"] = 4 if name in names else -1
        if name in names:
            rows[name] = values
    return rows.tobytes()


def _layout(lacking: npt.NDArray[np.bool_]) -> np.dtype[np.void]:
    """A field's length goes before it; -1 is NULL and nothing follows."""
    head = [("fields", ">i2"), ("slot_length", ">i4"), ("slot", ">i8"), ("meter_length", ">i4"), ("meter", ">i4")]
    for name, lacks in zip(QUANTITIES, lacking, strict=True):
        head += [(f"{name}_length", ">i4")] if lacks else [(f"{name}_length", ">i4"), (name, ">f4")]
    return np.dtype(head)

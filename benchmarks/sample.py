"""What a sample costs, from Azure's answer to the folded profile, beside a raw COPY of the same rows.

Run `make bench-sample`. Simulated hours of a fleet by the product's own code: pools every five minutes, databases once an
hour, those of one pool in twenty every five minutes. Azure Monitor's answers are made up here, byte for byte of its shape;
what making them costs is not counted. Counted is the CPU of this process and of its PostgreSQL backend.

`row_us` is everything but the HTTP call and the reading of its answer: what is due, amounts, COPY into the table with its
key, how far each meter is known, the fold of the hour. `answer_us` is that call (SDK, without network and TLS) and its
reading. `raw_us` is COPY of the same rows, packed beforehand and in lots of ten thousand, into a table of the same shape
and key without partitions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import Spent, database, report
from benchmarks.made_up_monitor import MadeUpMonitor

if TYPE_CHECKING:
    from placement.sampling.copying import Samples

GOAL, AIM = 4.0, 2.0
FLEET, CORES = 100_000, 2
MINUTES_APART = 5
RAW = "DROP TABLE IF EXISTS bench_raw; CREATE TABLE bench_raw (LIKE placement_sample INCLUDING ALL)"


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", type=int, default=10_000, help="of the fleet that is measured")
    parser.add_argument("--hours", type=int, default=4, help="simulated hours; the first one is not counted")
    arguments = parser.parse_args()
    with database():
        figures = measure(databases=arguments.databases, hours=arguments.hours)
    report("sample", databases=arguments.databases, hours=arguments.hours, goal=GOAL, aim=AIM, **figures)


def measure(*, databases: int, hours: int) -> dict[str, float]:
    """Microseconds of CPU a row, and what 100,000 databases would take of two cores."""
    from benchmarks.sampled_fleet import a_fleet, pass_minutes

    monitor = MadeUpMonitor()
    a_fleet(databases=databases)
    counted = []
    for hour in range(hours):
        rows, spent = _hour(monitor, lambda: pass_minutes(MINUTES_APART))
        print(
            f"hour {hour}: {rows:,} rows, {monitor.calls} calls, {spent / 1e6:.1f} s of CPU, {spent / rows:.1f} us a row"
        )
        counted.append((rows, spent, monitor.calls))
    rows, spent, calls = sorted(counted[1:], key=lambda one: one[1] / one[0])[(hours - 1) // 2]
    answer = monitor.cost_of_answers() * calls
    raw = median(_raw() for _ in range(3))
    row = (spent - answer) / rows
    print(
        f"{row:.2f} us a row and {answer / rows:.2f} for its part of an answer; raw COPY {raw:.2f}: {row / raw:.2f} times"
    )
    whole = spent / databases * FLEET / (3600e6 * CORES)
    print(f"{FLEET:,} databases, in proportion: {100 * whole:.1f}% of {CORES} cores")
    return {
        "rows_an_hour": rows,
        "calls_an_hour": calls,
        "row_us": round(row, 2),
        "answer_us": round(answer / rows, 2),
        "raw_us": round(raw, 2),
        "ratio": round(row / raw, 2),
        "share_of_two_cores_at_100000": round(whole, 4),
    }


def _hour(monitor: MadeUpMonitor, pass_minutes: Callable[[], None]) -> tuple[int, float]:
    """A pass each five minutes, then the fold: rows stored and microseconds of CPU."""
    from placement.sampling.collect import sample
    from placement.sampling.profiles import fold_closed_hours

    spent, rows, monitor.calls, monitor.spent = Spent(), 0, 0, 0.0
    for _ in range(60 // MINUTES_APART):
        pass_minutes()
        with spent.counted():
            rows += sample()
    with spent.counted():
        fold_closed_hours()
    return rows, spent.total - 1e6 * monitor.spent


def _raw() -> float:
    """Microseconds a row of COPY alone: an hour's rows, in lots of ten thousand as the product stores."""
    from django.conf import settings
    from django.db import connection
    from psycopg import connect

    from placement.sampling import copying
    from placement.sampling.collect import FLUSH_ROWS

    with connect(settings.OWNER_ADDRESS.url().reveal(), autocommit=True) as owner:
        owner.execute(RAW)
        owner.execute(f"GRANT ALL ON bench_raw TO {connection.settings_dict['USER']}")
    samples = _stored()
    parts = [slice(low, low + FLUSH_ROWS) for low in range(0, len(samples), FLUSH_ROWS)]
    packed = [copying.HEADER + copying._packed(_part(samples, part)) + copying.TRAILER for part in parts]
    spent = Spent()
    with spent.counted(), connection.cursor() as cursor:
        for content in packed:
            with cursor.copy(f"COPY bench_raw ({copying.COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(content)
    return spent.total / len(samples)


def _part(samples: Samples, part: slice) -> Samples:
    return type(samples)(samples.slots[part], samples.meters[part], samples.values[part])


def _stored() -> Samples:
    """The samples of the last folded hour, in the order in which they came: fifty databases, twelve slots each."""
    import numpy as np

    from placement.models import FoldMark, Sample
    from placement.sampling.copying import Samples
    from placement.sampling.quantities import QUANTITIES
    from placement.sampling.slots import slot_of

    until = FoldMark.objects.get().until
    found = Sample.objects.filter(slot__gte=until - timedelta(hours=1), slot__lt=until, vcores__isnull=False)
    rows = list(found.values_list("slot", "meter_id", *QUANTITIES))
    slots = np.array([slot_of(row[0]) for row in rows])
    meters = np.array([row[1] for row in rows])
    values = np.array([row[2:] for row in rows], dtype=np.float64)
    order = np.lexsort((meters, slots, meters // 50))
    return Samples(slots[order], meters[order], values[order])


if __name__ == "__main__":
    main()

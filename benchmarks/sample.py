"""What a sample costs, from Azure's answer to the folded profile, beside a raw COPY of the same rows.

Run `make bench-sample`. Simulated hours of a fleet by the product's own code: pools every five minutes, databases once an
hour, those of one pool in twenty every five minutes. Azure Monitor's answers are made up here, byte for byte of its shape;
what making them costs is not counted. Counted is the CPU of this process and of its PostgreSQL backend.

`ingest_us` is from an answer's numbers on: amounts, judgement, COPY into the table with its key, how far each meter is
known, the fold; `ratio` is that over raw COPY. `row_us` is everything but the HTTP call and the reading of its answer: what
is due, hot pools and tending too, with all the small lots of pools and of databases looked at often. `answer_us` is that
call (SDK, without network and TLS) and its reading. `raw_us` is COPY of the same rows, packed beforehand and in lots of ten
thousand, into a table of the same shape and key without partitions.
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
        counted.append((rows, spent, monitor.calls, 1e6 * monitor.reading))
    rows, spent, calls, answer = sorted(counted[1:], key=lambda one: one[1] / one[0])[(hours - 1) // 2]
    raw = median(_raw() for _ in range(3))
    row, ingest = (spent - answer) / rows, median([_ingest(pass_minutes) for _ in range(4)][1:])
    print(
        f"an answer's numbers stored and folded: {ingest:.2f} us a row, {ingest / raw:.2f} times raw COPY ({raw:.2f})"
    )
    print(f"with the schedule {row:.2f}, {row / raw:.2f} times; and {answer / rows:.2f} for its part of an answer")
    whole = spent / databases * FLEET / (3600e6 * CORES)
    print(f"{FLEET:,} databases, in proportion: {100 * whole:.1f}% of {CORES} cores")
    return {
        "rows_an_hour": rows,
        "calls_an_hour": calls,
        "row_us": round(row, 2),
        "answer_us": round(answer / rows, 2),
        "raw_us": round(raw, 2),
        "ingest_us": round(ingest, 2),
        "ratio": round(ingest / raw, 2),
        "ratio_with_schedule": round(row / raw, 2),
        "share_of_two_cores_at_100000": round(whole, 4),
    }


def _hour(monitor: MadeUpMonitor, pass_minutes: Callable[[], None]) -> tuple[int, float]:
    """A pass each five minutes, then the fold: rows stored and microseconds of CPU."""
    from placement.sampling.collect import sample
    from placement.sampling.profiles import fold_closed_hours

    spent, rows, monitor.calls, monitor.spent, monitor.reading = Spent(), 0, 0, 0.0, 0.0
    for _ in range(60 // MINUTES_APART):
        pass_minutes()
        with spent.counted():
            rows += sample()
    with spent.counted():
        fold_closed_hours()
    return rows, spent.total - 1e6 * monitor.spent


def _ingest(pass_minutes: Callable[[float], None]) -> float:
    """Microseconds a row from an answer's numbers to samples stored and the hour folded: all meters, twelve slots each."""
    import numpy as np

    from operations import clock
    from placement.models import Meter
    from placement.sampling.asking import calls
    from placement.sampling.collect import FLUSH_ROWS, MOST_METERS
    from placement.sampling.harvest import Harvest
    from placement.sampling.profiles import fold_closed_hours
    from placement.sampling.slots import closed_until
    from placement.sampling.turns import due_groups, due_meters

    pass_minutes(60)
    now, dice, spent, rows = clock.database_now(), np.random.default_rng(1), Spent(), 0
    closed = closed_until(now, lag_seconds=180)
    Meter.objects.update(due_at=now)
    for group in due_groups(now):
        while due := due_meters(group, now, most=MOST_METERS):
            harvest = Harvest(now=now, closed=closed, lag_seconds=180)
            for call in calls(due, closed=closed):
                found = dice.lognormal(-1, 1, (len(call.meters), call.until - call.first, 6))
                with spent.counted():
                    harvest.add(call, found)
                    rows += harvest.flush() if len(harvest) >= FLUSH_ROWS else 0
            with spent.counted():
                rows += harvest.flush()
    with spent.counted():
        fold_closed_hours()
    return spent.total / rows


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

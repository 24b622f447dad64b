"""What one step of an operation costs in the engine, beside the bare claim and completion of a row in PostgreSQL.

Run `make bench-engine`. CPU of the client and of its PostgreSQL backend together, per row, in batches of 50; ours and
the raw reference take turns in one run, medians are compared. A *passed* step is claimed, run (it does nothing),
recorded with history and audit event; the *last* one also settles the operation and queues its outbox event.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.harness import Spent, database, middle, report

if TYPE_CHECKING:
    from operations.models import Operation
    from operations.outcomes import Outcome
    from operations.workflow import Ending

BATCH = 50
GOAL, AIM = 8.0, 4.0

RAW_TABLE = """
CREATE TABLE IF NOT EXISTS bench_raw (
    id uuid PRIMARY KEY, state smallint NOT NULL, next_due_at timestamptz NOT NULL, fence bigint NOT NULL DEFAULT 0,
    payload jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS bench_raw_due ON bench_raw (next_due_at) WHERE state < 10;
"""
RAW_FILL = """
TRUNCATE bench_raw;
INSERT INTO bench_raw (id, state, next_due_at, payload)
SELECT gen_random_uuid(), 0, now(), '{"size": 1}' FROM generate_series(1, %s)
"""
RAW_CLAIM = """
WITH due AS (
    SELECT id FROM bench_raw WHERE state < 10 AND next_due_at <= now()
    ORDER BY next_due_at LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE bench_raw r SET fence = fence + 1, next_due_at = now() + interval '90 s' FROM due WHERE r.id = due.id
RETURNING r.id, r.fence
"""
RAW_COMPLETE = """
UPDATE bench_raw r SET state = 10 FROM unnest(%s::uuid[], %s::bigint[]) AS done(id, fence)
WHERE r.id = done.id AND r.fence = done.fence
"""


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000, help="rows in each run")
    parser.add_argument("--runs", type=int, default=5, help="runs of each kind; the median counts")
    arguments = parser.parse_args()
    with database():
        figures = measure(rows=arguments.rows, runs=arguments.runs)
    report("engine", rows=arguments.rows, runs=arguments.runs, batch=BATCH, goal=GOAL, aim=AIM, **figures)


def measure(*, rows: int, runs: int) -> dict[str, float]:
    """Microseconds of CPU a row for the reference and for ours, and the ratios."""
    _prepare()
    kinds: dict[str, Callable[[], float]] = {
        "raw": lambda: _raw(rows),
        "passed_step": lambda: _advance(rows, "passing"),
        "last_step": lambda: _advance(rows, "ending"),
    }
    for once in kinds.values():
        once()  # warm caches are what a worker has
    taken = {name: middle(runs, once) for name, once in kinds.items()}
    for name, cost in taken.items():
        print(f"{name:>12}: {cost:7.1f} us of CPU a row, {cost / taken['raw']:5.2f} times the raw reference")
    figures = {f"{name}_us": round(cost, 1) for name, cost in taken.items()}
    ratios = {f"{name}_ratio": round(cost / taken["raw"], 2) for name, cost in taken.items() if name != "raw"}
    return figures | ratios


def _nothing(_: Operation) -> Outcome:
    from operations.outcomes import Next

    return Next()


def _settle_nothing(_: Operation, __: Ending) -> None:
    """The workflow has no rows of its own."""


def _prepare() -> None:
    from django.conf import settings
    from django.db import connection
    from psycopg import connect

    from operations.workflow import Mode, Step, Workflow, register

    look = Step("look", Mode.LOOKS, _nothing)
    never = Step("never", Mode.ACTS, _nothing)  # a batch of looks does not take it: rows stop there
    for kind, steps in (("passing", (look, never)), ("ending", (look,))):
        register(Workflow(kind=kind, steps=steps, settle=_settle_nothing, point_of_no_return="look"))
    assert settings.OPERATIONS_BATCH_LOOKS == BATCH
    with connect(settings.OWNER_ADDRESS.url().reveal(), autocommit=True) as owner:
        owner.execute(RAW_TABLE)
        owner.execute(f"GRANT ALL ON bench_raw TO {connection.settings_dict['USER']}")


def _raw(rows: int) -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(RAW_FILL, [rows])
        spent = Spent()
        with spent.counted():
            while True:
                cursor.execute(RAW_CLAIM, [BATCH])
                claimed = cursor.fetchall()
                if not claimed:
                    break
                cursor.execute(RAW_COMPLETE, [list(column) for column in zip(*claimed, strict=True)])
    return spent.total / rows


def _advance(rows: int, kind: str) -> float:
    """Advance every row by one step, 50 at a time."""
    from operations.claims import BATCHED, claim
    from operations.engine import look_together

    _fill(rows, kind)
    spent = Spent()
    with spent.counted():
        while claims := claim(BATCHED, limit=BATCH):
            look_together(claims)
    return spent.total / rows


def _fill(rows: int, kind: str) -> None:
    """Operations of twenty workspaces, all due."""
    from operations.models import Operation

    Operation.objects.all().delete()
    Operation.objects.bulk_create(
        Operation(
            kind=kind,
            target_key=f"thing:{number}",
            workspace=f"workspace-{number % 20}",
            input={"size_bytes": 2**40},
            choices={"pool": "p-1"},
            step="look",
            actor="bench",
        )
        for number in range(rows)
    )


if __name__ == "__main__":
    main()

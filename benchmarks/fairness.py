"""How much ten thousand operations of one workspace delay another's single ones.

Run `make bench-fairness`. Real workers on a real broker; each operation makes four calls of 50 ms. Small workspaces submit
one operation at a time, first on an idle system, then behind the crowd. Added delay: from submitted to done, without the
calls themselves. Goal: the 99th percentile behind the crowd is at most twice that of the idle system.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles

from benchmarks.harness import ROOT, report, running

PATIENCE_SECONDS = 60.0


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crowd", type=int, default=10_000, help="due operations of the big workspace")
    parser.add_argument("--singles", type=int, default=100, help="operations of small workspaces, in each part")
    arguments = parser.parse_args()
    from controlplane.embedded import Part

    with running({Part.POSTGRES, Part.VALKEY, Part.BEAT}) as stack, _worker(stack.environment):
        import benchmarks.sleeping  # noqa: F401

        _singles(5)  # the worker is up
        idle = _singles(arguments.singles)
        _crowd(arguments.crowd)
        crowded = _singles(arguments.singles)
        steps, left = _crowd_steps(), _left()
    figures = {
        **_percentiles("idle", idle),
        **_percentiles("crowded", crowded),
        "crowd_steps": steps,
        "crowd_left": left,
    }
    ratio = round(figures["crowded_p99_s"] / figures["idle_p99_s"], 2)
    print(
        f"p99 behind the crowd is {ratio} times that of an idle system; meanwhile the crowd made {steps} steps, {left} wait"
    )
    report("fairness", crowd=arguments.crowd, singles=arguments.singles, goal=2.0, p99_ratio=ratio, **figures)


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[None]:
    import os

    from controlplane.worker_groups import worker_groups

    group = worker_groups()[0]
    command = [sys.executable, "-m", "celery", "--app", "controlplane.celery", *group.arguments()]
    settings = {**os.environ, **environment, **group.environment(), "LOG_LEVEL": "ERROR"}
    process = subprocess.Popen(
        [*command, "--include", "benchmarks.sleeping"], cwd=ROOT, env=settings, stdout=subprocess.DEVNULL, stderr=-3
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _singles(number: int) -> list[float]:
    """Added delay of each; one at a time, each of a workspace of its own."""
    from benchmarks.sleeping import STEP_SECONDS, STEPS

    return [_single(n) - STEPS * STEP_SECONDS for n in range(number)]


def _single(number: int) -> float:
    from django.db import transaction

    from operations.models import Operation
    from operations.services import submit

    with transaction.atomic():
        operation = submit("sleeping", target=f"small:{number}", actor="bench", workspace=f"small-{number}")
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        row = Operation.objects.get(pk=operation.pk)
        if row.finished_at is not None:
            return float((row.finished_at - row.created_at).total_seconds())
        time.sleep(0.02)
    raise SystemExit(f"An operation is not done after {PATIENCE_SECONDS} s.")


def _crowd(number: int) -> None:
    """So many at once; beat's sweep finds them, and a doorbell for a tenth of them rings as well."""
    from operations.hints import hint
    from operations.models import Operation

    rows = [
        Operation(kind="sleeping", target_key=f"big:{n}", workspace="big", step="call_0", actor="bench")
        for n in range(number)
    ]
    Operation.objects.bulk_create(rows, batch_size=1000)
    for row in rows[: number // 10]:
        hint(row)


def _crowd_steps() -> int:
    """Steps of the crowd that were passed: it is served as well."""
    from operations.models import StepRun

    return StepRun.objects.filter(target__startswith="big:", outcome="next").count()


def _left() -> int:
    from operations.models import Operation

    return Operation.objects.filter(workspace="big", finished_at=None).count()


def _percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    cuts = quantiles(seconds, n=100, method="inclusive")
    figures = {f"{name}_p50_s": round(cuts[49], 3), f"{name}_p99_s": round(cuts[98], 3)}
    print(f"{name:>8}: added delay p50 {figures[f'{name}_p50_s']} s, p99 {figures[f'{name}_p99_s']} s")
    return figures


if __name__ == "__main__":
    main()

"""A failing schedule made short: actors, then kinds of faults, then single decisions are taken away while it still fails."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.dice import Schedule
from tests.simulation.run import Report, run

KEPT = Path(__file__).parent / "regressions"
NUMBER_AT_END = re.compile(r" \d+$")


def shrunk(failing: Report, *, seconds: float) -> Report:
    """The run with the shortest failing schedule that was found within `seconds`, any invariant broken being a failure."""
    until, best = time.monotonic() + seconds, failing
    left: list[Schedule] = list(_groups(best.schedule))
    while left and time.monotonic() < until:
        taken = left.pop(0)
        trial = _without(best, taken)
        if trial is not None:
            best = trial
            left = [part for part in left if part.keys() & best.schedule.keys()]
        elif len(taken) > 1:
            left += _halves(taken)
    return best


def keep(report: Report) -> Path:
    """Write a schedule down among those that are replayed with every test run."""
    path = KEPT / f"seed-{report.seed}.json"
    document = {"found": report.failure, "seed": report.seed, "schedule": dict(sorted(report.schedule.items()))}
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def kept() -> list[Path]:
    return sorted(KEPT.glob("*.json"))


def replay(path: Path) -> Report:
    """Run a schedule that once failed."""
    document = json.loads(path.read_text())
    return run(document["seed"], document["schedule"])


def told(report: Report) -> str:
    """The failure, its schedule and its last steps."""
    schedule = "\n".join(f"  {name}: {value}" for name, value in report.schedule.items())
    steps = "\n".join(report.trace[-60:])
    return f"seed {report.seed}: {report.failure}\n{len(report.schedule)} decisions:\n{schedule}\nlast steps:\n{steps}"


def _without(best: Report, taken: Schedule) -> Report | None:
    """The same run without some decisions, if it still fails."""
    fewer = {name: value for name, value in best.schedule.items() if name not in taken}
    if len(fewer) == len(best.schedule):
        return None
    trial = run(best.seed, fewer)
    return trial if trial.failure else None


def _groups(schedule: Schedule) -> Iterator[Schedule]:
    """Decisions of one actor about one thing, the most numerous first."""
    groups: dict[str, Schedule] = {}
    for name, value in schedule.items():
        groups.setdefault(NUMBER_AT_END.sub("", name), {})[name] = value
    yield from sorted(groups.values(), key=len, reverse=True)


def _halves(part: Schedule) -> list[Schedule]:
    items = list(part.items())
    middle = len(items) // 2
    return [dict(items[:middle]), dict(items[middle:])]

"""Seed after seed, for as long as you like: `make soak`, with SEEDS= how many and FROM= the first. Each seed is a run of the
simulation, and a rotation, conversion or move that is struck by two faults.

Goes on where it stopped (.run/soak/state.json), however it did; Ctrl-C ends it after the present seed; another FROM begins
anew. A failure is made short, kept in `regressions/` and printed. The last line is JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import django

from controlplane.database_url import parse_database_url
from controlplane.embedded import EmbeddedStack, Part
from controlplane.env import env_secret

if TYPE_CHECKING:
    from tests.crash.pairs import Pairs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
DIRECTORY = Path(os.environ.get("SOAK_DIRECTORY", Path(__file__).resolve().parents[2] / ".run" / "soak"))
STATE = DIRECTORY / "state.json"
SHRINKING_SECONDS = 300.0
SEEDS = 50_000


@dataclass
class Soak:
    """How far it has come: from `first_seed` to before `next_seed`, and what was found on the way."""

    first_seed: int = 0
    next_seed: int = 0
    passed: int = 0
    steps: int = 0
    seconds: float = 0.0
    pairs: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    @classmethod
    def resumed(cls, first_seed: int | None) -> Soak:
        """Where the last one stopped; a new one if that began elsewhere, or there was none."""
        kept = cls(**json.loads(STATE.read_text())) if STATE.exists() else cls()
        return kept if first_seed in (None, kept.first_seed) else cls(first_seed, first_seed)

    def save(self) -> None:
        """Replace the state file, whole or not at all."""
        fresh = STATE.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=1))
        fresh.replace(STATE)

    def line(self) -> str:
        done = self.next_seed - self.first_seed
        pace = done / self.seconds if self.seconds else 0.0
        return (
            f"{done} seeds, {self.pairs} pairs, next {self.next_seed}, {len(self.failures)} failed, {pace:.2f} seeds/s"
        )


def main() -> int:
    """1 when a seed failed, now or before the last stop."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    soak = Soak.resumed(int(os.environ["FROM"]) if "FROM" in os.environ else None)
    with EmbeddedStack(DIRECTORY / "servers", parts=(Part.POSTGRES,), losable=True) as stack:
        os.environ.update(stack.environment)
        _prepare()
        _run(soak, until=soak.first_seed + int(os.environ.get("SEEDS", SEEDS)))
    _print(json.dumps({"soak": asdict(soak), "seeds_per_second": round(_pace(soak), 3)}))
    return bool(soak.failures)


def _prepare() -> None:
    django.setup()
    from tests import databases  # only now are there settings

    owner = parse_database_url(env_secret("MIGRATION_DATABASE_URL"), variable="MIGRATION_DATABASE_URL")
    databases.use_copy(owner, "soak", fresh=False)


def _run(soak: Soak, *, until: int) -> None:
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stopping.append(received))
    told, pairs = 0.0, _pairs()
    while soak.next_seed < until and not stopping:
        _strike_twice(soak, pairs)
        _one(soak)
        soak.save()
        if time.monotonic() - told > 10:
            told = time.monotonic()
            _print(soak.line())
    _print(soak.line())


def _pairs() -> Pairs:
    from tests.crash.pairs import Pairs

    return Pairs(Path(tempfile.mkdtemp(prefix="worlds-", dir=DIRECTORY)))


def _strike_twice(soak: Soak, pairs: Pairs) -> None:
    started = time.perf_counter()
    failure = pairs.failure_of(soak.next_seed)
    soak.seconds += time.perf_counter() - started
    soak.pairs += 1
    if failure:
        soak.failures[f"pair {soak.next_seed}"] = failure
        _print(f"pair {soak.next_seed} failed: {failure}")


def _one(soak: Soak) -> None:
    from tests.simulation.run import run

    report = run(soak.next_seed)
    soak.seconds += report.real_seconds
    soak.steps += report.steps
    soak.next_seed += 1
    if report.failure:
        soak.failures[str(report.seed)] = report.failure
        _tell_failure(report.seed, report.failure)
    else:
        soak.passed += 1


def _tell_failure(seed: int, failure: str) -> None:
    from tests.simulation.run import run
    from tests.simulation.shrink import keep, shrunk, told

    _print(f"seed {seed} failed: {failure}\nmaking it short …")
    short = shrunk(run(seed), seconds=SHRINKING_SECONDS)
    _print(f"{told(short)}\nkept in {keep(short)}")


def _pace(soak: Soak) -> float:
    return (soak.next_seed - soak.first_seed) / soak.seconds if soak.seconds else 0.0


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

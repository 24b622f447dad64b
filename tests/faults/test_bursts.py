"""Workers die, the broker forgets, the database restarts while a burst of creations runs: nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.burst import Burst
from tests.faults.judging import everything_wrong

SMALL, LARGE = 40, 200
PROGRESS_BETWEEN_BLOWS = 0.15  # of all creations


def strike_while_it_runs(burst: Burst, count: int, blows: Iterator[tuple[str, Callable[[], None]]]) -> None:
    """Strike first when the work has begun, then again with each seventh of it."""
    next_at = 0.0

    def strike() -> None:
        nonlocal next_at
        if burst.ended() >= next_at * count and (blow := next(blows, None)):
            burst.after(*blow)
            next_at = burst.ended() / count + PROGRESS_BETWEEN_BLOWS

    burst.wait(seconds=600, step=strike)


def test_a_burst_survives_dead_workers_a_flushed_broker_and_a_restarted_database(burst: Burst, record_property) -> None:
    burst.wish(SMALL)
    blows = [
        ("workers killed", burst.kill_workers),
        ("broker flushed", burst.flush_broker),
        ("database restarted", burst.restart_database),
        ("workers killed again", burst.kill_workers),
    ]
    strike_while_it_runs(burst, SMALL, iter(blows))
    record_property("recovery", burst.recoveries)
    assert everything_wrong(burst) == []


@pytest.mark.full
@pytest.mark.parametrize("blow", ["kill_workers", "flush_broker", "restart_database"])
def test_a_large_burst_survives_many_blows_of_one_kind(burst: Burst, blow: str, record_property) -> None:
    burst.wish(LARGE)
    strike_while_it_runs(burst, LARGE, ((blow, getattr(burst, blow)) for _ in range(6)))
    record_property("recovery", burst.recoveries)
    assert everything_wrong(burst) == []

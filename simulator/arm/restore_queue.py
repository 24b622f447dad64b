"""Restores wait for their turn: so many of a subscription and of a pool are processed at a time, the rest are in line."""

from __future__ import annotations

from simulator.arm.call import Call
from simulator.arm.database_sizes import Place


def lines_of(call: Call, place: Place) -> list[str]:
    """What a restore counts among while it runs."""
    return [_subscription(call), *([_pool(place.pool.key)] if place.pool else [])]


def seconds_in_line(call: Call, place: Place, seconds: float) -> float:
    """How long a restore of so many seconds waits for those before it, as if they took as long."""
    quotas, count = call.arm.quotas, call.arm.operations.count
    turns = count(_subscription(call)) // quotas.restores_processed
    if place.pool:
        turns = max(turns, count(_pool(place.pool.key)) // quotas.restores_processed_per_pool)
    return turns * seconds


def _subscription(call: Call) -> str:
    return f"restores of {call.names['subscription'].lower()}"


def _pool(key: str) -> str:
    return f"restores in {key}"

"""What callers of `/_sim` send, checked before anything of it is kept."""

from __future__ import annotations

import math
from typing import Any

import orjson

from simulator.http import Request

MUCH = 1e9


def object_of(request: Request) -> dict[str, Any]:
    """The body; raises ValueError unless it is a JSON object."""
    document = orjson.loads(request.body)
    if not isinstance(document, dict):
        raise ValueError("A JSON object is expected.")
    return document


def number_of(name: str, value: object, *, low: float = 0.0, high: float = MUCH) -> float:
    """The value; raises ValueError unless it is a number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is a number.")
    if not low <= value <= high:
        raise ValueError(f"{name} is a number from {low:g} to {high:g}.")
    return value


def whole_of(name: str, value: object, *, low: int = 0, high: int = int(MUCH)) -> int:
    """The value; raises ValueError unless it is a whole number from `low` to `high`."""
    if number_of(name, value, low=low, high=high) != value or not isinstance(value, int):
        raise ValueError(f"{name} is a whole number.")
    return value


def roles_of(value: object) -> dict[str, list[str]]:
    """App roles by audience; raises ValueError unless they are lists of texts."""
    if not isinstance(value, dict) or not all(
        isinstance(words, list) and all(isinstance(word, str) for word in words) for words in value.values()
    ):
        raise ValueError("roles is an object: lists of texts by audience.")
    return value

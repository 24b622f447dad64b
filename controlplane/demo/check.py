from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One promise and what was found against it; it holds when `faults` is empty."""

    promise: str
    faults: list[str]
    seen: str = ""

"""What must be once everything is over, whatever was struck."""

from __future__ import annotations

from tests.crash import judging
from tests.faults.burst import Burst


def everything_wrong(burst: Burst) -> list[str]:
    """Empty where every operation ended once and each has had its effect once, in Azure's books as in ours."""
    return [*burst.faults(), *judging.left_behind(), *judging.counters(), *judging.told_once()]

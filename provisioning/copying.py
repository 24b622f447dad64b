"""How long a copy between storage families takes: by its size, at the rate seen here, or at the configured one at first."""

from __future__ import annotations

from datetime import datetime
from statistics import median

from django.conf import settings

from operations.models import Operation

LOOKED_AT, ENOUGH = 50, 5
WORTH_COUNTING_GB = 10.0  # below it, what does not depend on the size hides the rate
GIBIBYTE = 2**30


def expected_seconds(kind: str, data_bytes: int) -> float:
    """From Azure's acceptance until it is ready to be cut over (Microsoft: typically under a minute a GB)."""
    return settings.COPY_BASE_SECONDS + data_bytes / GIBIBYTE * seconds_per_gb(kind)


def seconds_per_gb(kind: str) -> float:
    """Median of the latest copies of this kind that were large enough to tell; the configured rate until there are some."""
    done = Operation.objects.filter(kind=kind, state=Operation.State.SUCCEEDED, choices__has_key="data_bytes")
    latest = done.order_by("-created_at").values_list("choices", "finished_at")[:LOOKED_AT]
    rates = [rate for choices, end in latest if (rate := _rate(choices, end))]
    return float(median(rates)) if len(rates) >= ENOUGH else settings.COPY_SECONDS_PER_GB


def _rate(choices: dict[str, str | int], finished_at: datetime | None) -> float | None:
    """What is not held after its copy is over with it."""
    begun, size = choices.get("accepted_at"), choices.get("data_bytes")
    copied = choices.get("copied_at") or finished_at
    if not begun or not copied or not isinstance(size, int) or size < WORTH_COUNTING_GB * GIBIBYTE:
        return None
    seconds = (datetime.fromisoformat(str(copied)) - datetime.fromisoformat(str(begun))).total_seconds()
    return max(seconds - settings.COPY_BASE_SECONDS, 0.0) / (size / GIBIBYTE)

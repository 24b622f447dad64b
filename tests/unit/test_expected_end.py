"""When an operation should be over, by the best that is known of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations.models import Operation
from provisioning.changes.forecast import expected_end

BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
DAY = timedelta(days=1)
ACCEPTED = {"accepted_at": (BEGAN + DAY).isoformat()}
ANNOUNCED = {"opens_at": (BEGAN + DAY).isoformat(), "expected_seconds": 60.0}
TOLD_BY_AZURE = {"expected_end_at": (BEGAN + 2 * DAY).isoformat()}


def an_operation(*, waits_on: str = "", planned: float | None = 600.0, **choices: Any) -> Operation:
    progress = {} if planned is None else {"expected_seconds": planned, "own_seconds": 120.0}
    return Operation(state="running", started_at=BEGAN, waits_on=waits_on, choices=choices, progress=progress)


@pytest.mark.parametrize(
    ("operation", "end"),
    [
        (an_operation(), BEGAN + timedelta(seconds=600)),
        (an_operation(**ACCEPTED), BEGAN + DAY + timedelta(seconds=120)),
        (an_operation(waits_on="window:cigna", announced=ANNOUNCED), BEGAN + DAY + timedelta(seconds=60)),
        (an_operation(waits_on="pool:1", announced=ANNOUNCED), BEGAN + timedelta(seconds=600)),
        (an_operation(run=TOLD_BY_AZURE, **ACCEPTED), BEGAN + 2 * DAY),
        (an_operation(waits_on="window:cigna", announced={"longest_seconds": 60.0}), BEGAN + timedelta(seconds=600)),
        (an_operation(planned=None), None),
        (Operation(state="succeeded", started_at=BEGAN, progress={"expected_seconds": 1.0}), None),
    ],
)
def test_the_expected_end_follows_azure_then_the_window_then_the_plan(operation: Operation, end: datetime | None):
    assert expected_end(operation) == end

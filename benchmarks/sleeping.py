"""A workflow for real workers: four steps that each wait for something outside, 50 ms, as a call to Azure would."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from operations.outcomes import Next, Outcome
from operations.workflow import Ending, Lane, Mode, Step, Workflow, register

if TYPE_CHECKING:
    from operations.models import Operation

STEPS, STEP_SECONDS = 4, 0.05


def _call(_: Operation) -> Outcome:
    time.sleep(STEP_SECONDS)
    return Next()


def _settle(_: Operation, __: Ending) -> None:
    """The workflow has no rows of its own."""


register(
    Workflow(
        kind="sleeping",
        steps=tuple(Step(f"call_{number}", Mode.ACTS, _call, Lane.AZURE) for number in range(STEPS)),
        settle=_settle,
        point_of_no_return="call_0",
    )
)

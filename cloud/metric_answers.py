"""What is asked of Azure Monitor's batch API, and its answer as numbers: one array a call, no object a point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

SLOT_SECONDS = 300  # grain PT5M
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricQuestion:
    """Averages over five minutes of these metrics, of resources of one kind, subscription and region.

    `since` (included) and `until` (excluded) lie on five minutes, UTC. `arm_ids`: at most 50.
    """

    region: str
    namespace: str
    names: tuple[str, ...]
    arm_ids: tuple[str, ...]
    since: datetime
    until: datetime

    @property
    def slots(self) -> int:
        """How many points a metric has."""
        return int((self.until - self.since).total_seconds()) // SLOT_SECONDS


def averages(question: MetricQuestion, values: Iterable[Mapping[str, Any]]) -> Floats:
    """[resource, slot, metric] in the order asked; NaN where Azure has no point, or does not know the resource or metric."""
    found = np.full((len(question.arm_ids), question.slots, len(question.names)), np.nan)
    rows = {arm_id.lower(): row for row, arm_id in enumerate(question.arm_ids)}
    columns = {name.lower(): column for column, name in enumerate(question.names)}
    slots = _Slots(question)
    for value in values:
        row = rows.get(str(value["resourceid"]).lower())
        for metric in value["value"] if row is not None else ():
            column = columns.get(metric["name"]["value"].lower())
            if column is not None:
                _fill(found[row, :, column], metric["timeseries"], slots)
    return found


class _Slots(dict[str, int]):
    """Time stamp → slot; every series of an answer has the same texts, so each is read once. -1: outside."""

    def __init__(self, question: MetricQuestion) -> None:
        super().__init__()
        self._since, self._count = question.since, question.slots

    def __missing__(self, text: str) -> int:
        seconds = (moment(text) - self._since).total_seconds()
        slot = int(seconds // SLOT_SECONDS)
        self[text] = slot if 0 <= slot < self._count else -1
        return self[text]


def _fill(target: Floats, series: Sequence[Mapping[str, Any]], slots: _Slots) -> None:
    for one in series:
        for point in one["data"]:
            value = point.get("average")
            if value is not None and (slot := slots[point["timeStamp"]]) >= 0:
                target[slot] = value


def moment(text: str) -> datetime:
    """An ISO time stamp of Azure, aware (UTC)."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)

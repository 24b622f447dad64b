"""Due meters → calls: up to fifty of one kind and tier, whose missing slots lie close together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from cloud.azure_metrics import MOST_RESOURCES
from cloud.metric_answers import MetricQuestion
from placement.sampling.quantities import DTU_TIERS, metrics_of, namespace_of
from placement.sampling.slots import CATCH_UP_SLOTS, MOST_SLOTS, SECOND_LOOK_SLOTS, SLOTS_AN_HOUR, Asked, start_of
from placement.sampling.turns import DueMeter

APART_SLOTS = SLOTS_AN_HOUR  # meters whose first missing slots are farther apart are not asked for together


@dataclass(frozen=True, slots=True)
class Call:
    """Meters and the slots asked for, `until` excluded; `since` is each meter's own first one."""

    meters: tuple[DueMeter, ...]
    since: tuple[int, ...]
    until: int

    @property
    def region(self) -> str:
        return self.meters[0].region

    @property
    def service_tier(self) -> str:
        return self.meters[0].service_tier

    @property
    def first(self) -> int:
        return min(self.since)

    def question(self) -> MetricQuestion:
        one = self.meters[0]
        return MetricQuestion(
            region=one.region,
            namespace=namespace_of(one.kind),
            names=metrics_of(one.kind, one.service_tier),
            arm_ids=tuple(meter.arm_id for meter in self.meters),
            since=start_of(self.first),
            until=start_of(self.until),
        )

    def asked(self) -> Asked:
        known = np.array([meter.began for meter in self.meters])
        return Asked(np.array(self.since, dtype=np.int64), known, self.first, self.until)

    def halves(self) -> tuple[Call, Call]:
        middle = len(self.meters) // 2
        return (
            Call(self.meters[:middle], self.since[:middle], self.until),
            Call(self.meters[middle:], self.since[middle:], self.until),
        )


def calls(due: list[DueMeter], *, closed: int) -> Iterator[Call]:
    """Every due meter in one call, at most a day of each; one that is farther behind will be due again."""
    wanted = sorted(((_sold(meter), _since(meter, closed), meter.id, meter) for meter in due), key=lambda one: one[:3])
    for _, together in groupby(wanted, key=lambda one: one[0]):
        part: list[tuple[int, DueMeter]] = []
        for _, since, _, meter in together:
            if part and (len(part) == MOST_RESOURCES or since > part[0][0] + APART_SLOTS):
                yield _call(part, closed)
                part = []
            part.append((since, meter))
        yield _call(part, closed)


def _call(part: list[tuple[int, DueMeter]], closed: int) -> Call:
    until = min(closed, part[0][0] + MOST_SLOTS)
    return Call(tuple(meter for _, meter in part), tuple(since for since, _ in part), until)


def _sold(meter: DueMeter) -> bool:
    """By DTUs: those metrics have other names."""
    return meter.service_tier in DTU_TIERS


def _since(meter: DueMeter, closed: int) -> int:
    """The first slot to ask for: after an outage not from the beginning, and once more where a gap was."""
    since = max(meter.sampled_until, closed - CATCH_UP_SLOTS)
    if meter.gap_since is not None and meter.gap_since <= closed - SECOND_LOOK_SLOTS:
        since = min(since, max(meter.gap_since, closed - MOST_SLOTS + SLOTS_AN_HOUR))
    return since

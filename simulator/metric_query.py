"""What a client asks of Azure Monitor (span, grain, metrics, aggregations) and the answer to it, number by number."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import numpy as np

from simulator.arm.errors import ArmError
from simulator.arm.resources import Resource
from simulator.http import Response, answer
from simulator.loads import Usage
from simulator.metric_definitions import GRAINS, Metric, metrics_of, namespace_of
from simulator.workload import Floats, Minutes

RETENTION_MINUTES = 93 * 1440
LONGEST_MINUTES = 31 * 1440  # of a query by the minute: a longer span keeps its last 31 days, as recorded
MOST_METRICS = 20
LAST_MINUTE = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() // 60)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_DIMENSION = re.compile(r"(\w+)\s+eq\s+'", re.IGNORECASE)


class MetricsRefused(ArmError):
    """A refusal of Azure Monitor: code and message without the wrapper of ARM, as recorded; 400 unless told."""

    def __init__(self, message: str, code: str = "BadRequest", status: int = 400) -> None:
        super().__init__(status, code, message)

    def response(self) -> Response:
        return answer(self.status, {"code": self.code, "message": self.message})


@dataclass(frozen=True, slots=True)
class Question:
    """`start` and `end` in minutes since the epoch, end excluded; `grain` is None for one point over all (FULL)."""

    start: int
    end: int
    grain: str | None
    names: tuple[str, ...]
    aggregations: tuple[str, ...]
    dimensions: tuple[str, ...] = ()

    @property
    def minutes(self) -> Minutes:
        return np.arange(self.start, self.end, dtype=np.int64)

    @property
    def step(self) -> int:
        return GRAINS[self.grain] if self.grain else max(self.end - self.start, 1)

    @property
    def timespan(self) -> str:
        return f"{_text(self.start)}/{_text(self.end)}"

    @property
    def edges(self) -> tuple[str, str]:
        return _text(self.start), _text(self.end)

    @property
    def interval(self) -> str:
        return self.grain or "FULL"

    @property
    def cost(self) -> int:
        """Minutes between first and last, by metric: the number that a recording of 2023 shows."""
        return max(self.end - self.start - 1, 0) * max(len(self.names), 1)


def question_of(query: Mapping[str, str], *, start: int, end: int) -> Question:
    """The question in a query string whose span was read already; refuses what Azure Monitor refuses."""
    interval = query.get("interval") or "PT1M"
    grain = None if interval.upper() == "FULL" else _grain(interval)
    start = max(start, end - (LONGEST_MINUTES if grain == "PT1M" else RETENTION_MINUTES))
    names = tuple(dict.fromkeys(name for name in unquote(query.get("metricnames", "")).split(",") if name))
    if len(names) > MOST_METRICS:
        raise MetricsRefused(f"The number of metrics requested, {len(names)}, exceeds the limit of {MOST_METRICS}.")
    words = tuple(word.strip().capitalize() for word in query.get("aggregation", "").split(",") if word.strip())
    unknown = [word for word in words if word not in ("Average", "Minimum", "Maximum", "Total", "Count", "None")]
    if unknown:
        valid = "None, Average, Count, Minimum, Maximum, Total"
        raise MetricsRefused(f"Invalid aggregation type: {unknown[0]}, valid ones are: {valid}")
    dimensions = tuple(_DIMENSION.findall(query.get("$filter") or query.get("filter") or ""))
    return Question(start, end, grain, names, tuple(word for word in words if word != "None"), dimensions)


def _grain(interval: str) -> str:
    minutes = _minutes_of(interval)
    found = next((name for name, size in GRAINS.items() if size == minutes), None)
    if found is None:
        supported = ",".join(GRAINS)
        raise MetricsRefused(f"Invalid time grain duration: {interval}, supported ones are: {supported}")
    return found


def _minutes_of(duration: str) -> float:
    found = _DURATION.fullmatch(duration.upper())
    if found is None or not any(found.groups()):
        return -1.0
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days * 1440 + hours * 60 + minutes + seconds / 60


def span_of(text: str, *, now: float) -> tuple[int, int]:
    """`start/end`, `start/duration` or a duration until now; the last hour when empty; also when encoded twice."""
    present = int(now // 60)
    if not text:
        return present - 60, present
    first, _, last = unquote(text).partition("/")
    if not last:
        length = _minutes_of(first)
        if length < 1:
            raise _bad_span(text)
        return present - int(length), present
    start = moment(first)
    length = _minutes_of(last)
    return ordered(start, start + int(length) if length > 0 else moment(last))


def ordered(start: int, end: int) -> tuple[int, int]:
    if end > LAST_MINUTE:
        raise _bad_span(str(end))
    if start >= end:
        raise MetricsRefused(f"Start time {_text(start)} must be before end time {_text(end)}.")
    return start, end


def moment(text: str) -> int:
    """Minutes since the epoch, rounded down; a `+` that became a blank is understood."""
    try:
        read = datetime.fromisoformat(text.strip().replace(" ", "+"))
        aware = read if read.tzinfo else read.replace(tzinfo=UTC)
        return int(aware.timestamp() // 60)
    except (ValueError, OverflowError) as error:
        raise _bad_span(text) from error


def _bad_span(text: str) -> MetricsRefused:
    return MetricsRefused(f"Invalid timespan: {text}. It must be in the form of start/end, both in ISO 8601.")


def chosen(question: Question, resource: Resource) -> list[Metric]:
    """The metrics asked for (the first of the resource when none is named); refuses unknown ones and wrong grains."""
    valid = {metric.name.lower(): metric for metric in metrics_of(resource)}
    wanted = question.names or (next(iter(valid.values())).name,)
    type_ = namespace_of(resource).split("/", 1)[1]
    for name in wanted:
        if name.lower() not in valid:
            names = ",".join(metric.name for metric in valid.values())
            raise MetricsRefused(
                f"Failed to find metric configuration for provider: Microsoft.Sql, resource Type: {type_}, "
                f"metric: {name}, Valid metrics: {names}"
            )
    found = [valid[name.lower()] for name in wanted]
    for metric in found:
        check_dimensions(metric.name, question.dimensions, metric.dimensions)
        if question.grain and question.grain not in metric.grains:
            raise MetricsRefused(
                f"Metric: {metric.name} does not support requested time grain: {question.grain}, "
                f"supported ones are: {','.join(metric.grains)}"
            )
    return found


def check_dimensions(name: str, asked: Sequence[str], supported: Sequence[str]) -> None:
    """400 in the words that were recorded."""
    known = {dimension.lower() for dimension in supported}
    if any(dimension.lower() not in known for dimension in asked):
        raise MetricsRefused(
            f"Metric: {name} does not support requested dimension combination: {','.join(asked).lower()}, "
            f"supported ones are: {','.join(supported)}, TraceId: {{{uuid.uuid4()}}}"
        )


def document(
    question: Question, resource: Resource, metric: Metric, usage: Usage | None, *, now: float
) -> dict[str, Any]:
    """One metric of one resource; without usage there is no series."""
    shown = {
        "id": f"{resource.id}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.label},
        "displayDescription": metric.label,
        "unit": metric.unit,
    }
    if usage is None:
        return {**shown, "timeseries": [], "errorCode": "Success"}
    values = _known(question, metric.values(usage), now)
    series = [] if np.isnan(values).all() else [{"metadatavalues": [], "data": _points(question, metric, values)}]
    return {**shown, "timeseries": series, "errorCode": "Success"}


def _known(question: Question, values: Floats, now: float) -> Floats:
    """Without the minutes that have not ended, and those that are kept no longer."""
    minutes, present = question.minutes, int(now // 60)
    outside = (minutes >= present) | (minutes < present - RETENTION_MINUTES)
    return np.where(outside, np.nan, values)


def _points(question: Question, metric: Metric, values: Floats) -> list[dict[str, Any]]:
    """A point a grain; one without data has a time stamp only."""
    step = question.step
    padded = np.full(-(-len(values) // step) * step, np.nan)
    padded[: len(values)] = values
    rows = padded.reshape(-1, step)
    known = ~np.isnan(rows)
    counts = known.sum(axis=1)
    names = question.aggregations or (metric.primary,)
    columns = {name.lower(): np.round(_aggregated(name, rows, known, counts), 4).tolist() for name in names}
    stamps = (question.start + step * np.arange(len(rows))).astype("datetime64[m]")
    texts = [f"{text}:00Z" for text in np.datetime_as_string(stamps, unit="m").tolist()]
    return [
        {"timeStamp": text, **({name: column[row] for name, column in columns.items()} if counts[row] else {})}
        for row, text in enumerate(texts)
    ]


def _aggregated(name: str, rows: Floats, known: np.ndarray[Any, np.dtype[np.bool_]], counts: Floats) -> Floats:
    filled: Floats
    if name == "Minimum":
        filled = np.where(known, rows, np.inf).min(axis=1)
    elif name == "Maximum":
        filled = np.where(known, rows, -np.inf).max(axis=1)
    elif name == "Count":
        filled = counts.astype(np.float64)
    else:
        total: Floats = np.where(known, rows, 0.0).sum(axis=1)
        filled = total / np.maximum(counts, 1) if name == "Average" else total
    return filled


def answers(question: Question, resource: Resource, usage: Usage, *, now: float) -> list[dict[str, Any]]:
    """All metrics asked for, in the order asked."""
    return [document(question, resource, metric, usage, now=now) for metric in chosen(question, resource)]


def _text(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def namespaces_agree(asked: str, resources: Sequence[Resource]) -> bool:
    """A namespace compares without regard to case; none is fine where it may be left out."""
    return all(namespace_of(resource).lower() == asked.lower() for resource in resources)

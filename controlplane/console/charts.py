"""What was used lately, drawn: hours as a band from mean to most, with the level and the limit that they are held against.

Drawn here as SVG, without a script; the sentence below it says the same in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.console.display import NOTHING
from inventory.models import Database, ElasticPool
from placement.history import Hour, lately
from placement.models import Meter
from placement.pool_loads import level_of

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 960, 220, 44, 24, 10
MOMENT = "%a %H:%M"
MEANT = "Samples come every five minutes for pools and every hour for databases, some minutes late."


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its title, and the same in a sentence."""

    title: str
    drawing: object
    words: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Hours and vCores to places in the drawing."""

    since: datetime
    hours: int
    most: float

    def x(self, at: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT) * ((at - self.since) / timedelta(hours=1)) / max(self.hours, 1), 1)

    def y(self, vcores: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * vcores / self.most, 1)


def pool_chart(pool: ElasticPool) -> Chart:
    """The pool's last week against its level and its size."""
    return _chart(lately(pool.pk), limit=float(pool.vcores), level=level_of(pool))


def database_chart(database: Database) -> Chart:
    """The database's last week against what it may use at most."""
    meter = Meter.objects.filter(resource=database.pk).first()
    return _chart(lately(database.pk), limit=meter.share if meter else 0.0, level=None)


def _chart(hours: Sequence[Hour], *, limit: float, level: float | None) -> Chart:
    title = "vCores used, last seven days"
    seen = [hour for hour in hours if hour.most is not None]
    if not seen:
        return Chart(title, NOTHING, f"Nothing was sampled yet. {MEANT}")
    scale = Scale(hours[0].at, len(hours), 1.05 * max(limit, *(hour.most or 0.0 for hour in seen)))
    words = _words(hours, seen, limit=limit, level=level)
    parts = (_ticks(scale), _gaps(scale, hours), _bands(scale, hours, level), _line(scale, limit, "limit", "c-quiet"))
    held = () if level is None else (_line(scale, level, "level", "c-warning"),)
    drawing = format_html(
        '<svg class="c-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        *(WIDTH, HEIGHT, words, format_html_join("", "{}", ((part,) for part in (*parts, *held)))),
    )
    return Chart(title, drawing, words)


def _words(hours: Sequence[Hour], seen: Sequence[Hour], *, limit: float, level: float | None) -> str:
    top = max(seen, key=lambda hour: hour.most or 0.0)
    mean = sum(hour.mean or 0.0 for hour in seen) / len(seen)
    told = f"Until {hours[-1].at:%Y-%m-%d %H:%M} UTC: mean {mean:.2f}, most {top.most:.2f} on {top.at:{MOMENT}}, of {limit:g}."
    if level is not None:
        above = sum((hour.mean or 0.0) > level for hour in seen)
        told += f" Above the level of {level:g}: {above} of {len(seen)} hours."
    missing = len(hours) - len(seen)
    return told + (f" Without samples: {missing} hours." if missing else "")


def _bands(scale: Scale, hours: Sequence[Hour], level: float | None) -> SafeString:
    """One for each stretch without a gap."""
    return format_html_join("", "{}", ((_band(scale, run, level),) for run in _runs(hours)))


def _runs(hours: Sequence[Hour]) -> Iterator[list[Hour]]:
    for is_seen, run in groupby(hours, key=lambda hour: hour.most is not None):
        if is_seen:
            yield list(run)


def _band(scale: Scale, run: Sequence[Hour], level: float | None) -> SafeString:
    """From mean to most; hours whose mean is above the level are marked, and each hour says its figures."""
    most = [(scale.x(hour.at), scale.y(hour.most or 0.0)) for hour in run]
    mean = [(scale.x(hour.at), scale.y(hour.mean or 0.0)) for hour in run]
    return format_html(
        '<polygon class="c-band" points="{}"/><polyline class="c-mean" points="{}"/>{}',
        *(_points([*most, *mean[::-1]]), _points(mean)),
        format_html_join("", "{}", ((_hour(scale, hour, level),) for hour in run)),
    )


def _hour(scale: Scale, hour: Hour, level: float | None) -> SafeString:
    mean, most = hour.mean or 0.0, hour.most or 0.0
    tone = "c-hour c-bad" if level is not None and mean > level else "c-hour"
    width = round((WIDTH - LEFT) / max(scale.hours, 1), 2)
    return format_html(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}: mean {}, most {}</title></rect>',
        *(tone, scale.x(hour.at), TOP, width, HEIGHT - BOTTOM - TOP),
        *(f"{hour.at:{MOMENT}}", f"{mean:.2f}", f"{most:.2f}"),
    )


def _gaps(scale: Scale, hours: Sequence[Hour]) -> SafeString:
    runs = [list(run) for missing, run in groupby(hours, key=lambda hour: hour.most is None) if missing]
    return format_html_join(
        "",
        '<rect class="c-gap" x="{}" y="{}" width="{}" height="{}"><title>no samples</title></rect>',
        (
            (
                scale.x(run[0].at),
                TOP,
                scale.x(run[-1].at + timedelta(hours=1)) - scale.x(run[0].at),
                HEIGHT - BOTTOM - TOP,
            )
            for run in runs
        ),
    )


def _ticks(scale: Scale) -> SafeString:
    """Midnights below, round vCores at the left."""
    ends = scale.since + timedelta(hours=scale.hours)
    first = scale.since.replace(hour=0) + timedelta(days=1)
    days = [first + timedelta(days=number) for number in range(8) if first + timedelta(days=number) < ends]
    below = format_html_join(
        "",
        '<line class="c-grid" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/><text x="{0}" y="{3}">{4}</text>',
        ((scale.x(day), TOP, HEIGHT - BOTTOM, HEIGHT - 6, f"{day:%a %d}") for day in days),
    )
    left = format_html_join(
        "",
        '<line class="c-grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/><text class="c-left" x="{3}" y="{4}">{5}</text>',
        ((LEFT, WIDTH, scale.y(value), LEFT - 6, scale.y(value) + 4, f"{value:g}") for value in _round(scale.most)),
    )
    return format_html("{}{}", below, left)


def _round(most: float) -> list[float]:
    """Two to five values at equal, round distances."""
    step = next(size * 10**power for power in range(-3, 4) for size in (1, 2, 5) if most / (size * 10**power) < 5)
    return [step * number for number in range(int(most / step) + 1)]


def _line(scale: Scale, vcores: float, name: str, tone: str) -> SafeString:
    return format_html(
        '<line class="c-held {0}" x1="{1}" x2="{2}" y1="{3}" y2="{3}"/>'
        '<text class="c-held {0}" x="{2}" y="{4}">{5} {6}</text>',
        *(tone, LEFT, WIDTH, scale.y(vcores), scale.y(vcores) - 4, name, f"{vcores:g}"),
    )


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in pairs)

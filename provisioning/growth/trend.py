"""Pure: how fast something grows, robustly. One import of a day, a clean-up at a month's end, a gap in the samples: none
of these makes a trend.

The slope is Theil and Sen's: the median of the slopes of all pairs of days. With two months of samples only days that are
whole months apart are paired, so that what comes and goes with the month counts nothing; its peaks count as `swing`.

Such a median is slow to see another pace. So the last week is looked at by itself: where it stands above everything from
which the samples ever came back, and grows steadily and faster than the long trend, its pace counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_SAMPLES = 7
WINDOW_DAYS = 120  # what was before tells nothing of today's pace
MONTHLY_FROM_DAYS = 56
MONTH_DAYS = 30.44
SAME_DAY_OF_MONTH = 1.6  # days by which months differ
PEAK = 0.95  # quantile of what lies above the trend
WEEK_DAYS = 7
Days = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trend:
    """`level` (bytes) is where the trend stands on the last day; peaks go `swing` above it. `per_day` may be negative."""

    per_day: float
    level: float
    swing: float
    last_day: int

    def days_until(self, limit: float) -> float | None:
        """Days from the last sample until its peaks reach the limit; 0: they do now; None: they never will."""
        room = limit - self.level - self.swing
        if room <= 0:
            return 0.0
        return room / self.per_day if self.per_day > 0 else None

    def on(self, day: int) -> Trend:
        """The same on a later day: what nobody has measured since has grown on."""
        grown = max(self.per_day, 0.0) * max(day - self.last_day, 0)
        return Trend(self.per_day, self.level + grown, self.swing, max(day, self.last_day))

    def __add__(self, other: Trend) -> Trend:
        """Two that share a pool. Their peaks may coincide."""
        last = max(self.last_day, other.last_day)
        level = sum(one.level + one.per_day * (last - one.last_day) for one in (self, other))
        return Trend(self.per_day + other.per_day, level, self.swing + other.swing, last)


def trend_of(days: Days, used: Days) -> Trend | None:
    """The trend of samples in the order of their days (whole numbers), or that of the last week where the pace has changed;
    None where there are too few to tell."""
    recent = days > days[-1] - WINDOW_DAYS if len(days) else days > 0
    days, used = days[recent], used[recent]
    if len(days) < FEWEST_SAMPLES:
        return None
    long = _long_trend(days, used)
    week = _week_trend(days, used, long=long.per_day)
    return week if week is not None and week.per_day > max(long.per_day, 0.0) else long


def _long_trend(days: Days, used: Days) -> Trend:
    slope = _slope(days, used)
    above = used - slope * (days - days[-1])
    level = float(np.median(above))
    swing = max(float(np.quantile(above, PEAK)) - level, 0.0)
    return Trend(slope, level, swing, int(days[-1]))


def _week_trend(days: Days, used: Days, *, long: float) -> Trend | None:
    """What the last week alone tells: the median of its daily steps, so that one jump is none. None where it has stood as high
    above the `long` trend before and came back, or has too few samples."""
    last = days >= days[-1] - WEEK_DAYS
    above, week = used - long * (days - days[-1]), used[last]
    if min(len(week), len(used) - len(week)) < FEWEST_SAMPLES:
        return None
    if float(np.median(above[last])) <= _came_back_from(used[~last], above[~last]):
        return None
    slope = float(np.median(np.diff(week) / np.diff(days[last])))
    level = float(np.median(week - slope * (days[last] - days[-1])))
    return Trend(slope, level, 0.0, int(days[-1]))


def _came_back_from(used: Days, above: Days) -> float:
    """How high it stood above the trend before it fell by half of that; the middle of `above` where it never did."""
    middle = float(np.median(above))
    lowest_after = np.minimum.accumulate(used[::-1])[::-1]
    fell = used - lowest_after > np.abs(above - middle) / 2
    return float(np.max(above[fell], initial=middle))


def _slope(days: Days, used: Days) -> float:
    first, second = np.triu_indices(len(days), k=1)
    gaps = days[second] - days[first]
    chosen = gaps >= _shortest_gap(days)
    if days[-1] - days[0] >= MONTHLY_FROM_DAYS:
        months = np.maximum(np.round(gaps / MONTH_DAYS), 1.0)
        chosen = np.abs(gaps - months * MONTH_DAYS) <= SAME_DAY_OF_MONTH
    slopes = (used[second] - used[first])[chosen] / gaps[chosen]
    return float(np.median(slopes)) if len(slopes) else 0.0


def _shortest_gap(days: Days) -> float:
    """Neighbouring days tell more of noise than of growth."""
    return max(1.0, float(days[-1] - days[0]) / 3.0)

"""Pure: n, mean, M2 (the sum of squared deviations) and maximum of many series at once, merged without their values.

Merging after Chan, Golub and LeVeque (1979): sums of squares would lose what float32 can hold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from placement.sampling.slots import Ints

N, MEAN, M2, MOST = range(4)
MEMORY = 12.0 * 26  # points: half a year of an hour of the week; what is older fades
Floats = npt.NDArray[np.float64]


def of_groups(values: Floats, group: Ints, *, groups: int) -> Floats:
    """[4, groups] from values and the group of each; NaN counts nothing. A group without values has n 0."""
    known = ~np.isnan(values)
    values, group = values[known], group[known]
    count = np.bincount(group, minlength=groups).astype(np.float64)
    mean = np.bincount(group, values, minlength=groups) / np.maximum(count, 1.0)
    squares = np.bincount(group, (values - mean[group]) ** 2, minlength=groups)
    most = np.full(groups, -np.inf)
    np.maximum.at(most, group, values)
    return np.stack((count, mean, squares, np.where(count > 0, most, 0.0)))


def merged(kept: Floats, new: Floats) -> Floats:
    """Both together, each [4, …]. Beyond MEMORY points the older ones weigh less, the maximum stays."""
    count = kept[N] + new[N]
    part = np.divide(new[N], count, out=np.zeros_like(count), where=count > 0)
    step = new[MEAN] - kept[MEAN]
    squares = kept[M2] + new[M2] + step**2 * kept[N] * part
    most = np.where(kept[N] == 0, new[MOST], np.where(new[N] == 0, kept[MOST], np.maximum(kept[MOST], new[MOST])))
    fade = np.minimum(1.0, MEMORY / np.maximum(count, 1.0))
    return np.stack((count * fade, kept[MEAN] + step * part, squares * fade, most))

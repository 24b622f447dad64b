"""Pure: n, mean, M2 (the sum of squared deviations) and maximum of many series at once, merged without their values.

Merging after Chan, Golub and LeVeque (1979): sums of squares would lose what float32 can hold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

N, MEAN, M2, MOST = range(4)
MEMORY = 12.0 * 26  # points: half a year of an hour of the week; what is older fades
Floats = npt.NDArray[np.float64]


def merged(kept: Floats, new: Floats) -> Floats:
    """Both together, each [4, …]. Beyond MEMORY points the older ones weigh less, the maximum stays."""
    count = kept[N] + new[N]
    part = np.divide(new[N], count, out=np.zeros_like(count), where=count > 0)
    step = new[MEAN] - kept[MEAN]
    squares = kept[M2] + new[M2] + step**2 * kept[N] * part
    most = np.where(kept[N] == 0, new[MOST], np.where(new[N] == 0, kept[MOST], np.maximum(kept[MOST], new[MOST])))
    fade = np.minimum(1.0, MEMORY / np.maximum(count, 1.0))
    return np.stack((count * fade, kept[MEAN] + step * part, squares * fade, most))

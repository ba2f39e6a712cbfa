"""Is something seen more often in one of two images of the same patients?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom


def more_often_p(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """One-sided exact p-value that `first` is true more often than `second`, patient by patient.

    Patients in whom both agree say nothing; of the others, half would go either way if the two were exchangeable
    within each patient. Without any such patient it is 1.

    Args:
        first, second: (n,) what is seen in either image of each patient.

    Reference:
        McNemar 1947, doi 10.1007/BF02295996, in its exact form.

    >>> more_often_p(np.array([True] * 5), np.array([False] * 5))
    0.03125
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return float(binom.sf(only_first - 1, only_first + only_second, 0.5))

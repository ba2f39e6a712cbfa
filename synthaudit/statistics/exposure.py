"""Which training patients stand out from the holdout, and how surely: one rule for the audit and its rehearsals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.statistics.conformal import conformal_p
from synthaudit.statistics.fdr import benjamini_hochberg, holm
from synthaudit.statistics.tail import ParetoTail, tail_p


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """p- and q-values of each training patient, and who is named and who confirmed. All (m,)."""

    p_values: NDArray[np.float64]
    q_values: NDArray[np.float64]
    named: NDArray[np.bool_]
    """Benjamini-Hochberg: at most a share q of these is expected to be wrong."""
    confirmed: NDArray[np.bool_]
    """Holm on exact p-values, whatever tail is in use: the chance that *any* of these is wrong is at most alpha."""


def select_exposed(
    train: NDArray[np.float64],
    holdout: NDArray[np.float64],
    *,
    q: float,
    alpha: float,
    tail: ParetoTail | None = None,
) -> Selection:
    """Name training patients at false discovery rate `q`, and confirm at family-wise error `alpha`.

    Args:
        train, holdout: (m,) and (n,) one score a patient; higher means more exposed.
        tail: A fitted tail makes the p-values model-assisted and lets single patients be named; without it they are
            exact, and at least `k_min` patients must leak before any can be named.
    """
    p = conformal_p(train, holdout) if tail is None else tail_p(train, holdout, tail)
    q_values = benjamini_hochberg(p)
    exact = p if tail is None else conformal_p(train, holdout)
    return Selection(p, q_values, q_values <= q, holm(exact) <= alpha)

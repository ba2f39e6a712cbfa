"""p-values beyond the largest holdout score, from a fitted tail. Model-assisted: never called exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import cramervonmises, genpareto

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.conformal import conformal_p

TAIL_SHARE = 0.10
LEAST_EXCEEDANCES = 50
LEAST_FIT = 0.05
"""Below this goodness-of-fit p-value the tail is not used."""


@dataclass(frozen=True, slots=True)
class ParetoTail:
    """A generalized Pareto tail above a threshold.

    Attributes:
        threshold: Scores above it follow the tail.
        shape: >= 0: the tail is at least as heavy as an exponential one, which errs on the side of silence.
        scale: > 0, in units of the score.
        share: Share of the holdout above the threshold.
        fit_p: Goodness of fit (Cramer-von Mises, parametric bootstrap): small means the tail does not fit.
    """

    threshold: float
    shape: float
    scale: float
    share: float
    fit_p: float

    def survival(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability that a holdout score exceeds each of these; meant for scores above the threshold."""
        return np.asarray(self.share * genpareto.sf(scores - self.threshold, self.shape, scale=self.scale))


def _fit(excess: NDArray[np.float64]) -> tuple[float, float]:
    """Shape and scale by maximum likelihood."""
    shape, _, scale = genpareto.fit(excess, floc=0.0)
    return float(shape), float(scale)


def _misfit(excess: NDArray[np.float64], shape: float, scale: float) -> float:
    """Cramer-von Mises distance of the exceedances from a generalized Pareto distribution."""
    return float(cramervonmises(excess, genpareto(shape, scale=scale).cdf).statistic)


def fit_tail(holdout: NDArray[np.float64], rng: np.random.Generator, draws: int = 99) -> ParetoTail:
    """Fit the tail to the holdout scores above their 90 % quantile.

    Args:
        holdout: (n,) finite scores, one a patient.
        draws: Bootstrap draws for the goodness of fit.

    Raises:
        NotEnoughData: Fewer than 50 exceedances (that is, fewer than about 500 holdout patients).

    Reference:
        Pickands 1975, doi 10.1214/aos/1176343003.
    """
    finite = holdout[np.isfinite(holdout)]
    usable = 0 < finite.size == holdout.size
    threshold = float(np.quantile(holdout, 1 - TAIL_SHARE)) if usable else float("nan")
    excess = finite[finite > threshold] - threshold
    if excess.size < LEAST_EXCEEDANCES:
        raise NotEnoughData(
            f"a fitted tail needs at least {LEAST_EXCEEDANCES} scores above the 90 % quantile, got {excess.size}; "
            f"add holdout patients (about {round(LEAST_EXCEEDANCES / TAIL_SHARE)} are enough)"
        )
    shape, scale = _fit(excess)
    seen = _misfit(excess, shape, scale)
    samples = genpareto.rvs(shape, scale=scale, size=(draws, excess.size), random_state=rng)
    worse = sum(_misfit(sample, *_fit(sample)) >= seen for sample in samples)
    if shape < 0:  # the family fits; a bounded tail is then replaced by the heavier exponential one of the same mean
        shape, scale = 0.0, float(excess.mean())
    return ParetoTail(threshold, shape, scale, excess.size / holdout.size, float((1 + worse) / (draws + 1)))


def tail_p(scores: NDArray[np.float64], holdout: NDArray[np.float64], tail: ParetoTail) -> NDArray[np.float64]:
    """Conformal p-values up to the tail's threshold, the fitted tail's beyond it. (m,) in (0, 1]."""
    p = conformal_p(scores, holdout)
    beyond = scores > tail.threshold
    p[beyond] = np.minimum(p[beyond], np.maximum(tail.survival(scores[beyond]), np.finfo(np.float64).tiny))
    return p

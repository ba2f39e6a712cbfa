"""How unusual is an image among the images of real patients? Patients count, however many images each has."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom

from synthaudit.errors import NotEnoughData
from synthaudit.statistics.proportion import clopper_pearson

RESAMPLES = 400


def patient_weights(patient: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n,) one over the number of images of each image's patient: a patient's weights add up to 1."""
    _, number, size = np.unique(patient, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / size[number])


def patient_conformal_p(
    scores: NDArray[np.float64], real: NDArray[np.float64], patient: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(m,) share of real patients whose image scores at least as high, the tested one counted among them.

    Of a patient with several images the share of them counts. So this is the mean, over all ways of taking one image of
    each patient, of conformal p-values that are exact if the tested image is one of a further patient; a mean of such
    p-values is not exact itself, but errs on the side of silence where it was tried: 40 patients of 1 to 6 images, and
    8.5 % of fresh ones at a nominal 10 % (400 simulations).

    Args:
        scores: (m,) of the images tested; higher means more unusual.
        real, patient: (n,) scores of real images, and whose they are.

    Raises:
        NotEnoughData: No real patient.

    Reference:
        Bates, Candes, Lei, Romano, Sesia 2023, arXiv 2104.08279; Dunn, Wasserman, Ramdas 2022, arXiv 1809.07441
        (several observations of each subject).

    >>> patient_conformal_p(np.array([0.5, 9.0]), np.array([0.0, 1.0, 2.0]), np.array([0, 0, 1]))
    array([0.83333333, 0.33333333])
    """
    if real.size == 0:
        raise NotEnoughData("conformal p-values need at least 1 real patient, got 0")
    order = np.argsort(-real, kind="stable")
    passed = np.concatenate([[0.0], np.cumsum(patient_weights(patient)[order])])
    at_least = np.searchsorted(-real[order], -scores, side="right")
    return np.asarray((1.0 + passed[at_least]) / (len(np.unique(patient)) + 1.0))


def left_out_p(real: NDArray[np.float64], patient: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n,) the same for each real image, among the images of the *other* patients.

    >>> left_out_p(np.array([0.0, 1.0, 2.0]), np.array([0, 1, 2]))
    array([1.        , 0.66666667, 0.33333333])
    """
    number = len(np.unique(patient))
    # With the own images counted in, the patient adds the share of the own images that score as high: that goes again.
    among_all = patient_conformal_p(real, real, patient) * (number + 1.0) - 1.0
    own = np.empty(real.size)
    order = np.argsort(patient, kind="stable")
    _, starts = np.unique(patient[order], return_index=True)
    for rows in np.split(order, starts[1:]):
        ranked = np.sort(real[rows])
        own[rows] = (rows.size - np.searchsorted(ranked, real[rows], side="left")) / rows.size
    return np.asarray((1.0 + among_all - own) / number)


def unusual_share(
    scores: NDArray[np.float64],
    unit: NDArray[np.intp],
    real: NDArray[np.float64],
    patient: NDArray[np.intp],
    alpha: float,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Share of images with a p-value of at most `alpha`, with a bootstrap interval over both sides.

    For fresh real images the share is `alpha`, and the interval holds it. The patients are drawn again as well as the
    images, since another set of patients would set another threshold.

    Args:
        scores: (m,) of the images tested. unit: (m,) images drawn together (those of one volume).
        real, patient: (n,) scores of real images, and whose they are.

    Reference:
        Efron 1979, doi 10.1214/aos/1176344552; Clopper and Pearson 1934, doi 10.1093/biomet/26.4.404, where no image
        or every image is unusual.
    """
    people, number = np.unique(patient, return_inverse=True)
    units, drawn_with = np.unique(unit, return_inverse=True)
    order = np.argsort(-real, kind="stable")
    weight = patient_weights(patient)[order]
    at_least = np.searchsorted(-real[order], -scores, side="right")
    shares = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        again = np.bincount(rng.integers(len(people), size=len(people)), minlength=len(people))
        passed = np.concatenate([[0.0], np.cumsum(weight * again[number][order])])
        times = np.bincount(rng.integers(len(units), size=len(units)), minlength=len(units))[drawn_with]
        unusual = (1.0 + passed[at_least]) / (len(people) + 1.0) <= alpha
        shares[i] = float(times @ unusual) / max(1, int(times.sum()))
    p_values = patient_conformal_p(scores, real, patient)
    found = int((p_values <= alpha).sum())
    share = found / scores.size
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(shares, [tail, 1.0 - tail])
    if found in (0, scores.size):
        exact = clopper_pearson(found, scores.size, level)
        low, high = min(float(low), exact[0]), max(float(high), exact[1])
    return share, min(float(low), share), max(float(high), share)


def more_than_fresh_p(unusual: int, images: int, patients: int, alpha: float) -> float:
    """One-sided p-value of so many images with a p-value of at most `alpha`, had they been of fresh patients.

    The rate at which fresh images pass a threshold read off `patients` scores follows a Beta distribution, hence the
    count a Beta-binomial one: exact for one image a patient and independent images.

    Raises:
        NotEnoughData: So few patients that no p-value reaches `alpha`.

    Reference:
        Vovk 2012, arXiv 1209.2673.

    >>> round(more_than_fresh_p(9, 40, 99, 0.05), 4)
    0.0018
    """
    rank = math.floor(round(alpha * (patients + 1), 9))
    if rank < 1:
        raise NotEnoughData(
            f"p-values of {alpha:g} need at least {math.ceil(round(1 / alpha, 9)) - 1} real patients, got {patients}"
        )
    return float(betabinom.sf(unusual - 1, images, rank, patients + 1 - rank))

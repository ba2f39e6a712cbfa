"""Does the generator know an image better than generators that were fitted without it? LiRA and RMIA.

Both replace the question "is the loss low?" by "is it lower than it would be had the patient not been there?", which
takes the difficulty of the image out of it.

References: Carlini, Chien, Nasr, Song, Terzis, Tramer 2022, arXiv:2112.03570 (LiRA); Zarifzadeh, Liu, Shokri 2024,
arXiv:2312.03262 (RMIA).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from synthaudit.errors import NotEnoughData

ENOUGH_FOR_OWN_SPREAD = 16
"""Models without the image from which on its own spread is used; below, that of all images together (LiRA, sec. VI)."""

GAMMA = 1.0
"""RMIA: how much likelier than another image it has to be."""

Floats = NDArray[np.float64]


def lira(observed: Floats, references: Floats, inside: NDArray[np.bool_]) -> Floats:
    """(n,) deviations by which the generator knows an image better than models without it do (offline LiRA).

    Args:
        observed: (n,) exposure by the generator under audit, higher = better known.
        references: (k, n) the same by reference models.
        inside: (k, n) whether a model was fitted with the image's patient.

    Raises:
        NotEnoughData: An image that every model was fitted with.
    """
    without = np.where(inside, np.nan, references)
    count = (~inside).sum(axis=0)
    if not (count > 0).all():
        raise NotEnoughData("LiRA needs a reference model without each patient; train at least 2")
    center = np.nanmean(without, axis=0)
    squares = np.nansum((without - center) ** 2, axis=0)
    common = float(squares.sum() / max((count - 1).sum(), 1))
    own = squares / np.maximum(count - 1, 1)
    variance = np.where(count >= ENOUGH_FOR_OWN_SPREAD, own, common)
    return np.asarray((observed - center) / np.sqrt(np.where(variance > 0, variance, 1.0)))


def rmia(observed: Floats, references: Floats, patient: NDArray[np.intp]) -> Floats:
    """(n,) share of the other patients' images over which an image's likelihood ratio dominates (RMIA).

    The likelihood of an image is e to its exposure; without any model it is the mean over reference models, half of
    which were fitted with its patient.

    Args:
        observed: (n,) exposure by the generator under audit, higher = better known.
        references: (k, n) the same by reference models, fitted with each patient as often as without.
        patient: (n,) whose image each is; those of one patient are not compared.
    """
    ratio = observed - (logsumexp(references, axis=0) - np.log(len(references)))
    others = patient[:, None] != patient[None, :]
    above = (ratio[:, None] - ratio[None, :] >= np.log(GAMMA)) & others
    return np.asarray(above.sum(axis=1) / np.maximum(others.sum(axis=1), 1), dtype=np.float64)

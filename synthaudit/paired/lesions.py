"""Lesions that a generator adds to images without any, and lesions that it takes away."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import MetadataError, NotEnoughData
from synthaudit.paired.lesion_detector import LesionDetector, fit_detector
from synthaudit.paired.lesion_marks import COLUMN, Marks, lesion_marks
from synthaudit.paired.translated import TranslatedPairs

FALSE_ALARMS = 0.05
"""Share of real held-out patients without a lesion in whom the detector may see one."""

FEWEST_FREE = math.ceil(1 / FALSE_ALARMS) - 1
"""Held-out patients without a lesion that a threshold at `FALSE_ALARMS` can be read off."""

FEWEST_LESIONS = 5
"""Held-out patients with a lesion below which nothing is said of erased ones."""

Seen = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Lesions:
    """Whether the detector sees a lesion, in the made and in the real target image of each held-out patient.

    Attributes:
        free_made, free_real: (n,) in patients without a lesion: what is seen in the made image is hallucinated.
        lesion_made, lesion_real: (m,) in patients with one, where it is: what is not seen in the made image is erased.
        placed: How many of the m are marked with the place of their lesion; the others are looked at everywhere.
    """

    free_made: Seen
    free_real: Seen
    lesion_made: Seen
    lesion_real: Seen
    placed: int


def lesions_seen(train: TranslatedPairs, holdout: TranslatedPairs) -> Lesions:
    """What a detector sees that is fitted to real training images and calibrated on real held-out ones.

    Fitting on one side and calibrating on the other is no unfair advantage here: made and real images of the same
    held-out patients are compared, and the detector has seen neither.

    Raises:
        NotEnoughData: Lesions are not marked, or too few patients are marked as free of them.
    """
    known, asked = _marks(train), _marks(holdout)
    free, with_lesion = (np.array([mark.free is wanted for mark in asked], dtype=bool) for wanted in (True, False))
    if free.sum() < FEWEST_FREE:
        raise NotEnoughData(
            f"lesions need at least {FEWEST_FREE} held-out patients whose images are marked as free of them (column "
            f"{COLUMN}, or label normal), found {int(free.sum())}"
        )
    learned_free, learned_lesion = ([mark.free is wanted for mark in known] for wanted in (True, False))
    detector = fit_detector(train.target[learned_free], train.target[learned_lesion])
    usual = detector.scores(holdout.target[free])
    threshold = np.sort(usual)[-math.floor(round(FALSE_ALARMS * (len(usual) + 1), 9))]
    places = [mark.places for mark in asked]
    where = [those for those, marked in zip(places, with_lesion, strict=True) if marked]

    def seen(images: NDArray[np.float32]) -> Seen:
        return np.asarray(detector.scores(images[with_lesion], where) >= threshold)

    return Lesions(
        free_made=_alarms(detector, holdout.made[free], float(threshold)),
        free_real=np.asarray(usual >= threshold),
        lesion_made=seen(holdout.made),
        lesion_real=seen(holdout.target),
        placed=sum(bool(those) for those in where),
    )


def _alarms(detector: LesionDetector, images: NDArray[np.float32], threshold: float) -> Seen:
    return np.asarray(detector.scores(images) >= threshold)


def _marks(side: TranslatedPairs) -> list[Marks]:
    """What is known of each pair: free if neither image has a lesion, with one if the target has."""
    try:
        marks = lesion_marks(side.pairs.cohort)
    except MetadataError as error:
        raise NotEnoughData(str(error)) from error
    both = []
    for source, target in zip(side.pairs.source, side.pairs.target, strict=True):
        before, after = marks[source], marks[target]
        free = None if after.free and before.free is False else after.free
        both.append(Marks(free, after.places))
    return both

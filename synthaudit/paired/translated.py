"""The real pairs of both sides, and what the generator makes of their sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthaudit.cohort import Cohort
from synthaudit.errors import MetadataError, NotEnoughData
from synthaudit.generators.pairs import Paired, Pairs, contrast_pairs
from synthaudit.generators.protocol import Generator, Images, Translates
from synthaudit.progress import Progress

FEWEST_PATIENTS = 10
"""With a pair, on each side."""

AT_ONCE = 256
"""Images translated in one go: what a generator of other people needs in memory is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class TranslatedPairs:
    """One pair of each patient of a side, and what the generator makes of its source.

    Attributes:
        pairs: Where they are in their cohort.
        source, target, made: (n, h, w) what is given, what is real, and what the generator makes; all in [0, 1].
    """

    pairs: Pairs
    source: Images
    target: Images
    made: Images


def one_a_patient(pairs: Pairs) -> Pairs:
    """One pair of each patient: then every count is a count of patients, and none is heard twice.

    Which pair it is, neither the order of the files nor their names decide.
    """
    digests = pairs.cohort.pixel_digests
    order = sorted(range(len(pairs)), key=lambda row: (digests[pairs.source[row]], digests[pairs.target[row]]))
    chosen: dict[int, int] = {}
    for row in order:
        chosen.setdefault(int(pairs.patient[row]), row)
    return pairs.subset(list(chosen.values()))


def translated_sides(
    train: Cohort,
    holdout: Cohort,
    generator: Generator,
    contrasts: tuple[str, str, str] | None,
    size: int,
    seed: int,
    progress: Progress,
) -> tuple[TranslatedPairs, TranslatedPairs]:
    """One pair of each training and each holdout patient, and what the generator makes of them.

    Args:
        train, holdout: The real images.
        generator: Whose pairs they are.
        contrasts: Names of source and target, and their column, for a generator that does not know its pairs.
        size: Side of the images, for a generator that takes any.
        seed: Of the translation.
        progress: Told about images and translations.

    Raises:
        NotEnoughData: The generator makes no image of another, or there are too few pairs to ask about.
    """
    if not isinstance(generator, Translates):
        raise NotEnoughData("the generator makes no image of another, so there are no pairs to ask about")
    if len(generator.spec.shape) != 2:
        raise NotEnoughData("pairs are looked at image by image, and the generator makes volumes")
    side = max(generator.spec.shape) or size
    both = []
    for cohort in (train, holdout):
        pairs = one_a_patient(_pairs(cohort, generator, contrasts))
        if len(pairs) < FEWEST_PATIENTS:
            raise NotEnoughData(
                f"questions about pairs need at least {FEWEST_PATIENTS} patients with a pair on each side, got "
                f"{len(pairs)} on the {cohort.role.value} side"
            )
        source, target = pairs.images(side, progress)
        both.append(TranslatedPairs(pairs, source, target, _made(generator, pairs, source, seed, progress)))
    return both[0], both[1]


def _pairs(cohort: Cohort, generator: Generator, contrasts: tuple[str, str, str] | None) -> Pairs:
    try:
        if isinstance(generator, Paired):
            return generator.pairs(cohort)
        if contrasts is not None:
            return contrast_pairs(cohort, *contrasts)
    except MetadataError as error:
        raise NotEnoughData(str(error)) from error
    raise NotEnoughData("which images are pairs is not known: the generator does not say, and no contrasts were named")


def _made(generator: Generator, pairs: Pairs, source: Images, seed: int, progress: Progress) -> Images:
    low, high = generator.spec.value_range
    translate = _translation(generator, seed)
    parts = []
    starts = range(0, len(pairs), AT_ONCE)
    for start in progress.track(starts, "translating", len(starts)):
        rows = np.arange(start, min(start + AT_ONCE, len(pairs)))
        made = translate(source[rows] * np.float32(high - low) + np.float32(low), pairs.subset(rows))
        if made.shape != source[rows].shape:
            raise NotEnoughData(f"a translation must have the shape of its input, got {made.shape[1:]}")
        parts.append((made - np.float32(low)) / np.float32(high - low))
    return np.clip(np.concatenate(parts), 0, 1).astype(np.float32)


def _translation(generator: Generator, seed: int) -> Callable[[Images, Pairs], Images]:
    if isinstance(generator, Paired):
        return lambda x, pairs: generator.translate_pairs(x, pairs, seed)
    if isinstance(generator, Translates):
        return lambda x, _: generator.translate(x, seed)
    raise NotEnoughData("the generator makes no image of another, so there are no pairs to ask about")

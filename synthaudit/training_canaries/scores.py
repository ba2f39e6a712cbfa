"""How surely each canary seems to be in training: from samples, from a checkpoint, or as somebody else scored it.

One attack for each kind of access, fixed here: choosing the one that guesses best would be guessing after a look.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.embed import embed
from synthaudit.embeddings import PixelEncoder, TableEncoder
from synthaudit.errors import InputError, UnreadableImage
from synthaudit.generators.protocol import Generator

LEVELS = 8
"""Noise levels at which a generator's loss is asked for."""


def canary_rows(cohort: Cohort, patients: Sequence[str]) -> Cohort:
    """The canaries' images.

    Raises:
        InputError: A canary has none.
    """
    wanted = set(patients)
    missing = len(wanted - set(cohort.patients))
    if missing:
        raise InputError(
            f"every canary must have an image, found {missing} of {len(wanted)} without; give the images and the table "
            "that the plan was made from, and no `role` column that leaves patients out"
        )
    return cohort.subset([row for row, who in enumerate(cohort.patients) if who in wanted])


def scores_from_samples(
    canaries: Cohort, synthetic: Cohort, encoder: PixelEncoder | TableEncoder, *, workers: int = 1
) -> NDArray[np.float64]:
    """(p,) of each canary, sorted by id: how much nearer a synthetic image is than anybody else's; higher is surer.

    Raises:
        NotEnoughData: Fewer than 10 patients or synthetic images.
    """
    from synthaudit.membership.distances import gan_leaks_calibrated
    from synthaudit.membership.sample_sets import SampleSets

    real, made = (embed(cohort, encoder, workers=workers).vectors for cohort in (canaries, synthetic))
    whole = np.zeros(len(real), dtype=np.intp)  # nothing is fitted, so nothing is folded
    nearer = gan_leaks_calibrated(SampleSets(real, canaries.patient_index, made, whole, workers=workers))
    best = np.full(canaries.n_patients, -np.inf)
    np.maximum.at(best, canaries.patient_index, nearer)
    return best


def scores_from_generator(canaries: Cohort, generator: Generator, seed: int) -> NDArray[np.float64]:
    """(p,) of each canary, sorted by id: the negative of the generator's mean loss on the images; higher is surer.

    Raises:
        NotEnoughData: The generator cannot score, or not images such as these.
        InputError: An image cannot be read any more.
    """
    from synthaudit.attacks.images import generator_images
    from synthaudit.attacks.loss import LOSS

    try:
        images = generator_images((source.read() for source in canaries.sources), generator.spec)
    except UnreadableImage:
        raise InputError("every canary's image must be readable, found one that is not any more") from None
    exposure = LOSS.exposures(generator, images, seed, LEVELS)["loss"]
    total = np.bincount(canaries.patient_index, weights=exposure)
    return np.asarray(total / np.bincount(canaries.patient_index))


def scores_from_table(file: Path, patients: Sequence[str]) -> NDArray[np.float64]:
    """(p,) of each of these patients: the column `score` of a CSV beside the column `patient_id`; higher is surer.

    Raises:
        InputError: The table cannot be read, names a canary twice, or lacks a score that is a number.
    """
    found: dict[str, float] = {}
    try:
        with file.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                if row["patient_id"] in found:
                    raise InputError("scores must have one row for each patient, got two of one")
                found[row["patient_id"]] = float(row["score"])
    except (OSError, KeyError, ValueError, TypeError):
        raise InputError("scores must be a CSV with the columns patient_id and score, a number, got another") from None
    values = np.array([found.get(who, np.nan) for who in patients])
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise InputError(f"every canary must have a finite score, found {missing} of {len(patients)} without")
    return values


def patients_in(file: Path) -> tuple[str, ...]:
    """The patients of a CSV with the column `patient_id`, sorted, each once.

    Raises:
        InputError: The table cannot be read, or an id is empty.
    """
    try:
        with file.open(newline="", encoding="utf-8") as handle:
            named = {row["patient_id"].strip() for row in csv.DictReader(handle)}
    except (OSError, KeyError, ValueError, AttributeError):
        raise InputError("a list of patients must be a CSV with the column patient_id, got another") from None
    if not named or "" in named:
        raise InputError("a list of patients must name each of them, got none or an empty id")
    return tuple(sorted(named))

"""All patients shown to the generator: what every attack says of each image, before any label is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.attacks.attack import Attack
from synthaudit.attacks.calibrated import lira, rmia
from synthaudit.attacks.catalog import ATTACKS
from synthaudit.attacks.difficulty import beyond_difficulty, difficulty_exposure, difficulty_features
from synthaudit.attacks.images import generator_images
from synthaudit.attacks.reference_models import Plan, reference_scores
from synthaudit.copying import find_twins
from synthaudit.errors import NotEnoughData, SynthauditError
from synthaudit.generators.protocol import Capability, Generator, Images, Scores, Trainable
from synthaudit.matching.patients import strata
from synthaudit.membership.patients import Asked
from synthaudit.probe import Evidence
from synthaudit.statistics.patient_ranks import patient_maximum, rank_in_stratum

LEAST_PATIENTS = 5
"""On each side; with fewer, no relabeling says anything."""

ENOUGH_TOLD = 4_096
"""Images shown at most: with more, attacks take longer and tell no more."""

FOLDS = 5
CALIBRATED = ("lira", "rmia")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What the attacks say.

    Attributes:
        names: The k scores.
        scores: (n, k) of each image; higher = more exposed.
        easiness: (n,) what is guessed without the generator.
        beyond: (n, k) the scores without what difficulty explains.
        asked: Whose the images are.
        not_run: Score -> why there is none.
        left_out: Whether there were more images than are shown.
    """

    names: tuple[str, ...]
    scores: Floats
    easiness: Floats
    beyond: Floats
    asked: Asked
    not_run: Mapping[str, str]
    left_out: bool

    def patient_ranks(self, scores: Floats) -> Floats:
        """(p, j) rank of each patient by (n, j) scores of images, as the attacks themselves are ranked."""
        asked = self.asked
        best = (patient_maximum(column, asked.patient, asked.read, len(asked.stratum)) for column in scores.T)
        return np.column_stack([rank_in_stratum(one, asked.stratum) for one in best])


def show(evidence: Evidence, rng: np.random.Generator) -> Shown:
    """Show the generator every patient but those whose very picture is on both sides, and attack.

    Raises:
        NotEnoughData: The generator allows no attack, or there are fewer than 5 patients on a side.
    """
    generator = evidence.generator
    assert generator is not None  # noqa: S101  (the engine checked `needs`)
    if not any(attack.needs <= generator.capabilities() for attack in ATTACKS):
        able = ", ".join(sorted(generator.capabilities()))
        raise NotEnoughData(f"no attack is possible on this generator, which can be asked for nothing but: {able}")
    rows, asked, left_out = _asked(evidence, rng)
    x = generator_images((evidence.pool.read(int(row)) for row in rows), generator.spec)
    seed = int(rng.integers(2**31))
    columns, not_run = _columns(evidence, generator, x, seed)
    _calibrate(evidence, generator, rows, x, seed, columns, not_run)
    if not columns:
        raise NotEnoughData(f"no attack on this generator could be run: {next(iter(not_run.values()))}")
    features = difficulty_features(x)
    scores = np.column_stack(list(columns.values()))
    fold = asked.fold[asked.patient]
    beyond = np.column_stack([beyond_difficulty(column, features, fold) for column in scores.T])
    return Shown(tuple(columns), scores, difficulty_exposure(features), beyond, asked, not_run, left_out)


def _asked(evidence: Evidence, rng: np.random.Generator) -> tuple[NDArray[np.intp], Asked, bool]:
    """The pool rows shown, whose they are, and whether some were left out."""
    pool = evidence.pool
    kept = ~find_twins(pool, None)
    order = rng.permutation(pool.n_patients)
    enough = np.zeros(pool.n_patients, dtype=bool)
    enough[order] = np.cumsum(np.where(kept, pool.images_of, 0)[order]) <= ENOUGH_TOLD
    left_out = bool((kept & ~enough).any())
    kept &= enough
    sides = [int(np.count_nonzero(kept & side)) for side in (pool.patient_is_train, ~pool.patient_is_train)]
    if min(sides) < LEAST_PATIENTS:
        raise NotEnoughData(
            f"attacks on the generator need at least {LEAST_PATIENTS} patients on each side, got {sides[0]} for "
            f"training and {sides[1]} for holdout"
        )
    levels = strata(pool, kept)
    rows = np.flatnonzero(kept[pool.patient] & levels.rows)
    number = np.cumsum(kept) - 1
    fold = rng.permutation(np.arange(pool.n_patients) % FOLDS)
    read = np.ones(len(rows), dtype=bool)
    asked = Asked(number[pool.patient[rows]], read, levels.level[kept], fold[kept], pool.patient_is_train[kept])
    return rows, asked, left_out


def _columns(
    evidence: Evidence, generator: Generator, x: Images, seed: int
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Score -> (n,) exposures, and score -> why there are none."""
    columns: dict[str, Floats] = {}
    not_run: dict[str, str] = {}

    def run(attack: Attack) -> None:
        try:
            columns.update(attack.exposures(generator, x, seed, evidence.settings.noise_levels))
        except SynthauditError as error:  # whatever one question ends in, the others can still be asked
            not_run.update(dict.fromkeys(attack.scores, str(error)))

    for attack in evidence.progress.track(ATTACKS, "attacks on the generator", len(ATTACKS)):
        run(attack)
    return columns, not_run


def _calibrate(
    evidence: Evidence,
    generator: Generator,
    rows: NDArray[np.intp],
    x: Images,
    seed: int,
    columns: dict[str, Floats],
    not_run: dict[str, str],
) -> None:
    """Add the attacks that need reference models, where these were asked for and can be trained."""
    settings = evidence.settings
    try:
        if not settings.reference_models:
            raise NotEnoughData(
                "no reference models were asked for, since each takes as long as training the generator; ask with "
                "--reference-models"
            )
        able = Capability.FIT in generator.capabilities() and "loss" in columns
        if not (able and isinstance(generator, Scores) and isinstance(generator, Trainable)):
            raise NotEnoughData("reference models need a generator that can be fitted anew and score images")
        plan = Plan(
            settings.reference_models,
            settings.reference_steps,
            seed,
            settings.noise_levels,
            evidence.folder,
            evidence.progress,
        )
        references = reference_scores(generator, evidence.pool, rows, x, plan)
        found = (
            lira(columns["loss"], references.exposures, references.inside),
            rmia(columns["loss"], references.exposures, evidence.pool.patient[rows]),
        )
        columns.update(zip(CALIBRATED, found, strict=True))
    except NotEnoughData as error:
        not_run.update(dict.fromkeys(CALIBRATED, str(error)))

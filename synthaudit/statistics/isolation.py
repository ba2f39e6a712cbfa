"""How many of n patients does a set of descriptions single out: each description that fits exactly one of them?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.statistics.matched_blocks import MatchedBlocks


@dataclass(frozen=True, eq=False)
class Fits:
    """Which descriptions fit which images.

    Attributes:
        predicate, image: (f,) one pair for each fit; an image may be fitted by many.
        n_predicates: Descriptions there are, whether they fit anything or not.
    """

    predicate: NDArray[np.intp]
    image: NDArray[np.intp]
    n_predicates: int

    def patients(self, patient: NDArray[np.intp], read: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(f',) each description and (f',) each patient it fits, once, sorted by description.

        Args:
            patient: (n,) number of each image's patient.
            read: (n,) bool, images looked at.
        """
        kept = read[self.image]
        if not kept.any():
            nothing = np.empty(0, dtype=np.intp)
            return nothing, nothing
        pairs = np.unique(np.stack([self.predicate[kept], patient[self.image[kept]]], axis=1), axis=0)
        return pairs[:, 0], pairs[:, 1]


@dataclass(frozen=True, eq=False)
class Isolation:
    """Who is singled out in a population, for many populations at once.

    Attributes:
        predicate, patient: (f,) fits, once each, sorted by predicate.
        n_patients: Patients there are.
    """

    predicate: NDArray[np.intp]
    patient: NDArray[np.intp]
    n_patients: int

    @cached_property
    def _runs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        starts = np.flatnonzero(np.r_[True, np.diff(self.predicate) > 0])
        return starts, np.diff(np.r_[starts, len(self.predicate)])

    @cached_property
    def _by_patient(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        order = np.argsort(self.patient, kind="stable")
        return order, np.flatnonzero(np.r_[True, np.diff(self.patient[order]) > 0])

    def singled_out(self, population: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(p, c) patients of each population whom some description fits, and nobody else there.

        Args:
            population: (p, c) bool, one population a column.
        """
        found = np.zeros(population.shape, dtype=bool)
        if not len(self.predicate):
            return found
        starts, lengths = self._runs
        there = population[self.patient]
        counts = np.add.reduceat(there, starts, axis=0, dtype=np.int32)
        alone = there & np.repeat(counts == 1, lengths, axis=0)
        order, first = self._by_patient
        found[self.patient[order][first]] = np.logical_or.reduceat(alone[order], first, axis=0)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class SingledOut:
    """What an attack achieves on both sides, in as many patients of each.

    Attributes:
        n: Patients on each side in every draw.
        train, holdout: Shares singled out.
        by_patient, taken: (p,) share of the draws with a patient in which they were singled out; draws with them.
        p_value: Chance of so large a difference with labels dealt within blocks.
    """

    n: int
    train: float
    holdout: float
    by_patient: NDArray[np.float64]
    taken: NDArray[np.float64]
    p_value: float


def singled_out(
    fits: Fits,
    patient: NDArray[np.intp],
    is_train: NDArray[np.bool_],
    blocks: MatchedBlocks,
    *,
    draws: int,
    relabelings: int,
    rng: np.random.Generator,
) -> SingledOut:
    """Shares of the patients of each side whom the descriptions single out, averaged over equal draws of both.

    Args:
        fits: Of descriptions made without the labels.
        patient: (n,) number of each image's patient.
        is_train: (p,) bool.
        blocks: The patients, matched.
        draws: Of patients from the larger side, where there is one.
        relabelings: Of the test; with none the p-value is 1.
    """
    p, n = len(is_train), len(blocks)
    # Read once: of people with many images, an average over several readings would vary less than of people with one.
    isolation = Isolation(*fits.patients(patient, _read(patient, blocks.level, rng)), p)
    draws = 1 if blocks.leaves_nothing_to_chance else draws
    train, holdout = blocks.sides(draws, rng)
    found = isolation.singled_out(train) | isolation.singled_out(holdout)
    taken = (train | holdout).sum(axis=1).astype(np.float64)
    shares = [float((found & side).sum() / (n * draws)) for side in (train, holdout)]
    seen = shares[0] - shares[1]
    beyond = 0
    for dealt_train, dealt_holdout in blocks.dealt(relabelings, draws, rng):
        excess = isolation.singled_out(dealt_train).sum(axis=0) - isolation.singled_out(dealt_holdout).sum(axis=0)
        beyond += int((excess.reshape(-1, draws).mean(axis=1) / n >= seen - 1e-9).sum())
    return SingledOut(
        n,
        shares[0],
        shares[1],
        np.divide(found.sum(axis=1), taken, out=np.zeros(p), where=taken > 0),
        taken / draws,
        (1 + beyond) / (relabelings + 1),
    )


def _read(patient: NDArray[np.intp], level: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n,) images looked at: as many of each patient as the level says, dealt."""
    order = np.lexsort((rng.random(len(patient)), patient))
    turn = np.empty(len(patient), dtype=np.intp)
    turn[order] = np.arange(len(patient)) - np.searchsorted(patient[order], patient[order])
    return turn < level[patient]

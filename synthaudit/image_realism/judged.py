"""Every synthetic image beside the real ones: one score, its p-value, and where the image is not supported.

Nothing here knows who was trained on. A synthetic image may be near a training image for having copied it: that is no
hallucination, and other probes look for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import ImageSource, Role
from synthaudit.errors import NotEnoughData
from synthaudit.image_realism.excess_map import (
    Map,
    beginnings,
    by_place,
    excess_map,
    throughout,
    top_mean,
    unsupported_area,
    within_image,
)
from synthaudit.image_realism.foreign import FOREIGN, planted
from synthaudit.image_realism.patches import Described, described
from synthaudit.image_realism.support import Reference, excess
from synthaudit.image_realism.whole_image import Realism, realism
from synthaudit.matching.pool import Pool
from synthaudit.parallel import ordered_map
from synthaudit.probe import Evidence
from synthaudit.statistics.fdr import benjamini_hochberg
from synthaudit.statistics.patient_conformal import left_out_p, patient_conformal_p, patient_weights
from synthaudit.statistics.patient_left_out import on_usual_scale

TO_LOOK_AT = 0.05
"""Share of fresh real images that a reader is asked to look at; the p-value that an image needs."""
LEAST_PATIENTS = 20
"""So that one real image in twenty can be told from the others."""
LEAST_SYNTHETIC = 10
LARGEST_CANVAS = 128
"""Pixels: what a reader should look at is larger than a pixel of this."""
LARGEST_REFERENCE = 500
"""Real images that parts are compared with; of more, as many of each patient as there is room for."""
HIT = 0.15
"""How far from its center the peak may lie to count as in the thing put in, as a share of the side."""
_LEAST_SPREAD = 0.05

PARTS = slice(0, -2)
"""Columns of `components`: a part stands out, by kind and size."""
THROUGHOUT = slice(-2, -1)
"""All parts are unusual."""
LOOK = slice(-1, None)
"""The image as a whole lies apart."""
SEEN = slice(0, -1)
"""All that needs no encoder."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What is known of each image.

    Attributes:
        rows: (n,) pool rows of the real images that were compared, by patient.
        patient: (n,) whose they are, ascending.
        order: (m,) rows of the synthetic cohort, in the order of all that follows.
        look: Realism scores of the images as a whole.
        real_parts, made_parts, planted_parts: For each kind and size (., across, across), standard deviations.
        planted_kind, planted_at: What was put into real images, and where, (x, y) as shares of the side.
        planted_patient: Whose images these were.
    """

    rows: NDArray[np.intp]
    patient: NDArray[np.intp]
    order: NDArray[np.intp]
    size: int
    look: Realism
    real_parts: list[NDArray[np.float64]]
    made_parts: list[NDArray[np.float64]]
    planted_parts: list[NDArray[np.float64]]
    planted_kind: tuple[str, ...]
    planted_at: NDArray[np.float64]
    planted_patient: NDArray[np.intp]

    @classmethod
    def of(cls, evidence: Evidence, rng: np.random.Generator) -> Judged:
        """Compare all of them.

        Raises:
            NotEnoughData: Fewer than 20 real patients or 10 synthetic images.
        """
        pool, synthetic = evidence.pool, evidence.synthetic
        if pool.n_patients < LEAST_PATIENTS or len(synthetic) < LEAST_SYNTHETIC:
            raise NotEnoughData(
                f"calling an image unusual needs at least {LEAST_PATIENTS} real patients and {LEAST_SYNTHETIC} "
                f"synthetic images, got {pool.n_patients} and {len(synthetic)}"
            )
        size = min(LARGEST_CANVAS, evidence.matcher.size) // 8 * 8
        rows = chosen_rows(pool, rng)
        order = np.argsort(np.array(synthetic.pixel_digests), kind="stable")
        real = _described([_Real(pool, int(row)) for row in rows], size, evidence)
        made = _described([synthetic.sources[i] for i in order], size, evidence)
        kinds, at, foreign, whose = _planted(evidence, rows, size, rng)
        reference = Reference.of(real, pool.patient[rows])
        nobody = np.full(len(made), -1, dtype=np.intp)
        real_parts, made_parts, planted_parts = excess(
            reference, [(made, nobody), (foreign, whose)], workers=evidence.workers
        )
        vectors = _vectors(evidence)
        look = realism(vectors[0][rows], pool.patient[rows], vectors[1][order], workers=evidence.workers)
        whom = pool.patient[rows]
        return cls(rows, whom, order, size, look, real_parts, made_parts, planted_parts, kinds, at, whose)

    @cached_property
    def components(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(n, k), (m, k), (p, k) each way of being unusual, of real, synthetic and planted images, on one scale.

        0 is a usual real image, 1 what one real image in twenty exceeds. Columns as in `PARTS`, `THROUGHOUT` and
        `LOOK`; the last is nan for planted images, which no encoder was shown.
        """
        real, made, foreign = (_ways(parts) for parts in (self.real_parts, self.made_parts, self.planted_parts))
        unknown = np.full(len(self.planted_patient), np.nan)
        real.append(-np.log(self.look.real))
        made.append(-np.log(self.look.other))
        foreign.append(unknown)
        columns = [np.column_stack(ways) for ways in (real, made, foreign)]
        first, (second, third) = on_usual_scale(columns[0], self.patient, columns[1:], least=_LEAST_SPREAD)
        return first, second, third

    def scores(self, which: slice = slice(None)) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) and (m,) the most unusual of these columns, of real and of synthetic images."""
        real, made, _ = self.components
        return real[:, which].max(axis=1), made[:, which].max(axis=1)

    def p_values(self, which: slice = slice(None)) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) and (m,) conformal p-values of them; of real images among other patients."""
        real, made = self.scores(which)
        return left_out_p(real, self.patient), patient_conformal_p(made, real, self.patient)

    @cached_property
    def q_values(self) -> NDArray[np.float64]:
        """(m,) of each synthetic image, for naming it at a false discovery rate."""
        return benjamini_hochberg(self.p_values()[1])

    @cached_property
    def _places(self) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """Places of real, synthetic and planted images, each against its own image."""
        real, made, foreign = (
            by_place([within_image(part) for part in parts])
            for parts in (self.real_parts, self.made_parts, self.planted_parts)
        )
        return real, made, foreign

    @cached_property
    def _beginnings(self) -> tuple[float, ...]:
        return beginnings(self._places[0], patient_weights(self.patient))

    @cached_property
    def areas(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) and (m,) share of each real and synthetic image that is not supported, at the finer size."""
        real, made = (by_place(parts)[0] for parts in (self.real_parts, self.made_parts))
        (beginning,) = beginnings([real], patient_weights(self.patient))
        return unsupported_area(real, beginning), unsupported_area(made, beginning)

    def map_of(self, number: int) -> Map:
        """The map of the synthetic image with this number in `order`."""
        return excess_map([part[number] for part in self._places[1]], self._beginnings, self.size)

    def planted_found(self, kind: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(p,) whether each thing of that kind would have been looked at, and whether the map's peak lies in it."""
        real, _, foreign = self.components
        these = np.flatnonzero(np.array(self.planted_kind) == kind)
        found, located = np.zeros(len(these), dtype=bool), np.zeros(len(these), dtype=bool)
        scores, usual = foreign[these, SEEN].max(axis=1), real[:, SEEN].max(axis=1)
        for i, row in enumerate(these):
            others = self.patient != self.planted_patient[row]
            p_value = patient_conformal_p(scores[i : i + 1], usual[others], self.patient[others])[0]
            found[i] = p_value <= TO_LOOK_AT
            peak = excess_map([part[row] for part in self._places[2]], self._beginnings, self.size).peak
            located[i] = found[i] and float(np.hypot(*(np.array(peak) - self.planted_at[row]))) <= HIT
        return found, located


def _ways(parts: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Columns `PARTS` and `THROUGHOUT`, unscaled."""
    whole = np.max(np.stack([throughout(part) for part in parts]), axis=0)
    return [*(top_mean(within_image(part)) for part in parts), whole]


def chosen_rows(pool: Pool, rng: np.random.Generator) -> NDArray[np.intp]:
    """Pool rows of the real images to compare with, by patient: all, or one image of each patient after another."""
    turn = np.empty(len(pool), dtype=np.intp)
    seen = np.zeros(pool.n_patients, dtype=np.intp)
    shuffled = rng.permutation(len(pool))
    for row in shuffled:
        turn[row] = seen[pool.patient[row]]
        seen[pool.patient[row]] += 1
    chosen = np.sort(shuffled[np.argsort(turn[shuffled], kind="stable")][:LARGEST_REFERENCE])
    return chosen[np.argsort(pool.patient[chosen], kind="stable")]


@dataclass(frozen=True, slots=True, eq=False)
class _Real:
    """One image of the pool."""

    pool: Pool
    row: int

    def read(self) -> NDArray[np.float32]:
        return self.pool.read(self.row)


def _described(sources: Sequence[ImageSource], size: int, evidence: Evidence) -> list[Described]:
    return list(ordered_map(lambda source: described(source.read(), size), sources, evidence.workers))


def _planted(
    evidence: Evidence, rows: NDArray[np.intp], size: int, rng: np.random.Generator
) -> tuple[tuple[str, ...], NDArray[np.float64], list[Described], NDArray[np.intp]]:
    """Foreign things in real images of different patients: what, where, as patches, and whose image it was."""
    pool = evidence.pool
    shuffled = rng.permutation(rows)
    _, at = np.unique(pool.patient[shuffled], return_index=True)
    hosts = shuffled[np.sort(at)][: evidence.settings.planted_patients]
    jobs = [(kind, int(row), int(rng.integers(2**31))) for kind in FOREIGN for row in hosts]

    def made(job: tuple[str, int, int]) -> tuple[Described, tuple[float, float]]:
        kind, row, seed = job
        image = pool.read(row)
        foreign, place = planted(image, kind, np.random.default_rng(seed))
        return described(foreign, size), on_canvas(place, image.shape[:2])

    found = list(ordered_map(made, jobs, evidence.workers))
    whose = np.array([pool.patient[row] for _, row, _ in jobs], dtype=np.intp)
    places = np.array([place for _, place in found])
    return tuple(kind for kind, _, _ in jobs), places, [patches for patches, _ in found], whose


def on_canvas(place: tuple[float, float], shape: tuple[int, ...]) -> tuple[float, float]:
    """A place in shares of width and height, in shares of the side of the square that the image is padded to."""
    height, width = shape[:2]
    side = max(height, width)
    return (
        (place[0] * width + (side - width) // 2) / side,
        (place[1] * height + (side - height) // 2) / side,
    )


def _vectors(evidence: Evidence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pool's and synthetic images' vectors; of several encoders side by side, so that cosines are averaged."""
    spaces = evidence.matcher.spaces
    made = [evidence.embeddings[space.encoder.name][Role.SYNTHETIC].vectors for space in spaces]
    scale = np.float32(1 / np.sqrt(len(spaces)))
    real = np.concatenate([space.vectors for space in spaces], axis=1) * scale
    return real.astype(np.float32), (np.concatenate(made, axis=1) * scale).astype(np.float32)

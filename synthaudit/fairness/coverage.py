"""Which groups of real patients do the synthetic images cover less well than they cover the others?

The floor is what as many held-out images cover: groups that are varied are covered less by anything. A group is named
where it falls further below its floor than everybody else does, so a generator that is poor for all is not unfair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthaudit.errors import NotEnoughData
from synthaudit.fairness.groups import PatientGroup
from synthaudit.statistics.group_coverage import Covered, covered
from synthaudit.statistics.manifold import NEIGHBORS, neighbor_radii, squared_distances

LARGEST = 2_000
"""Real and synthetic images compared; of more, every so many-th in an order that knows no group."""
LEAST_SYNTHETIC = 20
LEAST_PATIENTS = 20


@dataclass(frozen=True, slots=True)
class GroupCoverage:
    """Of one group.

    Attributes:
        value, floor: Share of its training patients' images covered by synthetic, and by held-out images.
        error: Standard error of their difference.
        density, density_floor: Synthetic, and held-out, images in its patients' balls, over what one law would give.
        gap: By how much it falls below its floor, less that of everybody else; positive is worse. gap_error: of that.
        p_value: Of no gap, two-sided.
    """

    name: str
    columns: tuple[str, ...]
    value: float
    floor: float
    error: float
    density: float
    density_floor: float
    density_error: float
    gap: float
    gap_error: float
    p_value: float
    n_patients: int
    n_images: int


@dataclass(frozen=True, slots=True, eq=False)
class Balls:
    """Training images' balls, and what lies in them.

    Attributes:
        patient: (r,) pool patient of each training image.
        by_synthetic, by_holdout: Of sets of one size.
        size: That size.
    """

    patient: NDArray[np.intp]
    by_synthetic: Covered
    by_holdout: Covered
    size: int

    @classmethod
    def of(
        cls,
        real: NDArray[np.float32],
        patient: NDArray[np.intp],
        is_train: NDArray[np.bool_],
        synthetic: NDArray[np.float32],
    ) -> Balls:
        """The balls of training images among those of other patients; one held-out image a patient.

        Args:
            real: (n, d) pool rows, in an order that knows no group. patient: (n,) their patients.
            is_train: (p,) bool.

        Raises:
            NotEnoughData: Fewer than 20 patients on a side, or 20 synthetic images.
        """
        train = np.flatnonzero(is_train[patient])
        _, first = np.unique(patient, return_index=True)
        held = np.sort(first[~is_train])
        if min(is_train.sum(), len(held)) < LEAST_PATIENTS or len(synthetic) < LEAST_SYNTHETIC:
            raise NotEnoughData(
                f"coverage of groups needs at least {LEAST_PATIENTS} patients on each side and {LEAST_SYNTHETIC} "
                f"synthetic images, got {is_train.sum()}, {len(held)} and {len(synthetic)}"
            )
        train, held, made = _thinned(train), _thinned(held), synthetic[_thinned(np.arange(len(synthetic)))]
        radii = neighbor_radii(real[train], NEIGHBORS, patient[train])
        size = min(len(made), len(held)) // 2
        per_ball = NEIGHBORS / len(train)

        def found(rows: NDArray[np.float32]) -> Covered:
            return covered(squared_distances(real[train], rows) <= radii[:, None] ** 2, size, per_ball)

        return cls(patient[train], found(made), found(real[held]), size)

    def group(self, one: PatientGroup) -> GroupCoverage | None:
        """One group against everybody else; None where either has fewer than 20 training patients here."""
        inside, outside = self._weights(one.inside), self._weights(one.known & ~one.inside)
        if inside is None or outside is None:
            return None
        value, floor = float(inside @ self.by_synthetic.chance), float(inside @ self.by_holdout.chance)
        below = self.by_holdout.chance - self.by_synthetic.chance
        gap = float((inside - outside) @ below)
        error, gap_error = self._error(inside, below), self._error(inside - outside, below)
        thick, thick_floor = self.by_synthetic.density, self.by_holdout.density
        return GroupCoverage(
            one.name,
            one.columns,
            value,
            floor,
            error,
            float(inside @ thick),
            float(inside @ thick_floor),
            self._spread(inside, thick - thick_floor),
            gap,
            gap_error,
            float(2 * norm.sf(abs(gap) / gap_error)) if gap_error > 0 else 1.0,
            len(np.unique(self.patient[inside > 0])),
            int((inside > 0).sum()),
        )

    def _weights(self, inside: NDArray[np.bool_]) -> NDArray[np.float64] | None:
        """(r,) every patient weighs alike; they add up to 1."""
        rows = inside[self.patient]
        if len(np.unique(self.patient[rows])) < LEAST_PATIENTS:
            return None
        size = np.bincount(self.patient[rows], minlength=len(inside))
        weights = np.where(rows, 1.0 / np.maximum(size[self.patient], 1), 0.0)
        return np.asarray(weights / weights.sum())

    def _spread(self, weights: NDArray[np.float64], values: NDArray[np.float64]) -> float:
        """Standard error of a weighted mean (or of a difference of two) over patients."""
        total = 0.0
        for part in (np.maximum(weights, 0.0), np.maximum(-weights, 0.0)):
            if part.sum() > 0:
                off = np.bincount(self.patient, weights=part * (values - part @ values))
                total += float(np.sum(off**2))
        return float(np.sqrt(total))

    def _error(self, weights: NDArray[np.float64], below: NDArray[np.float64]) -> float:
        """Of the weighted difference: over the real patients, the synthetic images and the held-out patients."""
        parts = [float(np.sum(one.influence(weights) ** 2)) for one in (self.by_synthetic, self.by_holdout)]
        return float(np.sqrt(self._spread(weights, below) ** 2 + sum(parts)))


def _thinned(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return rows[:: -(-len(rows) // LARGEST)]


def group_coverages(balls: Balls, groups: Sequence[PatientGroup]) -> list[GroupCoverage]:
    """Every group that is large enough."""
    return [one for one in map(balls.group, groups) if one is not None]

"""Which images are compared: as many synthetic as held-out ones, each of another patient.

A generator's images are draws of their own; two images of one patient are not. So one image of each held-out patient is
taken, and as many synthetic ones. Then a synthetic image that is a fresh draw of the same population and a held-out one
may trade places, which is what the floor, and the chance of exceeding it, rest on. Who is taken does not depend on who
was trained on, nor on the order of files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.probe import Evidence
from synthaudit.statistics.relabeling import LEAST

LARGEST_REFERENCE = 1_024
"""Training images that the others are compared with."""
LARGEST_SAMPLE = 512
"""Synthetic images, and held-out ones, compared with them."""

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Sides:
    """Rows of the pool of real images and of the synthetic cohort, in random order.

    Attributes:
        reference: Training images that the others are compared with, several of a patient where there are.
        one_each: One training image of each patient.
        held: One held-out image of each patient.
        made: Synthetic images, of each synthetic volume or patient one.
        from_train: There is no holdout; `held` are half of the training patients, `reference` and `one_each` the rest.
    """

    reference: Rows
    one_each: Rows
    held: Rows
    made: Rows
    from_train: bool

    @property
    def n(self) -> int:
        """Images on either side of the comparison."""
        return min(len(self.held), len(self.made))

    def at_most(self, reference: int = LARGEST_REFERENCE, sample: int = LARGEST_SAMPLE) -> Sides:
        """The same with no more than so many images."""
        n = min(self.n, sample)
        return replace(
            self,
            reference=self.reference[:reference],
            one_each=self.one_each[:sample],
            held=self.held[:n],
            made=self.made[:n],
        )


def sides(evidence: Evidence, rng: np.random.Generator) -> Sides:
    """The images to compare.

    Raises:
        NotEnoughData: Fewer than 12 patients on a side, or 12 synthetic images.
    """
    pool = evidence.pool
    shuffled = rng.permutation(len(pool))
    is_train = pool.patient_is_train.copy()
    from_train = evidence.holdout is None
    if from_train:
        # The first patients whom the shuffle meets: half of them stand in for a holdout.
        met = list(dict.fromkeys(pool.patient[shuffled].tolist()))
        is_train[met[: len(met) // 2]] = False
    first = shuffled[np.sort(np.unique(pool.patient[shuffled], return_index=True)[1])]
    found = Sides(
        reference=shuffled[is_train[pool.patient[shuffled]]],
        one_each=first[is_train[pool.patient[first]]],
        held=first[~is_train[pool.patient[first]]],
        made=_made(evidence.synthetic, rng),
        from_train=from_train,
    )
    if min(found.n, len(found.one_each)) < LEAST:
        raise NotEnoughData(
            f"realism needs at least {LEAST} training patients, {LEAST} held-out ones and {LEAST} synthetic images, "
            f"got {len(found.one_each)}, {len(found.held)} and {len(found.made)}"
            + ("; without a holdout, half of the training patients stand in for one" if from_train else "")
        )
    return found


def _made(synthetic: Cohort, rng: np.random.Generator) -> Rows:
    """One image of each synthetic volume, or patient where the table names one, in random order."""
    order = np.argsort(np.array(synthetic.pixel_digests), kind="stable")[rng.permutation(len(synthetic))]
    volume, patient = synthetic.volume_index, synthetic.patient_index
    unit = np.where(volume >= 0, volume, len(synthetic) + patient)
    return order[np.sort(np.unique(unit[order], return_index=True)[1])]


@dataclass(frozen=True, eq=False)
class VectorSides:
    """The sides in the space of one encoder.

    Attributes:
        reference: (t, d) training images, and `reference_patient` (t,) whose they are.
        sample: (2n, d): n synthetic images, then n held-out ones.
        variety: (2v, d): v synthetic images, then v training images of different patients.
    """

    reference: NDArray[np.float32]
    reference_patient: NDArray[np.intp]
    sample: NDArray[np.float32]
    variety: NDArray[np.float32]

    @property
    def n(self) -> int:
        """Images on either side of the comparison."""
        return len(self.sample) // 2

    @property
    def compared(self) -> NDArray[np.float32]:
        """(r, d) synthetic, held-out and training images, each of another patient: what is fitted is fitted on these.

        Components fitted to real images alone would follow the chance of the held-out ones, and not that of the
        synthetic ones: of 100 pairs of samples alike, 64 images of 300 dimensions, the synthetic one was the further
        100 times. Fitted to all of them alike, no sample is known better than another.
        """
        return np.concatenate([self.sample, self.variety[len(self.variety) // 2 :]])


def in_space(evidence: Evidence, encoder: str, chosen: Sides) -> VectorSides:
    """The sides as vectors of this encoder."""
    real = next(space.vectors for space in evidence.matcher.spaces if space.encoder.name == encoder)
    made = evidence.embeddings[encoder][Role.SYNTHETIC].vectors
    v = min(len(chosen.made), len(chosen.one_each))
    return VectorSides(
        np.asarray(real[chosen.reference]),
        evidence.pool.patient[chosen.reference],
        np.concatenate([made[chosen.made[: chosen.n]], real[chosen.held[: chosen.n]]]),
        np.concatenate([made[chosen.made[:v]], real[chosen.one_each[:v]]]),
    )

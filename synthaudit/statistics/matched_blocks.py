"""Two sets of patients on an equal footing: as many on each side, read on as many images each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData

_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class MatchedBlocks:
    """Every patient of the smaller side with their share of the larger one, in blocks of people with alike many images.

    Whether a description fits exactly one of n people depends on n, and whether it fits a person depends on how many
    images of the person are looked at. So every draw takes one patient of each side from each block, and reads both on
    the same number of images, the fewest that a member of the block has. Within a block the label says nothing about
    how a patient is read; so labels can be dealt again within blocks, and the test that this gives is exact even where
    one side has more patients, and more images of each.

    Attributes:
        members: (b, s) patients of each block; the first is of the smaller side; -1 where there are fewer.
        level: (p,) images on which each patient is read.
        smaller_is_train: Whether the smaller side is the training side.
    """

    members: NDArray[np.intp]
    level: NDArray[np.intp]
    smaller_is_train: bool

    @classmethod
    def of(cls, images_of: NDArray[np.intp], is_train: NDArray[np.bool_], rng: np.random.Generator) -> MatchedBlocks:
        """The blocks; patients with equally many images are put together by chance, blind to their side.

        Args:
            images_of: (p,) number of images of each patient, at least 1.
            is_train: (p,) bool.

        Raises:
            NotEnoughData: Nobody on one side.
        """
        order = np.lexsort((rng.permutation(len(is_train)), -images_of))
        train, holdout = order[is_train[order]], order[~is_train[order]]
        smaller, larger = (train, holdout) if len(train) < len(holdout) else (holdout, train)
        if not len(smaller):
            raise NotEnoughData(f"matching patients needs some on each side, got {len(train)} and {len(holdout)}")
        chunks = np.array_split(larger, len(smaller))
        members = np.full((len(smaller), 1 + len(chunks[0])), -1, dtype=np.intp)
        level = np.ones(len(is_train), dtype=np.intp)
        for block, (one, chunk) in enumerate(zip(smaller, chunks, strict=True)):
            inside = np.array([one, *chunk], dtype=np.intp)
            members[block, : len(inside)] = inside
            level[inside] = images_of[inside].min()
        return cls(members, level, len(train) < len(holdout))

    def __len__(self) -> int:
        return len(self.members)

    @property
    def leaves_nothing_to_chance(self) -> bool:
        """Whether every draw takes the same patients: blocks of two."""
        return bool(self.members.shape[1] == 2)

    def sides(self, draws: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(p, draws) who is taken for the training side, and who for the held-out one, with the labels as they are."""
        return self._sides(np.zeros((draws, len(self)), dtype=np.intp), rng)

    def dealt(
        self, relabelings: int, draws: int, rng: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """The same with labels dealt again within blocks: (p, c * draws) each, `draws` columns for each relabeling."""
        at_once = max(1, _CELLS_AT_ONCE // (draws * max(self.members.size, len(self.level))))
        for start in range(0, relabelings, at_once):
            c = min(at_once, relabelings - start)
            alone = self._pick(rng, np.broadcast_to(self.members >= 0, (c, *self.members.shape)))
            yield self._sides(np.repeat(alone, draws, axis=0), rng)

    def _pick(self, rng: np.random.Generator, allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
        """(c, b) place of a member of each block, dealt among those allowed (c, b, s)."""
        return np.asarray(np.where(allowed, rng.random(allowed.shape), 2.0).argmin(axis=2), dtype=np.intp)

    def _sides(self, alone: NDArray[np.intp], rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Sides for the place (c, b) of the member who stands for the smaller side."""
        c, b = alone.shape
        allowed = np.broadcast_to(self.members >= 0, (c, *self.members.shape)).copy()
        np.put_along_axis(allowed, alone[:, :, None], False, axis=2)
        other = self._pick(rng, allowed)
        taken = []
        for place in (alone, other):
            mask = np.zeros((c, len(self.level)), dtype=bool)
            mask[np.arange(c)[:, None], self.members[np.arange(b), place]] = True
            taken.append(mask.T)
        return (taken[0], taken[1]) if self.smaller_is_train else (taken[1], taken[0])

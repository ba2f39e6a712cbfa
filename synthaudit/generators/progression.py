"""Progression: how a patient's image will look in some years, from how it looks now.

A U-net is shown the image and the years to come and learns by L1 what changes; after no time at all nothing does. Most
of an image does not change, so a small error says little unless the error of "no change" stands beside it. The
prediction shows the patient it is made of, by design.

Reference: Ravi, Blumberg, Ingala, Barkhof, Alexander, Oxtoby 2022, doi:10.1016/j.media.2021.102257 (brain MRI to come).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import UsageError
from synthaudit.generators.chunks import in_chunks
from synthaudit.generators.network_generator import Examples, Facts
from synthaudit.generators.pair_translator import PairRecipe, PairTranslator
from synthaudit.generators.pairs import Pairs, follow_up_pairs
from synthaudit.generators.protocol import Images, checked_images
from synthaudit.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

    from synthaudit.generators.network_fit import Learner


@dataclass(frozen=True, slots=True)
class ProgressionRecipe(PairRecipe):
    """The settings of a progression.

    Attributes:
        contrast: What the table's column says of the images to learn from; "" takes all.
        column: Name of that column.
        least_years, most_years: Intervals learned from.
        years: Interval of `translate`, where none is said.
        moved: Whether images are mirrored and shifted in training: what changes in years is little beside the noise of
            two scans, and a network that sees each noise once or twice learns it by heart instead.

    Raises:
        UsageError: A setting is out of range.
    """

    learning_rate: float = 3e-3
    width: int = 12
    contrast: str = "t1"
    column: str = "contrast"
    least_years: float = 0.5
    most_years: float = 15.0
    years: float = 5.0
    moved: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.least_years <= self.years <= self.most_years:
            raise UsageError(
                "years must lie between least_years and most_years, all above 0, got "
                f"{self.years}, {self.least_years} and {self.most_years}"
            )
        PairRecipe.__post_init__(self)


@dataclass(frozen=True, slots=True, eq=False)
class Progression(PairTranslator):
    """The reference progression."""

    kind: ClassVar[str] = "progression"
    leaks: ClassVar[str] = "Training pairs, by their error; and an output identifies its input by design."
    recipe: ProgressionRecipe = field(default_factory=ProgressionRecipe)

    def learner(self, facts: Facts) -> Learner:
        """The U-net of the change."""
        del facts
        from synthaudit.generators.translation_training import ProgressionLearner

        return ProgressionLearner(self.recipe)

    def pairs(self, cohort: Cohort) -> Pairs:
        """Every earlier and later image of a patient, as far apart as the recipe says.

        Raises:
            MetadataError: The table does not say when images were made.
            NotEnoughData: There is no pair.
        """
        recipe = self.recipe
        return follow_up_pairs(cohort, (recipe.least_years, recipe.most_years), recipe.contrast or None, recipe.column)

    def examples(self, cohort: Cohort, facts: Facts, progress: Progress) -> Examples:
        """Earlier and later images and the years between, row for row; a patient seen once teaches nothing."""
        del facts
        pairs = self.pairs(cohort)
        source, target = pairs.images(self.recipe.size, progress)
        return {"source": source[:, None], "target": target[:, None], "years": pairs.years[:, None]}

    def progress(self, x: Images, years: NDArray[np.float32]) -> Images:
        """(n, size, size) each of the (n, size, size) images (n,) `years` later; it draws nothing.

        Raises:
            UsageError: The images have another size, or there is not one interval for each.
        """
        rows = checked_images(x, self.spec.shape)[:, None]
        if years.shape != (len(x),) or not (years >= 0).all():
            raise UsageError(f"years must be one number from 0 up for each of {len(x)} images, got shape {years.shape}")
        network = self.network("change")
        from synthaudit.generators.translation_training import progressed

        def grown(source: Tensor, ahead: Tensor) -> Tensor:
            return progressed(network, source, ahead)[:, 0].clamp(0, 1)

        return in_chunks(self.applied(grown), rows, years.astype(np.float32)[:, None])

    def translate(self, x: Images, seed: int = 0) -> Images:
        """(n, size, size) each image `recipe.years` later, row for row; it draws nothing, whatever `seed`."""
        del seed
        return self.progress(x, np.full(len(x), self.recipe.years, dtype=np.float32))

    def translate_pairs(self, x: Images, pairs: Pairs, seed: int) -> Images:
        """(n, size, size) the sources `x` of `pairs`, each as many years later as its target is."""
        del seed
        return self.progress(x, pairs.years)

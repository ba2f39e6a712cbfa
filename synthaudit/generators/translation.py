"""Translation: one image of another of the same patient, sequence to sequence, MR to CT, non-contrast to contrast.

A U-net learns by L1 from pairs; a critic of patches makes it sharper where the recipe asks for one. What it makes shows
the patient that it is given: that is its purpose, so its output identifies its input by design, and is to be handled as
that patient's image. What an audit asks beside that is whether it knows the pairs it was trained on better than
others, and whether it adds lesions or takes them away.

Reference: Isola, Zhu, Zhou, Efros 2017, arXiv:1611.07004 (U-net, L1 and a critic of patches).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from synthaudit.cohort import Cohort
from synthaudit.errors import UsageError
from synthaudit.generators.chunks import in_chunks
from synthaudit.generators.network_generator import Examples, Facts, require_at_least
from synthaudit.generators.pair_translator import PairRecipe, PairTranslator
from synthaudit.generators.pairs import Pairs, contrast_pairs, require_partners
from synthaudit.generators.protocol import Images, checked_images
from synthaudit.progress import Progress

if TYPE_CHECKING:
    from synthaudit.generators.network_fit import Learner


@dataclass(frozen=True, slots=True)
class TranslationRecipe(PairRecipe):
    """The settings of a translation.

    Attributes:
        source, target: What the table's column says of the images given, and of those to be made.
        column: Name of that column: contrast, modality, view.
        adversarial: Weight of the critic beside L1; 0 trains none.

    Raises:
        UsageError: A setting is out of range.
    """

    learning_rate: float = 3e-3
    source: str = "t1"
    target: str = "t2"
    column: str = "contrast"
    adversarial: float = 0.0

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise UsageError("source and target must be two contrasts, got one")
        require_at_least(self, {"adversarial": 0.0})
        PairRecipe.__post_init__(self)


@dataclass(frozen=True, slots=True, eq=False)
class Translation(PairTranslator):
    """The reference translator."""

    kind: ClassVar[str] = "translation"
    leaks: ClassVar[str] = (
        "Training pairs, by their error; and an output identifies its input by design. Measured on brain phantoms (T1"
        " to CT, 64 px, 64 pairs, 32 held out, 600 steps, 31 to 41 CPU seconds, seeds 0, 1, 2): mean error .026 to "
        ".027 on the held-out pairs, where the best curve of intensities leaves .103; AUC of members by the error .82"
        " to .84."
    )
    recipe: TranslationRecipe = field(default_factory=TranslationRecipe)

    def learner(self, facts: Facts) -> Learner:
        """The U-net and its critic."""
        del facts
        from synthaudit.generators.translation_training import TranslationLearner

        return TranslationLearner(self.recipe)

    def pairs(self, cohort: Cohort) -> Pairs:
        """The cohort's pairs of the recipe's two contrasts, each of one patient at one time.

        Raises:
            MetadataError: The table does not say which images belong together.
            NotEnoughData: There is no pair.
        """
        return contrast_pairs(cohort, self.recipe.source, self.recipe.target, self.recipe.column)

    def examples(self, cohort: Cohort, facts: Facts, progress: Progress) -> Examples:
        """Sources and targets, row for row.

        Raises:
            MetadataError: A source has no target, or the table does not say which images belong together.
        """
        del facts
        source, target = require_partners(self.pairs(cohort)).images(self.recipe.size, progress)
        return {"source": source[:, None], "target": target[:, None]}

    def translate(self, x: Images, seed: int = 0) -> Images:
        """(n, size, size) the target of each (n, size, size) source, row for row; it draws nothing, whatever `seed`."""
        del seed
        rows = checked_images(x, self.spec.shape)[:, None]
        network = self.network("translator")
        return in_chunks(self.applied(lambda source: network(source)[:, 0].clamp(0, 1)), rows)

    def translate_pairs(self, x: Images, pairs: Pairs, seed: int) -> Images:
        """(n, size, size) what it makes of the sources `x` of `pairs`."""
        del pairs
        return self.translate(x, seed)

"""Are the synthetic images, as a set, like real ones?

What a model learns from synthetic images is only as good as they are, and no single figure says how good that is. So
the synthetic images are compared with the training images in several ways: as clouds of vectors (distances between
populations; images outside of what real ones support; real images that nothing synthetic comes near), and as pixels
(fine detail, gray levels, the marks of enlarging layers). Every figure stands beside its floor: the same of as many
held-out real images. What chance could make of two real samples is known by dealing them anew, so "worse than real"
means worse than another sample of patients would be, and not worse than zero.

Variety is asked apart, since a generator may be true and dull: it makes few kinds of images well. Whoever trains on
them learns that the rest does not exist.

None of this is about privacy. A generator that hands out its training images is the most realistic of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.finding import Assumption, Direction, Finding, Measure
from synthaudit.probe import Evidence, Need
from synthaudit.realism.charts import charts
from synthaudit.realism.judged import ALPHA, Judged, Question, Variety, judged
from synthaudit.realism.measured import Result, of_pictures, of_vectors
from synthaudit.realism.pictures import pictures
from synthaudit.realism.sides import Sides, in_space, sides

LARGEST_GAUSSIAN = 10_000
"""Images on each side of a Frechet distance in all dimensions."""
MOST_NAMED = 3
"""Measures that the answer names."""


@dataclass(frozen=True, slots=True)
class Realism:
    """The probe `realism`."""

    name: ClassVar[str] = "realism"
    question: ClassVar[str] = "Are the synthetic images, as a set, like real ones?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Every measure beside its floor, and two decisions over all of them.

        Raises:
            NotEnoughData: Fewer than 12 patients on a side, or 12 synthetic images.
        """
        from threadpoolctl import threadpool_limits

        everything = sides(evidence, rng)
        chosen = everything.at_most()
        wide = everything.at_most(LARGEST_GAUSSIAN, LARGEST_GAUSSIAN)
        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            read = pictures(evidence, chosen)
            results = [
                *(
                    one
                    for space in evidence.matcher.spaces
                    for one in of_vectors(
                        space.encoder.name,
                        in_space(evidence, space.encoder.name, chosen),
                        in_space(evidence, space.encoder.name, wide),
                        rng,
                    )
                ),
                *of_pictures(read, rng),
            ]
            found = judged(results)
        return Finding(
            self.name,
            self.question,
            _answer(found, chosen),
            tuple(_measures(results, found, chosen)),
            charts(results, read),
            (*_LIMITS, *(() if not chosen.from_train else (_NO_HOLDOUT,))),
        )


_LIMITS = (
    "A set may be like real ones as a whole and hold images that are wrong: each image is asked about by itself "
    "elsewhere.",
    "Likeness is no merit by itself: copies of the training images are the most realistic of all, so read this beside "
    "whether patients were copied.",
    "Encoders see what they were made to see; a difference that none of them sees, and that leaves gray levels and "
    "spectrum as they are, is missed.",
)
_NO_HOLDOUT = (
    "Without a holdout, half of the training patients stand in for one: the generator knows them as well, so a floor "
    "of images it never saw is not there."
)


def _answer(found: Judged, chosen: Sides) -> str:
    real = "half of the training patients" if chosen.from_train else "held-out patients"
    n = f"{chosen.n} synthetic images against as many of {real}"
    if found.far.beyond:
        first = (
            f"The synthetic images are less like the training images than other real images are ({_named(found.far)})"
        )
    elif found.near.beyond:
        first = (
            f"The synthetic images lie closer to the training images than other real ones do ({_named(found.near)}), "
            "which is no merit: see whether patients were copied"
        )
    else:
        first = "No measure tells the synthetic images from another sample of real ones"
    second = {
        Variety.LESS: f"they vary less than real images ({_named(found.less)})",
        Variety.MORE: f"they vary more than real images ({_named(found.more)})",
        Variety.MIXED: f"they vary less by some measures ({_named(found.less)}) and more by others "
        f"({_named(found.more)})",
        Variety.EVEN: "they vary as much as real images, as far as can be told",
    }[found.variety]
    return f"{first}; {second}. Measured on {n}."


def _named(question: Question) -> str:
    labels = list(dict.fromkeys(one.about.label for one in question.beyond))
    rest = len(labels) - MOST_NAMED
    return ", ".join(labels[:MOST_NAMED]) + (f", and {rest} more" if rest > 0 else "")


def _measures(results: Sequence[Result], found: Judged, chosen: Sides) -> Iterator[Measure]:
    yield _decision(
        "realism_p",
        found.far.p_value,
        chosen,
        f"Of no measure of fidelity being worse than that of other real images, corrected for all of them (Holm); at "
        f"{ALPHA:.0%} or less it is called a difference. With many images, small differences are sure, too: read how "
        "large they are.",
    )
    yield _decision(
        "variety_p",
        found.variety_p,
        chosen,
        "Of no measure of variety being off that of other real images either way, corrected for all of them (Holm).",
    )
    for one in results:
        yield _measure(one, chosen)


def _decision(name: str, p: float | None, chosen: Sides, note: str) -> Measure:
    return Measure(
        name,
        p,
        p_value=p,
        n_patients=chosen.n,
        n_images=chosen.n,
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.UNCALIBRATED if chosen.from_train else Assumption.EXACT,
        note=note,
        not_measured=None if p is not None else "no measure could be taken from so few images",
    )


def _measure(one: Result, chosen: Sides) -> Measure:
    about, found = one.about, one.found
    if found is None:
        return Measure(
            one.name, None, unit=about.unit, direction=about.direction, note=about.note, not_measured=one.why
        )
    least, most = (0.0, 1.0) if about.unit == "share" else (-np.inf, np.inf)
    p = {Direction.HIGHER_IS_WORSE: found.p_higher, Direction.LOWER_IS_WORSE: found.p_lower}
    return Measure(
        one.name,
        found.value,
        max(least, found.low),
        min(most, found.high),
        n_patients=found.n,
        n_images=found.n,
        floor=found.floor,
        p_value=p.get(about.direction, found.p_either),
        unit=about.unit,
        direction=about.direction,
        assumption=Assumption.UNCALIBRATED if chosen.from_train else Assumption.MODEL_ASSISTED,
        note=about.note,
    )

"""What do the measures in use elsewhere say of the synthetic images as a whole?

Papers and tools judge a generator by averages over all its images: how many are closer to the training images than to
held-out ones, how far the nearest image is ahead of the next, how much likelier training images are. A reader may know
these numbers, or be asked for them, so they are here, each beside its floor (the same with held-out images in place of
the synthetic ones) and with one sentence on how it misleads. No verdict rests on any of them: an average hides one
copied patient among thousands, and most read as a leak where there is none, unless the floor stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.cohort import Role
from synthaudit.context.closeness import authenticity_share, dcr_share, nndr_mean, percentile_rule_share
from synthaudit.context.fitted import c_t_score, fld_gap_score
from synthaudit.context.three_sets import SetMeasure, ThreeSets
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Direction, Finding, Measure
from synthaudit.probe import Evidence, Need

Compute = Callable[[ThreeSets, np.random.Generator], SetMeasure]


@dataclass(frozen=True, slots=True)
class Context:
    """The probe `context`."""

    name: ClassVar[str] = "context"
    question: ClassVar[str] = "What do the measures in use elsewhere say of the synthetic images as a whole?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Every measure with every encoder.

        Raises:
            NotEnoughData: Fewer than 10 patients on a side, or fewer than 20 synthetic images.
        """
        measures = tuple(
            _measured(evidence, f"{name}[{encoder}]", (compute, unit, note), sets, rng)
            for encoder, sets in _three_sets(evidence).items()
            for name, (compute, unit, note) in _MEASURES.items()
        )
        return Finding(self.name, self.question, _answer(measures), measures)


_MEASURES: dict[str, tuple[Compute, str, str]] = {
    "dcr_share": (
        dcr_share,
        "share",
        "Synthetic images closer to a training than to any held-out image; sides of one size, ties one half. Floor: "
        "one half, by symmetry. How it misleads: it is an average, so a few copies among many images do not move it.",
    ),
    "authenticity": (
        authenticity_share,
        "share",
        "Synthetic images further from their nearest training image than that is from its own nearest other one. How "
        "it misleads: without any copy it read 70 % on a set of chest films and 97 % on one of brain slices, and says "
        "nothing without its floor.",
    ),
    "nndr": (
        nndr_mean,
        "",
        "Distance to the nearest over distance to the second nearest training image, on average. How it misleads: "
        "a copy of one of two like images of a patient is near to both, and reads as no copy.",
    ),
    "c_t": (
        c_t_score,
        "",
        "Distances of synthetic and of held-out images to the training images, ranked by cell (z-score; 1 cell for "
        "50 images; far below 0: closer). Floor: 0, by symmetry. How it misleads: it flags a "
        "generator that merely blurs, and clears one that copies everything a little shifted.",
    ),
    "fld_gap": (
        fld_gap_score,
        "",
        "How much likelier the synthetic images make training than held-out images (FLD's generalization gap; far "
        "below 0: likelier), judged by half of the holdout. How it misleads: it is fitted to the training images, and "
        "without any copy lies off 0 either way (4.4 and -2.8 on two splits of one set of chest films).",
    ),
    "percentile_rule": (
        percentile_rule_share,
        "share",
        "Training patients called memorized by the rule of Dar et al. 2025: a synthetic image more alike than 95 % of "
        "the training images are to their nearest held-out one. Reported as a peer's figure only. How it misleads: it "
        "named 21.5 % to 70.2 % of the patients in simulations without a leak, and names more with every image made.",
    ),
}


def _three_sets(evidence: Evidence) -> dict[str, ThreeSets]:
    """The sets in each encoder's space, in an order that neither file names nor the labels have a part in."""
    pool = evidence.pool
    is_train = pool.patient_is_train[pool.patient]
    trained, held = (np.unique(pool.patient[side], return_inverse=True)[1] for side in (is_train, ~is_train))
    order = np.argsort(np.array(evidence.synthetic.pixel_digests), kind="stable")
    return {
        space.encoder.name: ThreeSets(
            space.vectors[is_train],
            space.vectors[~is_train],
            evidence.embeddings[space.encoder.name][Role.SYNTHETIC].vectors[order],
            trained,
            held,
            workers=evidence.workers,
        )
        for space in evidence.matcher.spaces
    }


def _measured(
    evidence: Evidence, name: str, how: tuple[Compute, str, str], sets: ThreeSets, rng: np.random.Generator
) -> Measure:
    from threadpoolctl import threadpool_limits

    compute, unit, note = how
    least, most = (0.0, 1.0) if unit == "share" else (-np.inf, np.inf)
    try:
        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            found = compute(sets, rng)
    except NotEnoughData as error:
        return Measure(name, None, unit=unit, not_measured=str(error))
    return Measure(
        name,
        found.value,
        max(least, found.low),
        min(most, found.high),
        n_patients=evidence.pool.n_patients,
        n_images=len(evidence.synthetic),
        floor=found.floor,
        unit=unit,
        direction=Direction.NEUTRAL,
        assumption=Assumption.MODEL_ASSISTED,
        note=note,
    )


def _answer(measures: tuple[Measure, ...]) -> str:
    shares = [one for one in measures if one.name.startswith("dcr_share") and one.low is not None]
    said = ", ".join(f"{one.value:.0%}" for one in shares)
    if any(one.low is not None and one.low > 0.5 for one in shares):
        how = "lie closer to the training than to the held-out images"
    elif any(one.high is not None and one.high < 0.5 for one in shares):
        how = "lie closer to the held-out than to the training images"
    else:
        how = "lie as close to the training as to the held-out images, as far as an average can tell"
    return (
        f"As a whole, the synthetic images {how} ({said} to the training images). No verdict rests on this; "
        "where an interval holds its floor, chance explains the measure."
    )

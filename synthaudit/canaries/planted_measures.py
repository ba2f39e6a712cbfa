"""What planted copies say, as measures: sensitivity, detection limit, and the share copied once that is corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthaudit.canaries.planting import PlantedCopies
from synthaudit.canaries.power import DetectionLimit, Power
from synthaudit.copying import CopyEvidence
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Direction, Measure
from synthaudit.matching.pool import Pool
from synthaudit.statistics.prevalence import Tally, true_prevalence
from synthaudit.statistics.proportion import clopper_pearson

FOUND_WITH = 0.90
"""Probability with which the detection limit's copies are found."""

LARGEST_LIMIT = 1_000
"""Detection limits above this count as "not found at all"."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One transform's planted copies, and what follows from them."""

    planted: PlantedCopies
    power: Power
    limit: DetectionLimit

    @property
    def tally(self) -> Tally:
        """Training patients' copies that were found, of those planted."""
        mine = self.planted.of_train
        return Tally(int(self.planted.direct[mine].sum()), int(mine.sum()))

    @property
    def has_limit(self) -> bool:
        """Whether some number of copies is sure enough to be found."""
        return self.limit.value <= LARGEST_LIMIT and self.limit.high <= LARGEST_LIMIT


def sensitivity(outcome: Outcome) -> Measure:
    """Share of copies that are direct evidence against the right patient."""
    one, transform = outcome.tally, outcome.planted.transform
    low, high = clopper_pearson(one.hits, one.trials)
    return Measure(
        f"sensitivity[{transform.name}]",
        one.share,
        low,
        high,
        n_patients=one.trials,
        n_images=one.trials,
        unit="share",
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note=f"Share of copies ({transform.says}) that are direct evidence against the right patient.",
    )


def detection_limit_measure(outcome: Outcome) -> Measure:
    """The fewest copied patients that are found nine times in ten."""
    transform, n, limit = outcome.planted.transform, outcome.tally.trials, outcome.limit
    name = f"detection_limit[{transform.name}]"
    if not outcome.has_limit:
        why = f"no number of copies ({transform.says}) is found with 90 % probability; {n} were planted"
        return Measure(name, None, n_patients=n, n_images=n, not_measured=why, unit="patients")
    return Measure(
        name,
        limit.value,
        limit.low,
        limit.high,
        n_patients=n,
        n_images=n,
        unit="patients",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="The fewest copied patients of whom at least one is found with 90 % probability; the interval is that of "
        "the sensitivity.",
    )


def mistaken_identity(outcomes: Sequence[Outcome]) -> Measure:
    """Share of planted copies, at all strengths, that point at somebody whom they do not show."""
    wrong = sum(int(one.planted.wrong.sum()) for one in outcomes)
    total = sum(len(one.planted.wrong) for one in outcomes)
    low, high = clopper_pearson(wrong, total)
    return Measure(
        "mistaken_identity",
        wrong / total,
        low,
        high,
        n_patients=len(np.unique(np.concatenate([one.planted.patient for one in outcomes]))),
        n_images=total,
        unit="share",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="Share of planted copies, of training and of held-out patients, that also point at somebody whom they do "
        "not show. Copies of one patient are not independent, so the interval is too narrow.",
    )


def corrected_share(outcome: Outcome, copies: CopyEvidence, pool: Pool) -> Measure:
    """Share of training patients copied, if all copies were altered like this; not a test, and no bound on others.

    Patients with direct evidence are counted as found. Sensitivity is that of the planted copies; specificity comes
    from the held-out patients, of whom the generator can have copied none. Persons on both sides are left out.
    """
    name, note = (
        f"copied_share_corrected[{outcome.planted.transform.name}]",
        "A model, no test: what was found, corrected by the sensitivity and by what was found among held-out patients "
        "(Rogan and Gladen 1978; interval of Lang and Reiczigel 2014), as if each copied patient was copied once.",
    )
    direct, kept, is_train = copies.direct, ~copies.twins, pool.patient_is_train
    found = Tally(int((direct & kept & is_train).sum()), int((kept & is_train).sum()))
    clear = Tally(int((~direct & kept & ~is_train).sum()), int((kept & ~is_train).sum()))
    n = found.trials + clear.trials + outcome.tally.trials
    try:
        share = true_prevalence(found, outcome.tally, clear)
    except NotEnoughData as error:
        return Measure(name, None, n_patients=n, unit="share", not_measured=str(error))
    return Measure(
        name,
        share.value,
        share.low,
        share.high,
        n_patients=n,
        n_images=copies.matches.n_queries if copies.matches is not None else 0,
        unit="share",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note=note,
    )

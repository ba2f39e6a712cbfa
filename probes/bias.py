"""Are the synthetic images right, and safe, for every group of patients?

A release can look well on average and still leave women out, tie a finding to one group, or remember only the few
patients of a small one. So everything is asked of each group that the metadata tell of, and of pairs of groups: how
common it is against the training patients, how well its patients are covered, whether findings go with it as they did,
whether a classifier that learned from the images serves it, and how exposed its patients are.

Exposure is judged group by group, with held-out patients of the same group: the images of some groups are closer to
anything, which is no leak, and a leak of a few is lost in the average of all. What synthetic images came without is
predicted from them, and the predictor's errors are undone and carried into the interval. Groups of fewer than ten
patients are spoken of nowhere.

All of this is one family of tests: a fair generator has any group named in one audit of a hundred at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.copying import CopyEvidence, copy_evidence
from synthaudit.errors import NotEnoughData
from synthaudit.fairness.charts import charts
from synthaudit.fairness.examined import Examined, examine
from synthaudit.fairness.exposed import DRAWS
from synthaudit.fairness.gathered import gathered, scored
from synthaudit.fairness.measures import measures
from synthaudit.fairness.spoken import answer
from synthaudit.fairness.summaries import summaries
from synthaudit.finding import Finding
from synthaudit.patient_statistics import patient_statistics
from synthaudit.probe import Evidence, Need

LIMITS = (
    "Groups that no column of the metadata tells of, and groups of fewer than 10 training patients.",
    "Whether an image shows its group truthfully: a label that the generator was asked for is taken at its word.",
    "Why a group is more exposed: training and held-out patients must be exchangeable within each group, too.",
)
PREDICTED = (
    "Groups predicted from synthetic images are right if images of a group look alike in both sets: artifacts of the "
    "generator can pass for a group."
)

LEAST_SYNTHETIC = 10
"""Images, below which no share of a group says anything."""


@dataclass(frozen=True, slots=True)
class Bias:
    """The probe `bias`."""

    name: ClassVar[str] = "bias"
    question: ClassVar[str] = "Are the synthetic images right, and safe, for every group of patients?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """All groups, all questions.

        Raises:
            NotEnoughData: No column divides the training patients into groups, or fewer than 10 synthetic images.
        """
        from threadpoolctl import threadpool_limits

        if len(evidence.synthetic) < LEAST_SYNTHETIC:
            raise NotEnoughData(
                f"groups need at least {LEAST_SYNTHETIC} synthetic images to be compared, got {len(evidence.synthetic)}"
            )

        attributes, divided, vectors = gathered(evidence)
        copies = copy_evidence(evidence)
        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            points = scored(evidence, copies, _named(evidence, copies))
            draws = min(DRAWS, evidence.settings.relabelings)
            found = examine(attributes, divided, vectors, points, rng, draws=draws)
            n_images, n_patients = len(evidence.synthetic), evidence.pool.n_patients
            told = (*summaries(found, n_images, n_patients, rng), *measures(found, n_images))
        return Finding(self.name, self.question, answer(found), told, charts(found, told), _limits(found))


def _named(evidence: Evidence, copies: CopyEvidence) -> NDArray[np.bool_]:
    """(p,) patients whom the audit names: on direct evidence, on either side, or statistically."""
    named = copies.direct.copy()
    if evidence.holdout is None:
        return named
    try:
        statistics = patient_statistics(evidence, copies)
    except NotEnoughData:
        return named
    named[statistics.train[statistics.selection.named]] = True
    return named


def _limits(found: Examined) -> tuple[str, ...]:
    predicted = any(one.predicted is not None for one in found.attributes)
    return (*LIMITS, PREDICTED) if predicted else LIMITS

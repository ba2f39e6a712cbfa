"""Does a classifier trained on the synthetic images work on real patients?

Synthetic images that look right may teach nothing, or something wrong. So a classifier is trained on them and tested on
held-out real patients, whom neither it nor the generator has seen, and another one is trained on as many real images
and tested on the same patients. If both do equally well, the synthetic images hold what the real ones hold about these
classes, as far as the audit's features show it. It is asked again without the images that are copies of patients: what
only copies teach is not what the release is for. And synthetic images of the rarest class are added to real ones, which
is what many want them for.

In the literature: accuracy .88 after real, .89 after synthetic and .93 after both (Pan et al. 2023, COVID, doi
10.1088/1361-6560/acca5c); sensitivity from .02 to .59 and specificity from .99 to .71 by balancing the synthetic set
(Huijben et al. 2024). Those are networks trained on images; here it is logistic regression on vectors.

Reference:
    Esteban, Hyland, Raetsch 2017, arXiv 1706.02633 (train on synthetic, test on real).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding, Measure
from synthaudit.probe import Evidence, Need
from synthaudit.utility.gathered import Tested, tested
from synthaudit.utility.utility_measures import charts, measures

LIMITS = (
    "Other tasks than this column, and other numbers of training images than these.",
    "What a network trained on the images could learn: the classifier is linear, on the vectors that the audit has.",
    "Whether the labels of the synthetic images are right: they are taken as given, and wrong ones show as a gap.",
)


@dataclass(frozen=True, slots=True)
class Utility:
    """The probe `utility`."""

    name: ClassVar[str] = "utility"
    question: ClassVar[str] = "Does a classifier trained on the synthetic images work on real patients?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Train on synthetic, on real and on both; test on the holdout.

        Raises:
            NotEnoughData: No labels that all share, or too few patients or images of the classes.
        """
        from threadpoolctl import threadpool_limits

        if evidence.holdout is None:
            raise NotEnoughData("testing a classifier needs held-out patients, got no holdout")
        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            found = tested(evidence, evidence.holdout, rng)
        all_measures = tuple(measures(found))
        return Finding(self.name, self.question, _answer(found, all_measures), all_measures, charts(found), LIMITS)


def _answer(found: Tested, all_measures: tuple[Measure, ...]) -> str:
    """One sentence for the first page."""
    by_name = {one.name: one for one in all_measures}
    gap, made, real = (by_name[name] for name in ("auc_gap", "auc[tstr]", "auc[trtr]"))
    figures = (
        f"AUC {made.value:.2f} after synthetic and {real.value:.2f} after as many real images, {gap.value:+.2f} "
        f"({gap.low:+.2f} to {gap.high:+.2f})"
    )
    n = found.task.left_out
    left = f" {n} {'class' if n == 1 else 'classes'} had too few patients to be tested." if n else ""
    if gap.high is not None and gap.high < 0:
        said = "A classifier of held-out patients learns less from synthetic images than from real ones"
    elif gap.low is not None and gap.low > 0:
        said = "A classifier of held-out patients learns more from synthetic images than from as many real ones"
    else:
        said = "A classifier of held-out patients is not seen to learn less from synthetic images than from real ones"
    return f"{said} (column {found.task.column}: {figures}).{left}"

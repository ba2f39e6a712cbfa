"""Can a person be found again: are synthetic images linked to training patients more often than to held-out ones?

A copy shows a patient's picture. A generator can also show the patient without the picture: the ribs, the vessels, the
folds that are theirs at every visit. Whoever holds another image of that person, from another day, could find them
with a verifier, a program that tells whether two images are of one person, as programs do with faces. So one is taught
here, on real images of the same and of different people, and its worth is measured on people whom it did not learn
from. Then it compares every synthetic image with every real patient. Held-out patients, whom the generator never saw,
are linked by chance; the question is whether training patients are linked more often than that, by their nearest image,
and by another visit than that one.

Where the verifier cannot tell people apart nothing is answered: it would find nobody in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.cohort import Role
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Exposure, Finding, Kind
from synthaudit.probe import Evidence, Need
from synthaudit.reidentification.answers import NEAREST, Answers
from synthaudit.reidentification.charts import charts
from synthaudit.reidentification.measures import measures


@dataclass(frozen=True, slots=True)
class Reidentification:
    """The probe `reidentification`."""

    name: ClassVar[str] = "reidentification"
    question: ClassVar[str] = (
        "Can a person be found again: are synthetic images linked to training patients more often than to held-out "
        "ones?"
    )
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """The verifier, what it is worth, and whom it finds.

        Raises:
            NotEnoughData: Fewer than 15 patients with two different images, 5 patients on a side, or 10 synthetic
                images.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            answers = Answers.of(evidence, rng)
        alpha = evidence.settings.family_wise_error
        return Finding(
            self.name,
            self.question,
            _answer(answers, alpha),
            measures(answers, alpha),
            charts(answers),
            _limits(answers),
            exposures=_exposures(answers, evidence, self.name),
        )


def _answer(answers: Answers, alpha: float) -> str:
    """One sentence for the first page."""
    quality = answers.quality
    if answers.scan is None or answers.linked is None:
        area = f"AUC {quality.auc.value:.2f}, {quality.auc.low:.2f} to {quality.auc.high:.2f}"
        return f"Not answered: on these images the verifier does not tell people apart ({area})."
    near, p_value = answers.linked[NEAREST], answers.scan.p_value
    shares = ""
    if not isinstance(near, NotEnoughData):
        shares = f"{near.excess.train:.0%} of the training patients are linked, {near.excess.holdout:.0%} by chance; "
    if answers.significant(alpha):
        return f"Training patients are found again more often than held-out ones ({shares}p = {p_value:.2g})."
    return f"Training patients are not found again beyond chance ({shares}p = {p_value:.2g})."


def _limits(answers: Answers) -> tuple[str, ...]:
    """What it cannot see."""
    found = [
        "A verifier trained on many more people may recognize patients whom this one does not.",
        "The generator saw every image of a training patient that is compared here; images from before or after would "
        "be a harder test, and were not there.",
        "Who is linked may be a look-alike. Shares are beyond chance; a single link is no proof.",
    ]
    if answers.visits.says == "pictures":
        found.append(
            "Neither days nor volumes were told apart, so any two different pictures count as two visits; two of one "
            "day are easier to link."
        )
    return tuple(found)


def _exposures(answers: Answers, evidence: Evidence, probe: str) -> tuple[Exposure, ...]:
    """Training patients linked, most first; flagged where the false discovery rate allows to name them."""
    pool = evidence.pool
    return tuple(
        Exposure(
            patient_id=pool.patient_ids[one.patient],
            role=Role.TRAIN,
            real_image=pool.name(one.real),
            synthetic_image=evidence.synthetic.names[one.made],
            probe=probe,
            encoder=evidence.encoder_names,
            score=one.score,
            p_value=one.p_value,
            q_value=one.q_value,
            kind=Kind.STATISTICAL,
            flagged=one.named,
        )
        for one in answers.listed
    )

"""Do the synthetic images let someone link two records of one training patient?

Linking means to know that two records, say an X-ray of March in one file and one of June in another, belong to one
person, without knowing who it is. It is the second of the three risks of the Article 29 Working Party (Opinion
05/2014): linked records tell more than each does, and soon name someone. Here the attacker holds one record of a
patient and a line-up of ten, one of them the same patient's, and picks the one whose nearest synthetic images are the
same.

Two pictures of one person are alike anyway, so some are linked without any leak. The same is therefore tried on
held-out patients, whom the generator never saw; only what goes beyond them was learned from the training patients.
Beside it stands what comparing the two records directly achieves: someone who holds both may need no synthetic image.

A low figure does not say that the records cannot be linked: it says that the synthetic images do not help.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import holdings
from synthaudit.attackers.linking import LINEUP, Linked, linked, linking_success
from synthaudit.attackers.measures import AGAIN, answer, chart, headline, of_each, of_outliers
from synthaudit.attackers.outliers import outlier_groups
from synthaudit.attackers.success import Success
from synthaudit.attackers.views import VISITS, Views, natural_views
from synthaudit.finding import Direction, Finding, Measure
from synthaudit.probe import Evidence, Need


@dataclass(frozen=True, slots=True)
class Linkability:
    """The probe `linkability`."""

    name: ClassVar[str] = "linkability"
    question: ClassVar[str] = "Do the synthetic images let someone link two records of one training patient?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Each natural pair of records, linked through the synthetic images.

        Raises:
            NotEnoughData: Fewer than 10 patients on a side have two records, or there are fewer than 10 synthetic
                images.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            held = holdings(evidence)
            views = natural_views(held)
            every = [linked(held, one, rng) for one in views]
            success = linking_success(held, views, every, evidence.settings.relabelings, rng)
            groups = outlier_groups(held)
        return Finding(
            self.name,
            self.question,
            answer(
                success.highest(),
                "The synthetic images link records of training patients more often than those of others",
                "The synthetic images link records of training patients no more often than chance explains",
                "the patients with two records",
            ),
            tuple(_measures(success, views, every, groups)),
            (
                chart(
                    success,
                    "linkability",
                    "Records linked through the synthetic images",
                    f"share of patients whose other record is picked out of {LINEUP}",
                    f"Line-ups of {LINEUP}, dealt from both sides. Intervals are Wilson's. A blind guess is right once "
                    f"in {LINEUP}. What counts is training beyond held-out.",
                ),
            ),
            (
                "Only patients with two records take part, and only records of these kinds.",
                "Someone who holds both records can compare them directly, which this audit does not blame on the "
                "synthetic images.",
                AGAIN,
            ),
        )


def _measures(
    success: Success, views: tuple[Views, ...], every: list[Linked], groups: dict[str, NDArray[np.bool_]]
) -> Iterator[Measure]:
    yield from headline(success, "Not the share of records that can be linked at all.")
    notes = {one.name: _note(one) for one in views}
    yield from of_each(success, notes)
    for one, found in zip(views, every, strict=True):
        there = np.zeros(len(success.is_train), dtype=bool)
        there[one.patient] = True
        yield Measure(
            f"direct_success[{one.name}]",
            float(found.directly.mean()),
            n_patients=len(one.patient),
            n_images=int(success.images_of[there].sum()),
            unit="share",
            direction=Direction.NEUTRAL,
            note="Both records compared directly, on patients of both sides: what needs no synthetic image.",
        )
    yield from of_outliers(success, groups)


def _note(views: Views) -> str:
    if views.name == VISITS:
        return "Two visits of a patient, or two images where no date or volume is known."
    return f"Two values of the column {views.name}; what tells these apart in general was taken off both sides alike."

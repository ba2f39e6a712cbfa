"""Can someone who holds the synthetic images single out a training patient?

To single someone out is to describe exactly one person among those in a file, without a name: "the woman of 93 with a
cavity", or "the one whose X-ray looks like this". It is the first of the three risks by which the European data
protection authorities judge whether data still concern people (Article 29 Working Party, Opinion 05/2014). Here the
attacker makes descriptions of the synthetic images alone, and we count the patients whom one fits and nobody else.

That alone means little. In any file some descriptions fit exactly one person by luck: among n people, one that fits
every n-th person does so one time in three (Cohen and Nissim 2020, doi 10.1073/pnas.1914598117). So the same
descriptions are tried on as many held-out patients, whom the generator never saw. Only what goes beyond them was
learned from the training patients themselves.

A low figure does not say that no patient can be singled out. It says that these descriptions, made from these images,
single out training patients no more often than strangers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.holdings import holdings
from synthaudit.attackers.isolating import RELABELINGS, isolating_success
from synthaudit.attackers.measures import AGAIN, answer, chart, headline, of_each, of_outliers
from synthaudit.attackers.outliers import outlier_groups
from synthaudit.attackers.success import Success
from synthaudit.finding import Direction, Finding, Measure
from synthaudit.probe import Evidence, Need

NOTES = {
    "ball_narrow": "Description: looks like this synthetic image, within half the way to the next synthetic one.",
    "ball_wide": "The same within three quarters of that way: more copies, and more strangers.",
    "record_whole": "Description: all that is written beside a synthetic image, ages to the year.",
    "record_rare": "Description: the fewest values, three at most, that only one synthetic record has together.",
}
NO_RECORDS = (
    "nothing is written beside the synthetic images (sex, age, label, ...) that is known of the patients, too; rows "
    "for synthetic images in the metadata table would open this question."
)


@dataclass(frozen=True, slots=True)
class SinglingOut:
    """The probe `singling-out`."""

    name: ClassVar[str] = "singling-out"
    question: ClassVar[str] = "Can someone who holds the synthetic images single out a training patient?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Every kind of description, tried on as many patients of each side.

        Raises:
            NotEnoughData: Fewer than 10 patients on a side, or 10 synthetic images.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            held = holdings(evidence)
            relabelings = min(RELABELINGS, evidence.settings.relabelings)
            success, n = isolating_success(held, relabelings, rng)
            groups = outlier_groups(held)
        return Finding(
            self.name,
            self.question,
            answer(
                success.highest(),
                "Descriptions made of the synthetic images single out training patients more often than others",
                "Descriptions made of the synthetic images single out training patients no more than chance explains",
                f"{n:,} patients each",
            ),
            tuple(_measures(success, n, groups)),
            (
                chart(
                    success,
                    "singling_out",
                    "Patients singled out by descriptions made of the synthetic images",
                    "share of the patients of each side",
                    f"Among {n:,} patients of each side. Intervals are Wilson's. A blind guess: the same with made-up "
                    "images and records whose traits were shuffled. What counts is training beyond held-out.",
                ),
            ),
            (
                "Descriptions of other kinds, or made with knowledge that no synthetic image holds, were not tried.",
                "One patient singled out hardly moves these shares; people copied outright are looked for one by one.",
                AGAIN,
            ),
        )


def _measures(success: Success, n: int, groups: dict[str, NDArray[np.bool_]]) -> Iterator[Measure]:
    yield from headline(success, f"Among {n:,} patients of each side; not the share who can be singled out at all.")
    yield from of_each(success, NOTES)
    if "record_whole" not in success.attacks:
        yield Measure(
            "excess[record_whole]",
            None,
            unit="share",
            direction=Direction.HIGHER_IS_WORSE,
            note=NOTES["record_whole"],
            not_measured=NO_RECORDS,
        )
    yield from of_outliers(success, groups)

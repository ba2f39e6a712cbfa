"""Can someone infer an attribute of a training patient from the synthetic images?

Inference means to learn something about a person that they did not tell: from an image of theirs, and the synthetic
images that lie nearest, an attacker guesses sex, age band, diagnosis, whatever is written beside the synthetic images.
It is the third of the three risks of the Article 29 Working Party (Opinion 05/2014).

Much can be inferred about anybody. An X-ray shows whether the chest is a man's, and any good model of the population
teaches that; this is what medical data are for. So two controls stand beside the attack. The same guesses are made for
held-out patients, whom the generator never saw: only what goes beyond them was learned from the training patients
themselves. And a model learned from held-out patients alone guesses, too: what it gets right, everybody could know
without the synthetic images.

A low figure does not say that nothing can be inferred. It says that being in the training set adds little to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.guessing import FOLDS, guessing_success, population, secrets
from synthaudit.attackers.holdings import Holdings, holdings
from synthaudit.attackers.measures import AGAIN, answer, chart, headline, of_each, of_outliers
from synthaudit.attackers.outliers import outlier_groups
from synthaudit.attackers.success import Success
from synthaudit.attributes import SMALLEST_CELL
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Chart, Direction, Finding, Measure, Series
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.newcombe import wilson

MOST_ATTRIBUTES = 10
"""In a table; of more, those that come first."""


@dataclass(frozen=True, slots=True)
class Inference:
    """The probe `inference`."""

    name: ClassVar[str] = "inference"
    question: ClassVar[str] = "Can someone infer an attribute of a training patient from the synthetic images?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Every attribute, guessed from the nearest synthetic images.

        Raises:
            NotEnoughData: No attribute is written beside the synthetic images that is known of patients, too.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):  # sums in another order have other last digits
            held = holdings(evidence)
            asked = secrets(held)[:MOST_ATTRIBUTES]
            if not asked:
                raise NotEnoughData(_nothing(held))
            success = guessing_success(held, asked, evidence.settings.relabelings, rng)
            known = population(held, asked, rng)
            groups = outlier_groups(held)
        return Finding(
            self.name,
            self.question,
            answer(
                success.highest(),
                "Attributes of training patients are guessed better than those of others",
                "Attributes of training patients are guessed no better than chance explains",
                "the guesses right, of the attribute where they differ most",
            ),
            tuple(_measures(success, known, groups)),
            (_chart(success, known),),
            (
                "Only attributes in the table were guessed, each by itself, and only from the nearest images.",
                "What a model of the population tells about somebody is not counted as a leak, however private it is.",
                AGAIN,
            ),
        )


def _nothing(held: Holdings) -> str:
    """Why nothing can be asked."""
    if not any(set(column) - {""} for column in held.synthetic.attributes.values()):
        return (
            "inference needs something written beside the synthetic images (sex, age, label, ...), found nothing; rows "
            "for synthetic images in the metadata table would open this question"
        )
    return (
        "inference needs a column with 2 to 20 values (age counts in bands, a label finding by finding) that is known "
        f"of {SMALLEST_CELL} patients of each side and of 10 synthetic images, two values in the same words for "
        "real and synthetic ones, found none; give such columns to all"
    )


def _measures(success: Success, known: NDArray[np.float64], groups: dict[str, NDArray[np.bool_]]) -> Iterator[Measure]:
    """Excess attribute by attribute; of the shares the mean, each attribute's being in the chart."""
    yield from headline(success, "Not the share of patients about whom something can be inferred.")
    yield from _overall(success, known)
    notes = {name: f"Right guesses of {name.removeprefix('finding ')}, of five neighbors." for name in success.attacks}
    yield from of_each(success, notes, rates=False)
    yield from of_outliers(success, groups)


def _overall(success: Success, known: NDArray[np.float64]) -> Iterator[Measure]:
    sides = {"train": success.is_train, "holdout": ~success.is_train}
    rows = [
        ("train_success", success.share, "train", "Right guesses from the nearest synthetic images."),
        ("holdout_success", success.share, "holdout", "The control: the same on people whom the generator never saw."),
        (
            "population_success",
            known,
            "train",
            "Right guesses on training patients of a linear model learned from held-out patients alone: what everybody "
            "could know without the synthetic images.",
        ),
    ]
    for name, shares, side, note in rows:
        there = np.isfinite(shares).any(axis=1) & sides[side]
        of_patient = np.nanmean(shares[there], axis=1)
        value = float(of_patient.mean())
        low, high = wilson(value * len(of_patient), len(of_patient))
        yield Measure(
            name,
            value,
            low,
            high,
            n_patients=int(there.sum()),
            n_images=int(success.images_of[there].sum()),
            unit="share",
            direction=Direction.HIGHER_IS_WORSE if name == "train_success" else Direction.NEUTRAL,
            note=f"{note} Mean over all attributes; Wilson's interval, as if each patient were one guess.",
        )
    there = success.tried()
    yield Measure(
        "blind_success",
        float(np.mean(success.blind)),
        n_patients=int(there.sum()),
        n_images=int(success.images_of[there].sum()),
        unit="share",
        direction=Direction.NEUTRAL,
        note="Right guesses when everybody is said to have what most synthetic images have.",
    )


def _chart(success: Success, known: NDArray[np.float64]) -> Chart:
    """The usual three, and what the population teaches."""
    made = chart(
        success,
        "inference",
        "Attributes guessed from the nearest synthetic images",
        "share of right guesses",
        f"Intervals are Wilson's. A blind guess: what most synthetic images have. Population: a model learned from "
        f"held-out patients alone, in {FOLDS} folds, on training patients. What counts is training beyond held-out.",
    )
    shares, lows, highs = [], [], []
    for name in made.series[0].x:
        column = known[success.is_train, success.attacks.index(str(name))]
        column = column[np.isfinite(column)]
        shares.append(float(column.mean()) if len(column) else float("nan"))
        low, high = wilson(shares[-1] * len(column), len(column)) if len(column) else (0.0, 1.0)
        lows.append(low)
        highs.append(high)
    extra = Series("population model", made.series[0].x, tuple(shares), tuple(lows), tuple(highs))
    return replace(made, series=(*made.series, extra))

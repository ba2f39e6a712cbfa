"""Which synthetic images show what no real image supports?

A generator can draw what is in nobody: a third lung, a lesion that obeys no anatomy, a patch of checkerboard, ribs that
end in nothing. Averages over a thousand images do not show it, and a reader cannot look at all of them. So every
synthetic image is compared with the real ones, as a whole and part by part at about the same place, and real images are
asked the same question first, each among *other* patients. What real images do as well is no hallucination, however
rare. An image is put before a reader if no more than one real image in twenty is as unusual: for images that are as
real as those of further patients, that share is one in twenty, and only what goes beyond it speaks against them.

Things that belong in no image are put into real ones, too, to learn which of them would have been noticed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.finding import Assumption, Direction, Finding, Measure
from synthaudit.image_realism.doubtful import REASONS, doubtful_images
from synthaudit.image_realism.foreign import FOREIGN
from synthaudit.image_realism.judged import TO_LOOK_AT, Judged
from synthaudit.image_realism.unusual_charts import planted_chart, score_chart, share_chart
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.patient_bootstrap import by_patient, interval_about_floor, ratio
from synthaudit.statistics.patient_conformal import more_than_fresh_p, patient_weights, unusual_share
from synthaudit.statistics.proportion import clopper_pearson

SMALLEST_CELL = 10
"""Of fewer patients no share is given in public."""
MOST_REALISM = 2.0
"""Realism scores count up to this in the mean."""
LIMITS = (
    "What is wrong in a way that some real image is, too: a lesion in the wrong patient, a left side shown as a right "
    "one, an anatomy that is possible piece by piece and not together.",
    "Things smaller than about a tenth of the side, or fainter than what real images differ by at that place: the "
    "things put in on purpose tell which were missed on these images.",
    "Where real images differ greatly from each other (skin lesions, many scanners), hardly anything stands out.",
)


@dataclass(frozen=True, slots=True)
class Hallucination:
    """The probe `hallucination`."""

    name: ClassVar[str] = "hallucination"
    question: ClassVar[str] = "Which synthetic images show what no real image supports?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """How many images a reader should look at, which, and where.

        Raises:
            NotEnoughData: Fewer than 20 real patients or 10 synthetic images.
        """
        judged = Judged.of(evidence, rng)
        shares = tuple(_shares(evidence, judged, rng))
        rest = (*_counts(evidence, judged), *_means(evidence, judged, rng), *_planted(judged))
        doubtful = doubtful_images(evidence, judged)
        return Finding(
            self.name,
            self.question,
            _answer(shares[0], rest),
            (*shares, *rest),
            (share_chart(shares), planted_chart(rest), score_chart(judged)),
            LIMITS,
            doubtful=doubtful,
        )


def _units(evidence: Evidence, judged: Judged) -> NDArray[np.intp]:
    """(m,) synthetic images that are drawn together: slices of one volume."""
    volume = evidence.synthetic.volume_index[judged.order]
    return np.where(volume >= 0, volume, volume.max(initial=-1) + 1 + np.arange(len(volume)))


def _floor_rows(evidence: Evidence, judged: Judged) -> NDArray[np.bool_]:
    """(n,) the real images that stand in for synthetic ones: the held-out ones, all if there are none."""
    held_out = ~evidence.pool.patient_is_train[judged.patient]
    return held_out if held_out.any() else np.ones(len(judged.patient), dtype=bool)


def _floor(evidence: Evidence, judged: Judged, values: NDArray[Any]) -> float | None:
    """Mean of the values (n,) over held-out patients; None for fewer than ten."""
    rows = _floor_rows(evidence, judged)
    weight = patient_weights(judged.patient)[rows]
    return float(np.average(values[rows], weights=weight)) if weight.sum() >= SMALLEST_CELL - 0.5 else None


def _shares(evidence: Evidence, judged: Judged, rng: np.random.Generator) -> Iterator[Measure]:
    """The share to look at, of all and by what is unusual."""
    unit = _units(evidence, judged)
    says = {
        "to_look_at": "Images more unusual, in a part, throughout or as a whole, than 95 % of real images among other "
        "patients' (conformal; patients count equally). Images of fresh patients: 5 %. Floor: held-out images.",
        "to_look_at[part]": "The same, by parts that stand out from their own image.",
        "to_look_at[throughout]": "The same, by all parts together: grain or sharpness that no real image has.",
        "to_look_at[whole]": "The same, by the realism score of the whole image (Kynkaanniemi 2019) on the encoders.",
    }
    for (name, note), which in zip(says.items(), (slice(None), *REASONS.values()), strict=True):
        real, made = judged.scores(which)
        value, low, high = unusual_share(made, unit, real, judged.patient, TO_LOOK_AT, rng)
        yield Measure(
            name,
            value,
            low,
            high,
            n_patients=len(np.unique(judged.patient)),
            n_images=len(made),
            floor=_floor(evidence, judged, judged.p_values(which)[0] <= TO_LOOK_AT),
            unit="share",
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note=note,
        )


def _counts(evidence: Evidence, judged: Judged) -> Iterator[Measure]:
    """More than fresh patients would give? And the images named."""
    p_values = judged.p_values()[1]
    n_patients, n_images = len(np.unique(judged.patient)), len(p_values)
    rate = evidence.settings.false_discovery_rate

    def measure(
        name: str, value: float, note: str, floor: float | None = None, p_value: float | None = None
    ) -> Measure:
        return Measure(
            name,
            value,
            n_patients=n_patients,
            n_images=n_images,
            floor=floor,
            unit="" if name.endswith("_p") else "images",
            direction=Direction.LOWER_IS_WORSE if name.endswith("_p") else Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note=note,
            p_value=p_value,
        )

    p_value = more_than_fresh_p(int((p_values <= TO_LOOK_AT).sum()), n_images, n_patients, TO_LOOK_AT)
    yield measure(
        "more_than_fresh_p",
        p_value,
        "Of so many images to look at, had they shown fresh patients (beta-binomial): exact if each patient has one "
        "image and synthetic images are drawn one by one.",
        p_value=p_value,
    )
    yield measure(
        "unsupported_images",
        int((judged.q_values <= rate).sum()),
        f"Named at a false discovery rate of {rate:.0%} (Benjamini-Hochberg). Few patients name no image: here "
        f"one alone has at best q = {min(1.0, n_images / (n_patients + 1)):.2g}.",
    )
    yield measure(
        "beyond_every_real",
        int((p_values <= 1 / (n_patients + 1) + 1e-12).sum()),
        "Images more unusual than every real one. Floor: as many as fresh patients' images would give on average.",
        floor=n_images / (n_patients + 1),
    )


def _means(evidence: Evidence, judged: Judged, rng: np.random.Generator) -> Iterator[Measure]:
    """Means over the images, beside those over held-out ones."""
    units, unit = np.unique(_units(evidence, judged), return_inverse=True)
    rows = _floor_rows(evidence, judged)
    weight = patient_weights(judged.patient)[rows]
    people, patient = np.unique(judged.patient[rows], return_inverse=True)
    images = np.bincount(unit).astype(np.float64)
    ones = np.ones(len(people))
    for name, (real, made), direction, note in (
        (
            "unsupported_area",
            judged.areas,
            Direction.HIGHER_IS_WORSE,
            "Share of the places of an image that are farther from every real part than 99 % of the places of real "
            "images are, on average; 1 % over all real images.",
        ),
        (
            "realism",
            (np.minimum(judged.look.real, MOST_REALISM), np.minimum(judged.look.other, MOST_REALISM)),
            Direction.LOWER_IS_WORSE,
            "Mean realism score (Kynkaanniemi 2019) on the encoders: below 1 an image lies beyond the reach of every "
            f"real one. A copy's has no limit, so each counts up to {MOST_REALISM:g}. Read it beside its floor only.",
        ),
    ):
        sums, theirs = by_patient(made, unit, len(units)), by_patient(real[rows] * weight, patient, len(people))
        floor = float(theirs.mean())
        low, high = interval_about_floor(
            floor,
            lambda a, b, sums=sums, theirs=theirs: ratio(sums, images, a) - ratio(theirs, ones, b),  # type: ignore[misc]
            len(units),
            len(people),
            rng,
        )
        value = float(made.mean())
        yield Measure(
            name,
            value,
            max(0.0, min(low, value)),
            max(high, value),
            n_patients=len(people),
            n_images=len(made),
            floor=floor if len(people) >= SMALLEST_CELL else None,
            unit="share" if name == "unsupported_area" else "",
            direction=direction,
            assumption=Assumption.MODEL_ASSISTED,
            note=note,
        )


def _planted(judged: Judged) -> Iterator[Measure]:
    """What would have been noticed."""
    hits, places = 0, 0
    for kind in FOREIGN:
        found, located = judged.planted_found(kind)
        hits, places = hits + int(found.sum()), places + int(located.sum())
        low, high = clopper_pearson(int(found.sum()), len(found))
        yield Measure(
            f"planted_found[{kind}]",
            float(found.mean()),
            low,
            high,
            n_patients=len(found),
            n_images=len(found),
            floor=TO_LOOK_AT,
            unit="share",
            direction=Direction.LOWER_IS_WORSE,
            assumption=Assumption.EXACT,
            note="Real images, each of another patient, with such a thing put into the middle, that a reader would be "
            "asked to look at, whole-image score aside. Floor: without anything put in.",
        )
    if not hits:
        why = "none of the things put in was found"
        yield Measure("planted_located", None, unit="share", direction=Direction.LOWER_IS_WORSE, not_measured=why)
        return
    yield Measure(
        "planted_located",
        places / hits,
        *clopper_pearson(places, hits),
        n_patients=len(np.unique(judged.planted_patient)),
        n_images=hits,
        unit="share",
        direction=Direction.LOWER_IS_WORSE,
        note="Of those found, the map is highest where the thing was put. Several were put into one patient's images, "
        "so the interval is somewhat too narrow.",
    )


def _answer(share: Measure, rest: tuple[Measure, ...]) -> str:
    """One sentence for the first page."""
    by_name = {one.name: one.value for one in rest}
    named = int(by_name["unsupported_images"] or 0)
    p_value = by_name["more_than_fresh_p"] or 0.0
    held = f"a reader should look at {share.value:.0%} of the synthetic images, where images of fresh patients give 5 %"
    if share.low is not None and share.low > TO_LOOK_AT and p_value < TO_LOOK_AT:
        found = f"More synthetic images are unusual than real ones would be: {held}"
    else:
        found = f"Synthetic images are not seen to be unusual more often than real ones: {held}"
    return f"{found}; {named or 'none'} of them {'is' if named == 1 else 'are'} named as unsupported."

"""What the verifier is worth, as measures: on real pairs of patients whom it did not learn from."""

from __future__ import annotations

from collections.abc import Iterator

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Direction, Measure
from synthaudit.reidentification.answers import Answers
from synthaudit.reidentification.quality import FMR, Quality

WORSE, BETTER = Direction.HIGHER_IS_WORSE, Direction.LOWER_IS_WORSE
MODEL = Assumption.MODEL_ASSISTED


def of_verifier(answers: Answers) -> Iterator[Measure]:
    """Of the verifier on real pairs, none of whose patients it learned from."""
    quality = answers.quality
    days = f"images of different {answers.visits.says}"
    n = quality.n_patients
    note = f"On real patients, {days}, by a model that knows neither patient of a pair. "
    yield Measure(
        "verifier_auc",
        quality.auc.value,
        quality.auc.low,
        quality.auc.high,
        floor=0.5,
        direction=BETTER,
        note=f"{note}Chance that a pair of one person is more alike than a pair of two. If its interval reaches one "
        "half, nothing else here is answered.",
        n_patients=n,
        n_images=2 * n,
        assumption=MODEL,
    )
    yield Measure(
        "verifier_eer",
        quality.eer.value,
        quality.eer.low,
        quality.eer.high,
        floor=0.5,
        unit="share",
        direction=WORSE,
        note=f"{note}Error rate where as many pairs of one person are missed as pairs of two are taken for one.",
        n_patients=n,
        n_images=2 * n,
        assumption=MODEL,
    )
    yield _recognized(quality, note)
    for name, (value, low, high), what in (
        ("verifier_precision_at_1", quality.precision_at_1, "how often the most alike image is the same person's"),
        (
            "verifier_map_at_r",
            quality.map_at_r,
            "mean average precision among the first R, the person's images",
        ),
    ):
        yield Measure(
            name,
            value,
            low,
            high,
            floor=quality.chance,
            direction=BETTER,
            note=f"{quality.n_queries} real images looked up among {quality.n_gallery}, those of the same visit left "
            f"out: {what}. Mean over patients; floor: a random order. The interval is for this gallery.",
            n_patients=quality.n_searched,
            n_images=quality.n_gallery,
            unit="share",
            assumption=MODEL,
        )


def _recognized(quality: Quality, note: str) -> Measure:
    name = "verifier_tpr_at_0.1pct_fpr"
    n = quality.n_patients
    if isinstance(quality.tpr, NotEnoughData):
        return Measure(name, None, unit="share", direction=BETTER, not_measured=str(quality.tpr))
    return Measure(
        name,
        quality.tpr.value,
        quality.tpr.low,
        quality.tpr.high,
        floor=FMR,
        unit="share",
        direction=BETTER,
        assumption=MODEL,
        note=f"{note}Share of the patients recognized where 1 pair of two people in 1,000 is taken for one.",
        n_patients=n,
        n_images=2 * n,
    )

"""The answers in pictures: who is linked, at what place people stand in the lists, and what the verifier is worth."""

from __future__ import annotations

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Chart, ChartKind, Series
from synthaudit.reidentification.answers import DEPTH, NEAREST, Answers, Linked
from synthaudit.reidentification.quality import Quality

CURVE_POINTS = 24
SIDES = ("training patients", "held-out patients")


def charts(answers: Answers) -> tuple[Chart, ...]:
    """Those that there is something to draw of; the answer first."""
    known = {kind: one for kind, one in (answers.linked or {}).items() if not isinstance(one, NotEnoughData)}
    found = [_shares(known), _places(known)] if known else []
    return (*found, _curve(answers.quality))


def _shares(linked: dict[str, Linked]) -> Chart:
    """Patients linked, of both sides."""
    kinds = tuple(linked)

    def side(name: str, ends: tuple[str, str, str]) -> Series:
        value, low, high = (tuple(getattr(linked[kind].excess, end) for kind in kinds) for end in ends)
        return Series(name, kinds, value, low, high)

    return Chart(
        "linkage",
        "Patients to whom a synthetic image is linked",
        ChartKind.INTERVALS,
        "",
        "share of the patients",
        (
            side(SIDES[0], ("train", "train_low", "train_high")),
            side(SIDES[1], ("holdout", "holdout_low", "holdout_high")),
        ),
        "Held-out patients are linked by chance alone. Where training patients are linked as often, they are not found "
        "again; the share beyond is what counts.",
    )


def _places(linked: dict[str, Linked]) -> Chart:
    """Cumulative match characteristics of both sides, and chance."""
    x = tuple(float(k) for k in range(1, DEPTH + 1))
    series = []
    for kind, one in linked.items():
        by = "" if kind == NEAREST else ", by another visit"
        series.append(Series(f"{SIDES[0]}{by}", x, tuple(_share(place.train) for place in one.places)))
        series.append(Series(f"{SIDES[1]}{by}", x, tuple(_share(place.holdout) for place in one.places)))
    gallery = max(one.gallery for one in linked.values())
    series.append(Series("chance", x, tuple(k / gallery for k in x)))
    return Chart(
        "places",
        "At what place of the list the patient stands",
        ChartKind.LINES,
        "place, or better, among all real patients",
        "share of the patients",
        tuple(series),
        "For each patient the synthetic image most like them was taken, and all real patients put in order of their "
        "likeness to it. That it was chosen for being like them lifts all lines above chance, so held-out patients are "
        "what to compare with.",
    )


def _share(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


def _curve(quality: Quality) -> Chart:
    """Patients recognized against strangers mistaken, on real pairs."""
    fmr, tmr = quality.roc
    n = quality.n_patients * (quality.n_patients - 1)
    allowed = np.unique(np.round(np.geomspace(1, n, CURVE_POINTS)).astype(int)) / n
    at = np.searchsorted(fmr, allowed + 1e-12, side="right") - 1
    return Chart(
        "verifier_roc",
        "What the verifier is worth: real pairs of one person, and of two",
        ChartKind.ROC,
        "pairs of two people taken for one (false match rate)",
        "pairs of one person recognized (true match rate)",
        (Series("verifier", tuple(float(x) for x in allowed), tuple(float(y) for y in tmr[at])),),
        f"On {quality.n_patients} real patients with two images each, none of whom it had learned from.",
    )

"""What was learned from synthetic images, in measures and pictures, each beside what real images teach."""

from __future__ import annotations

from collections.abc import Iterator

from synthaudit.attributes import SMALLEST_CELL
from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Measure, Series
from synthaudit.statistics.proportion import clopper_pearson
from synthaudit.utility.gathered import Tested
from synthaudit.utility.trained import ACCURACY, AUC, BALANCED, BOTH, ENRICHED, REAL, SYNTHETIC, UNFLAGGED

MOST_CLASSES = 5
"""Classes with measures of their own: the most common in the test set, and the rarest in training; charts hold all."""
FIGURES = {"auc": AUC, "balanced_accuracy": BALANCED, "accuracy": ACCURACY}
VARIANTS = {SYNTHETIC: "tstr", REAL: "trtr", BOTH: "both"}
"""Of measures: trained on synthetic, tested on real; trained and tested on real; trained on both."""
WAYS = {SYNTHETIC: "synthetic images", REAL: "as many real images", BOTH: "both together"}


def measures(found: Tested) -> Iterator[Measure]:
    """All of them; floors are what as many real images of other patients teach."""
    yield from _gaps(found)
    for name, which in FIGURES.items():
        for way in (SYNTHETIC, REAL, BOTH):
            floor = None if way == REAL else found.trained.figure(REAL, which)[0]
            yield _measure(found, f"{name}[{VARIANTS[way]}]", found.trained.figure(way, which), _SAYS[name], floor)
    yield _unflagged(found)
    yield from _of_classes(found)
    yield from _enriched(found)


_SAYS = {
    "auc": "Area under the ROC curve, each class against the rest, mean over classes; logistic regression on the "
    "audit's vectors, so it measures the information in these features.",
    "balanced_accuracy": "Mean over classes of the share recognized (for findings, of sensitivity and specificity).",
    "accuracy": "Share of images whose class is recognized (for findings, mean over findings).",
}


def _measure(
    found: Tested,
    name: str,
    figure: tuple[float, float, float],
    note: str,
    floor: float | None = None,
    test_patients: int = 0,
) -> Measure:
    """One measure; of a share of one class that is 0 or 1, no resample varies, so its interval is the exact one.

    How many patients a class has is told only where no class has so few that its number would follow from the others.
    """
    value, low, high = figure
    if test_patients and value in (0.0, 1.0):
        exact = clopper_pearson(round(value * test_patients), test_patients)
        low, high = min(low, exact[0]), max(high, exact[1])
    return Measure(
        name,
        value,
        min(low, value),
        max(high, value),
        n_patients=test_patients if test_patients and not _has_small_class(found) else found.patients,
        n_images=found.images,
        floor=floor,
        unit="" if name.startswith("auc") else "share",
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note=note,
    )


def _has_small_class(found: Tested) -> bool:
    return any(0 < patients < SMALLEST_CELL for patients in found.test_patients)


def _gaps(found: Tested) -> Iterator[Measure]:
    """What is lost by synthetic images instead of real ones, and gained by them beside real ones."""
    n = found.trained.images[REAL]
    yield _measure(
        found,
        "auc_gap",
        found.trained.gap(SYNTHETIC, REAL, AUC),
        f"AUC after training on {n:,.0f} synthetic images less that after as many real ones, tested on held-out "
        "patients. Other numbers of images have other gaps. Real images of one patient resemble each other, which "
        "synthetic ones need not.",
        floor=0.0,
    )
    yield _measure(
        found,
        "auc_gain",
        found.trained.gap(BOTH, REAL, AUC),
        "AUC after training on those real and synthetic images together, twice as many, less that after the real ones "
        "alone.",
        floor=0.0,
    )


def _unflagged(found: Tested) -> Measure:
    if UNFLAGGED not in found.trained.figures:
        why = "no synthetic image with a label is withheld by direct evidence, so it is auc[tstr]"
        return Measure("auc[tstr_unflagged]", None, direction=Direction.LOWER_IS_WORSE, not_measured=why)
    note = (
        f"The same without the {found.flagged} synthetic images that direct evidence withholds "
        f"({found.trained.images[UNFLAGGED]:,.0f} images): is it the copies that teach?"
    )
    floor = found.trained.figure(REAL, AUC)[0]
    return _measure(found, "auc[tstr_unflagged]", found.trained.figure(UNFLAGGED, AUC), note, floor)


def shown_classes(found: Tested) -> list[int]:
    """Numbers of the classes with measures of their own."""
    first = list(range(min(MOST_CLASSES - 1, len(found.task.classes))))
    return first if found.task.rarest in first else [*first, found.task.rarest]


def _of_classes(found: Tested) -> Iterator[Measure]:
    """Sensitivity and specificity of each class after training on synthetic images."""
    for name, which in (("sensitivity", found.trained.sensitivity), ("specificity", found.trained.specificity)):
        for k in shown_classes(found):
            yield _measure(
                found,
                f"class_{name}[{found.task.classes[k]}]",
                found.trained.figure(SYNTHETIC, which(k)),
                "After training on synthetic images; floor: on as many real ones. Patients: held-out ones who have it.",
                found.trained.figure(REAL, which(k))[0],
                found.test_patients[k],
            )


def _enriched(found: Tested) -> Iterator[Measure]:
    """What synthetic images of the rarest class add to real ones."""
    rare = found.task.classes[found.task.rarest]
    added = found.trained.images[ENRICHED] - found.trained.images[REAL]
    for name, which in (("sensitivity", found.trained.sensitivity), ("specificity", found.trained.specificity)):
        change = f"enriched_{name}[{rare}]"
        if added < 1:
            why = "no synthetic image shows the rarest class"
            yield Measure(change, None, unit="share", direction=Direction.LOWER_IS_WORSE, not_measured=why)
            continue
        before = found.trained.figure(REAL, which(found.task.rarest))[0]
        yield _measure(
            found,
            change,
            found.trained.gap(ENRICHED, REAL, which(found.task.rarest)),
            f"Change of the {name} for the class with the fewest training images when {added:,.0f} synthetic images of "
            f"it are added to real ones; before, it was {before:.2f}. The classifier weighs classes alike already, so "
            "only what these images tell counts, not their number.",
            floor=0.0,
        )


def charts(found: Tested) -> tuple[Chart, ...]:
    """Figures by way of training, and sensitivity and specificity by class."""
    by_way = [
        _series(found, label, way, tuple(FIGURES.values()), ("AUC", "balanced accuracy", "accuracy"))
        for way, label in WAYS.items()
    ]
    numbers = range(len(found.task.classes))
    rows = [f"{name}: recognized" for name in found.task.classes] + [f"{name}: kept out" for name in found.task.classes]
    which = [*(found.trained.sensitivity(k) for k in numbers), *(found.trained.specificity(k) for k in numbers)]
    by_class = [_series(found, WAYS[way], way, tuple(which), tuple(rows)) for way in (SYNTHETIC, REAL)]
    n = found.trained.images[REAL]
    return (
        Chart(
            "trained_on",
            "What a classifier learns, tested on held-out patients",
            ChartKind.INTERVALS,
            "",
            "on held-out patients",
            tuple(by_way),
            f"Trained on {n:,.0f} images each, both together on twice as many. Chance has an AUC of 0.5.",
        ),
        Chart(
            "by_class",
            f"By class of the column {found.task.column}",
            ChartKind.INTERVALS,
            "",
            "share of the held-out images",
            tuple(by_class),
            "Recognized: sensitivity. Kept out: specificity, the share of the other images that are not taken for it.",
        ),
    )


def _series(found: Tested, label: str, way: str, which: tuple[int, ...], names: tuple[str, ...]) -> Series:
    figures = [found.trained.figure(way, one) for one in which]
    low = tuple(min(one[1], one[0]) for one in figures)
    high = tuple(max(one[2], one[0]) for one in figures)
    return Series(label, names, tuple(one[0] for one in figures), low, high)

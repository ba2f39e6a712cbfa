"""What does a generator that makes one image of another keep of the patient, add, and take away?

A translator (one MR sequence to another, MR to CT, without contrast medium to with) or a progression (this year's scan
to one in five years) does not make images of nobody: it makes an image of the patient that it is given. So its output
identifies its input by design, which is no leak, and is said here so that nobody releases such images as if they showed
no one. Three things are measured. Whether an input is found again by its output alone. Whether the generator knows the
pairs that it was trained on better than the pairs of held-out patients: then its weights give away who was in its
training set. And whether it adds lesions to images without any, or takes lesions away: a doctor who reads the made
image would treat a disease that is not there, or miss one that is. A detector of lesions sees some in real images, too,
and misses some; so each share stands beside the same share in the real images of the same patients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Finding, Measure, Series
from synthaudit.paired.errors_by_pair import absolute_errors, by_curve, intensity_curve, quality
from synthaudit.paired.identification import found_again
from synthaudit.paired.lesions import FALSE_ALARMS, FEWEST_LESIONS, Lesions, lesions_seen
from synthaudit.paired.translated import TranslatedPairs, translated_sides
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.auc_bootstrap import auc_interval, resampled_aucs
from synthaudit.statistics.paired_shares import more_often_p
from synthaudit.statistics.proportion import clopper_pearson
from synthaudit.statistics.roc import auc
from synthaudit.statistics.tpr_at_fpr import tpr_at_fpr

BY_DESIGN = "An output identifies its input by design, so every output has to be handled as the patient's own image."
RATE = 0.01
QUALITY = {"mae": "of full scale", "psnr": "dB", "ssim": ""}
Errors = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The probe `pairs`.

    Attributes:
        source, target: Names of the two contrasts, for a generator that does not say which images it pairs.
        column: Of the table, in which they stand.
    """

    name: ClassVar[str] = "pairs"
    question: ClassVar[str] = (
        "What does a generator that makes one image of another keep of the patient, add, and take away?"
    )
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GENERATOR, Need.HOLDOUT})
    source: str = ""
    target: str = ""
    column: str = "contrast"

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Identification, training pairs, lesions.

        Raises:
            NotEnoughData: The generator makes no image of another, or there are too few pairs.
        """
        assert evidence.holdout is not None  # noqa: S101  (the engine checked `needs`)
        assert evidence.generator is not None  # noqa: S101
        train, holdout = translated_sides(
            evidence.train,
            evidence.holdout,
            evidence.generator,
            (self.source, self.target, self.column) if self.source and self.target else None,
            evidence.matcher.size,
            evidence.seed,
            evidence.progress,
        )
        alpha = evidence.settings.family_wise_error
        try:
            lesions: Lesions | str = lesions_seen(train, holdout)
        except NotEnoughData as error:
            lesions = str(error)
        found, known = _identified(holdout), tuple(_known(train, holdout, rng))
        changed = tuple(_lesion_measures(lesions))
        charts = () if isinstance(lesions, str) else (_chart(changed),)
        measures = (found, *known, *_quality(holdout), *changed)
        answer = " ".join((_found_sentence(found), _known_sentence(known, alpha), _lesion_sentence(changed, alpha)))
        return Finding(self.name, self.question, answer, measures, charts, _limits(holdout, lesions))


def _identified(holdout: TranslatedPairs) -> Measure:
    """How often a held-out input is found again by its output."""
    n = len(holdout.pairs)
    by_made, by_real = (int(found_again(images, holdout.source).sum()) for images in (holdout.made, holdout.target))
    low, high = clopper_pearson(by_made, n)
    return Measure(
        "identified_by_output",
        by_made / n,
        low,
        high,
        n_patients=n,
        n_images=n,
        floor=by_real / n,
        unit="share",
        direction=Direction.NEUTRAL,
        assumption=Assumption.UNCALIBRATED,
        note=f"Held-out inputs found again, among all {n}, by the edges of their output alone; chance is 1 in {n}. "
        "Floor: by the real target image. A property of such generators, not a leak: " + BY_DESIGN,
    )


def _known(train: TranslatedPairs, holdout: TranslatedPairs, rng: np.random.Generator) -> Iterator[Measure]:
    """Whether training pairs are known better, alone and beyond how difficult a pair is."""
    # Fitted to both sides at once: a curve of the training side alone would make that side look easy.
    both = (np.concatenate([train.source, holdout.source]), np.concatenate([train.target, holdout.target]))
    curve = intensity_curve(*both)
    errors = [absolute_errors(side.made, side.target) for side in (train, holdout)]
    hard = [absolute_errors(by_curve(side.source, curve), side.target) for side in (train, holdout)]
    relative = [error / np.maximum(difficulty, 1e-6) for error, difficulty in zip(errors, hard, strict=True)]
    asked = (
        ("", errors, Direction.HIGHER_IS_WORSE, "How often a training pair has the smaller mean absolute error."),
        (
            "[relative]",
            relative,
            Direction.HIGHER_IS_WORSE,
            "The same with each error divided by that of a curve of intensities: easy pairs do not count as known.",
        ),
        (
            "[difficulty]",
            hard,
            Direction.NEUTRAL,
            "The same by the error of a curve of intensities, fitted to both sides, which can remember nobody. Away "
            "from one half, the sides differ by themselves.",
        ),
    )
    measures = [
        _auc_measure(f"training_pair_auc{which}", train_errors, holdout_errors, direction, note, rng)
        for which, (train_errors, holdout_errors), direction, note in asked
    ]
    n = len(train.pairs) + len(holdout.pairs)
    for measure in (*measures, _rate(relative)):
        yield replace(measure, n_patients=n, n_images=n)


def _auc_measure(
    name: str, train: Errors, holdout: Errors, direction: Direction, note: str, rng: np.random.Generator
) -> Measure:
    members, others = -train, -holdout
    drawn = resampled_aucs(members[:, None], others[:, None], rng)[:, 0]
    low, high = auc_interval(members, others, drawn)
    return Measure(
        name,
        auc(members, others),
        low,
        high,
        floor=0.5,
        p_value=float(mannwhitneyu(members, others, alternative="greater").pvalue),
        direction=direction,
        assumption=Assumption.EXACT,
        note=f"{note} One pair a patient; interval by bootstrap over patients.",
    )


def _rate(relative: list[Errors]) -> Measure:
    name = "training_pair_tpr_at_1pct_fpr"
    try:
        found = tpr_at_fpr(-relative[0], -relative[1], RATE)
    except NotEnoughData as error:
        return Measure(name, None, unit="share", not_measured=str(error))
    return Measure(
        name,
        found.value,
        found.low,
        found.high,
        floor=found.chance,
        unit="share",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.EXACT,
        note="Training patients named by their relative error where at most 1 % of held-out patients would be.",
    )


def _quality(holdout: TranslatedPairs) -> Iterator[Measure]:
    """MAE, PSNR and SSIM on held-out pairs, each beside the input as it is."""
    n = len(holdout.pairs)
    for which, images in (("", holdout.made), ("[input]", holdout.source)):
        for (name, unit), value in zip(QUALITY.items(), quality(holdout.target, images), strict=True):
            known = np.isfinite(value)
            yield Measure(
                name + which,
                value if known else None,
                n_patients=n,
                n_images=n,
                unit=unit,
                not_measured=None if known else "an image equals its target, so the ratio has no value",
                note=("The input left as it is" if which else "The made image") + " against the real target, held-out "
                "patients; as in SynthRAD2023, on displayed gray values, without a mask.",
            )


def _lesion_measures(lesions: Lesions | str) -> Iterator[Measure]:
    names = ("hallucinated_lesions", "erased_lesions")
    if isinstance(lesions, str):
        yield from (Measure(name, None, unit="share", not_measured=lesions) for name in names)
        return
    yield _share(
        names[0],
        lesions.free_made,
        lesions.free_real,
        "Held-out patients without a lesion in whose made image the detector sees one. Its threshold lets it see "
        f"one in at most {FALSE_ALARMS:.0%} of their real images. Floor: the share in these. p-value: made "
        "against real, patient by patient (McNemar, exact).",
    )
    n = len(lesions.lesion_real)
    if n < FEWEST_LESIONS:
        why = f"erased lesions need at least {FEWEST_LESIONS} held-out patients marked with a lesion, found {n}"
        yield Measure(names[1], None, unit="share", not_measured=why)
        return
    yield _share(
        names[1],
        ~lesions.lesion_made,
        ~lesions.lesion_real,
        "Held-out patients with a lesion in whose made image the detector does not see it; where it is, in the "
        f"{lesions.placed} marked with its place, anywhere in the others. Floor: in whose real image it does not "
        "see it either. p-value: made against real, patient by patient (McNemar, exact).",
    )


def _share(name: str, made: NDArray[np.bool_], real: NDArray[np.bool_], note: str) -> Measure:
    low, high = clopper_pearson(int(made.sum()), len(made))
    return Measure(
        name,
        float(made.mean()),
        low,
        high,
        n_patients=len(made),
        n_images=len(made),
        floor=float(real.mean()),
        p_value=more_often_p(made, real),
        unit="share",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note=note,
    )


def _chart(changed: tuple[Measure, ...]) -> Chart:
    shown = [one for one in changed if one.value is not None]
    x = tuple(one.name.replace("_", " ") for one in shown)
    real = [clopper_pearson(round((one.floor or 0.0) * one.n_patients), one.n_patients) for one in shown]
    made = [(one.value or 0.0, one.low or 0.0, one.high or 0.0) for one in shown]
    floor = [(one.floor or 0.0, *interval) for one, interval in zip(shown, real, strict=True)]
    series = tuple(
        Series(name, x, *(tuple(column) for column in zip(*rows, strict=True)))
        for name, rows in (("made image", made), ("real image", floor))
    )
    title = "Lesions in made images, beside the real images of the same patients"
    return Chart("lesions", title, ChartKind.INTERVALS, "", "share of held-out patients", series)


def _found_sentence(found: Measure) -> str:
    times = round((found.value or 0.0) * found.n_patients)
    return (
        f"{BY_DESIGN} Here {times} of {found.n_patients} held-out inputs were found again by their output alone, where "
        "chance finds 1."
    )


def _known_sentence(known: tuple[Measure, ...], alpha: float) -> str:
    by_name = {one.name: one for one in known}
    one = by_name["training_pair_auc[relative]"]
    said = f"(AUC {one.value:.2f}, interval {one.low:.2f} to {one.high:.2f})"
    if one.p_value is not None and one.p_value <= alpha:
        return f"Training pairs are known better than those of held-out patients {said}: the weights tell who was in."
    return f"That training pairs are known better than those of held-out patients is not shown {said}."


def _lesion_sentence(changed: tuple[Measure, ...], alpha: float) -> str:
    if all(one.value is None for one in changed):
        return "Whether lesions are added or taken away was not measured."
    verbs = {"hallucinated_lesions": "adds lesions", "erased_lesions": "takes lesions away"}
    shown = [verbs[one.name] for one in changed if one.p_value is not None and one.p_value <= alpha]
    asked = [verbs[one.name] for one in changed if one.value is not None]
    if shown:
        return f"The generator {' and '.join(shown)} beyond what the detector sees and misses in real images."
    return f"That the generator {' or '.join(asked)} is not shown."


def _limits(holdout: TranslatedPairs, lesions: Lesions | str) -> tuple[str, ...]:
    limits = [
        "The errors look at whole images: a pair remembered in a few pixels only is not seen.",
        "An attacker who holds the generator finds an input again more surely than by edges: by translating a gallery.",
    ]
    if holdout.pairs.unpaired:
        limits.append(f"{holdout.pairs.unpaired} held-out images without a partner were left out.")
    if not isinstance(lesions, str):
        missed = 1 - float(lesions.lesion_real.mean()) if len(lesions.lesion_real) else None
        seen = "with no lesion to try it on" if missed is None else f"and misses {missed:.0%} of those in real images"
        limits.append(f"The detector sees what is brighter or darker than usual, also noise, {seen}.")
    return tuple(limits)

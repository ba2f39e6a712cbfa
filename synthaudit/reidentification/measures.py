"""The answers as measures, each with what it rests on and what it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Direction, Measure
from synthaudit.reidentification.answers import NEAREST, OTHER, Answers, Linked
from synthaudit.reidentification.shown_again import POWER
from synthaudit.reidentification.verifier_measures import of_verifier
from synthaudit.statistics.proportion import clopper_pearson

WORSE, BETTER = Direction.HIGHER_IS_WORSE, Direction.LOWER_IS_WORSE
MODEL = Assumption.MODEL_ASSISTED
BY = {
    NEAREST: "the patient's image most like it",
    OTHER: "an image of another visit than the most alike one is of: then the person was found, and not one picture",
}


@dataclass(frozen=True, slots=True)
class _Of:
    """Patients and images behind a number."""

    patients: int
    images: int


def measures(answers: Answers, alpha: float) -> tuple[Measure, ...]:
    """Of the verifier, and of what it found; the latter not measured where it tells nobody apart."""
    quality = answers.quality
    if not quality.sees:
        why = (
            f"the verifier does not tell people apart on these images (AUC {quality.auc.value:.2f}, "
            f"{quality.auc.low:.2f} to {quality.auc.high:.2f}), so nothing follows from what it does not find"
        )
        return (*_blind(why), *of_verifier(answers))
    return (*_of_linkage(answers, alpha), *of_verifier(answers))


def _blind(why: str) -> Iterator[Measure]:
    for name in ("linkage_p", "linkage_beyond_chance", "detectable_linkage"):
        yield Measure(name, None, direction=WORSE, not_measured=why)


def _of_linkage(answers: Answers, alpha: float) -> Iterator[Measure]:
    linkage, scan = answers.linkage, answers.scan
    if linkage is None or scan is None or answers.linked is None:  # nothing was asked
        return
    n = _Of(len(linkage.number), len(linkage.rows))
    yield Measure(
        "linkage_p",
        scan.p_value,
        p_value=scan.p_value,
        direction=BETTER,
        assumption=Assumption.EXACT,
        note=f"Of training patients being no more alike to the synthetic images than held-out ones: "
        f"{len(scan.highest):,} relabelings of patients with as many images, and of each the best of all looks (the "
        "whole, the top, by the nearest image and by another visit). It says whether, not how many.",
        n_patients=n.patients,
        n_images=n.images,
    )
    yield _beyond_chance(answers, alpha, n)
    yield _detectable(answers, alpha, n)
    for kind, one in answers.linked.items():
        yield from _of_kind(kind, one, answers.p_value(kind), n)
    yield _of_images(answers, n)
    yield _shown(answers)


def _beyond_chance(answers: Answers, alpha: float, n: _Of) -> Measure:
    """What the policies look at: size where there is an effect at all."""
    found = Measure(
        "linkage_beyond_chance",
        0.0,
        0.0,
        0.0,
        floor=0.0,
        n_patients=n.patients,
        n_images=n.images,
        unit="share",
        direction=WORSE,
        assumption=MODEL,
        note="Share of the training patients linked, less that of held-out patients with as many images; by the "
        "nearest image or another visit, whichever is more, with an interval that allows for the choice. 0 where "
        f"chance is not refuted at a family-wise error of {alpha:.1%}; that says only as much as could have been seen.",
    )
    if not answers.significant(alpha):
        return found
    kinds = (answers.linked or {}).values()
    known = [one.widened for one in kinds if not isinstance(one, NotEnoughData)]
    if not known:
        why = "; ".join(sorted({str(one) for one in kinds}))
        return replace(found, value=None, low=None, high=None, not_measured=why)
    value, low, high = (max(0.0, *(getattr(one, end) for one in known)) for end in ("difference", "low", "high"))
    return replace(found, value=value, low=low, high=high)


def _detectable(answers: Answers, alpha: float, n: _Of) -> Measure:
    """What could have been seen."""
    value, why = None, None
    trained = int(answers.linkage.is_train.sum()) if answers.linkage is not None else 0
    if isinstance(answers.fewest, NotEnoughData):
        why = str(answers.fewest)
    elif answers.fewest is None:
        why = f"even if all {trained} training patients were shown in another visit, this would not be noticed reliably"
    else:
        value = answers.fewest / trained
    return Measure(
        "detectable_linkage",
        value,
        unit="share",
        direction=WORSE,
        assumption=MODEL,
        note=f"If so many training patients had been shown once each as another visit, the test would have noticed "
        f"{POWER:.0%} of the time, at a family-wise error of {alpha:.1%}. Rehearsed with real patients' other "
        "visits in the generator's place; a generator that draws people less faithfully hides more of them.",
        not_measured=why,
        n_patients=n.patients,
        n_images=n.images,
    )


def _of_kind(kind: str, one: Linked | NotEnoughData, p_value: float | None, n: _Of) -> Iterator[Measure]:
    names = [f"{stem}[{kind}]" for stem in ("linked_patients", "linkage_excess", "first_place")]
    if isinstance(one, NotEnoughData):
        for name in names:
            yield Measure(name, None, unit="share", direction=WORSE, not_measured=str(one))
        return
    excess, first = one.excess, one.places[0]
    n_patients = excess.n_train + excess.n_holdout
    yield Measure(
        names[0],
        excess.train,
        excess.train_low,
        excess.train_high,
        floor=excess.holdout,
        unit="share",
        direction=WORSE,
        assumption=Assumption.EXACT,
        note=f"Training patients with a synthetic image above the threshold, compared by {BY[kind]}. It is passed by "
        f"{100 * one.fmr:.2g} % of the pairs with held-out patients, each judged without their own. Floor: held-out "
        "patients linked. Wilson's interval.",
        n_patients=n_patients,
        n_images=n.images,
    )
    yield Measure(
        names[1],
        excess.difference,
        excess.low,
        excess.high,
        floor=0.0,
        p_value=p_value,
        unit="share",
        direction=WORSE,
        assumption=MODEL,
        note="Training patients linked less held-out ones with as many images; Newcombe's interval over patients, and "
        "the p-value of this kind of likeness within the test of all. A patient can be linked by a look-alike.",
        n_patients=n_patients,
        n_images=n.images,
    )
    yield Measure(
        names[2],
        first.train,
        first.train_low,
        first.train_high,
        floor=first.holdout,
        unit="share",
        direction=WORSE,
        assumption=Assumption.EXACT,
        note=f"Training patients who stand first of {one.gallery} real patients in the list of the synthetic image "
        "most like them. Floor: held-out patients who do; it is above chance because the image was chosen for them.",
        n_patients=n_patients,
        n_images=n.images,
    )


def _of_images(answers: Answers, n: _Of) -> Measure:
    images = answers.images
    if images is None or isinstance(images, NotEnoughData):
        return Measure("linked_images", None, unit="share", direction=WORSE, not_measured=str(images))
    return Measure(
        "linked_images",
        images.value,
        images.low,
        images.high,
        floor=images.floor,
        unit="share",
        direction=WORSE,
        assumption=MODEL,
        note=f"Synthetic images linked to anyone of {images.gallery} training patients. Floor: of as many held-out "
        "ones; the interval carries the uncertainty of both. Images are not independent, so no rule rests on this.",
        n_patients=n.patients,
        n_images=n.images,
    )


def _shown(answers: Answers) -> Measure:
    """What the threshold lets through of people who are there."""
    near = None if answers.linked is None else answers.linked[NEAREST]
    if near is None or isinstance(near, NotEnoughData):
        return Measure("recognized_if_shown", None, unit="share", direction=BETTER, not_measured=str(near))
    shown = answers.quality.shown
    hits = int((shown > near.threshold.value).sum())
    low, high = clopper_pearson(hits, len(shown))
    return Measure(
        "recognized_if_shown",
        hits / len(shown),
        low,
        high,
        n_patients=len(shown),
        n_images=2 * len(shown),
        unit="share",
        direction=BETTER,
        assumption=MODEL,
        note="Real patients who would be linked if another visit of theirs were among the synthetic images, by one "
        "image each; Clopper and Pearson's interval. A generator may draw people less faithfully.",
    )

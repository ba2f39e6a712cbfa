"""Do the files say who the patients are, beside their pixels?

An image file is a letter with an envelope. Names, dates, numbers of scanners and of records stand in the header of a
DICOM object, in the comment of a photograph, in the name of the file; a small picture of the patient may hide in a
field that no viewer shows; and text may be burned into the image itself. A generator makes pixels, and the files
around them are written by programs that are often given a training file as a template. So three things are asked of
every synthetic file. Does it say anything that one real patient's file says and no other's? Does it hold anything
that a file of nobody must not hold, by the profile of DICOM for de-identification? And does a DICOM object say that
it is synthetic?

What is equal to a training patient's file is a leak whatever the pixels show. What else is objected to is work to do
before a release: nobody can tell an invented date from a real one, so dates have to be invented recognizably.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData
from synthaudit.finding import (
    Assumption,
    Chart,
    ChartKind,
    Direction,
    Finding,
    HeaderIssue,
    Kind,
    Measure,
    Series,
    Withheld,
)
from synthaudit.headers.carry_over import carried_over
from synthaudit.headers.read import Headers
from synthaudit.headers.review import SHARED_ROOT, Review
from synthaudit.headers.text_images import BurnedIn, as_read, can_read, images_with_text, with_burned_in
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.proportion import clopper_pearson

FLOOR_IMAGES = 150
"""Held-out images looked at for burned-in text, as a floor."""
DIGEST_SIGNS = 10
BURNED_IN = "burned-in text"
REVIEW = "letters were found; look what they say"
LIMITS = (
    "A header without objection may still name someone in words that look like nothing; free text is compared with the "
    "training files', and searched for a few patterns.",
    "Burned-in text that is faint, slanted, large or painted, and all markers of one to three letters, pass unseen. An "
    "image without text found needs a look as well before it is released.",
)


@dataclass(frozen=True, slots=True)
class Phi:
    """The probe `phi`."""

    name: ClassVar[str] = "phi"
    question: ClassVar[str] = "Do the files say who the patients are, beside their pixels?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        """Headers and file names of the synthetic files, compared with the real ones'; letters in the images."""
        synthetic, train = evidence.headers(Role.SYNTHETIC), evidence.headers(Role.TRAIN)
        if synthetic is None or train is None:
            raise NotEnoughData("headers need synthetic and training images, got none")
        alpha = evidence.settings.family_wise_error
        with_text = _with_text(evidence, synthetic)
        synthetic = with_burned_in(synthetic, with_text)
        review = Review(synthetic, carried_over(synthetic, train, evidence.headers(Role.HOLDOUT), alpha=alpha), train)
        measures = (*_carried(review, evidence), *_headers(review), *_burned_in(evidence, with_text))
        charts = (_chart(review),) if review.headers.files else ()
        withheld = tuple(
            Withheld(evidence.synthetic.names[row], self.name, Kind.DIRECT, 1.0, None)
            for number in sorted(review.carrying(from_train=True) | review.carrying(from_train=False))
            for row in review.headers.files[number].rows
        )
        return Finding(
            self.name,
            self.question,
            _answer(review, with_text),
            measures,
            charts,
            (*_limits(review, evidence), *LIMITS),
            withheld=withheld,
            header_issues=(*_issues(review), *_text_issues(evidence.synthetic, with_text)),
        )


def _with_text(evidence: Evidence, headers: Headers) -> list[BurnedIn]:
    images = evidence.synthetic
    found = images_with_text(images, range(len(images)), workers=evidence.workers, progress=evidence.progress)
    order = sorted(found, key=lambda one: (-one.rows[0].signs, images.pixel_digests[one.row]))
    return as_read(order, headers.sealer)


def _count(name: str, value: int, n: int, note: str, *, unit: str = "files", floor: float | None = None,
           assumption: Assumption = Assumption.UNCALIBRATED) -> Measure:  # fmt: skip
    """A count of what is there: all files given were looked at, so it has no sampling error."""
    return Measure(name, value, value, value, n_images=n, unit=unit, direction=Direction.HIGHER_IS_WORSE, floor=floor,
                   assumption=assumption, note=note)  # fmt: skip


def _share(name: str, value: int, n: int, note: str, *, worse: Direction = Direction.HIGHER_IS_WORSE,
           floor: float | None = None) -> Measure:  # fmt: skip
    """A share of the files, and its exact interval for further files of the same making."""
    low, high = clopper_pearson(value, n)
    return Measure(name, value / n, low, high, n_images=n, unit="share", direction=worse, floor=floor, note=note)


def _carried(review: Review, evidence: Evidence) -> Iterator[Measure]:
    """What is equal to a real patient's file."""
    n = len(review.headers.files)
    holdout = evidence.headers(Role.HOLDOUT)
    assumption = Assumption.UNCALIBRATED if holdout is None else Assumption.EXACT
    if n and not review.train.ids and all(file.header.damaged for file in review.train.files):
        why = "cannot be read" if review.train.files else "did not come: there were pixels only"
        why = f"the headers of the training files {why}, so there is nothing to compare the synthetic files with"
        yield Measure("carried_over", None, unit="files", not_measured=why)
        return
    floor = None if holdout is None else len(review.carrying(from_train=False))
    ours = len(review.carrying(from_train=True))
    yield _none_if_unread(_count("carried_over", ours, n, _CARRIED, floor=floor, assumption=assumption), review)
    if holdout is not None:
        yield _none_if_unread(
            _count("carried_over_holdout", len(review.carrying(from_train=False)), n,
                   "Files that say what one held-out patient's files say and no training patient's: unique values.",
                   assumption=assumption), review)  # fmt: skip
    patients = {patient for one in review.carried if one.from_train for patient in one.patients}
    yield _count(
        "carried_over_patients", len(patients), n, "Training patients whose values these are.", unit="patients"
    )


def _none_if_unread(count: Measure, review: Review, form: str = "") -> Measure:
    """The count; but none found is no finding where files (of that form) were not read to the end, or never seen."""
    files = [file.header for file in review.headers.files if not form or file.header.form in ("", form)]
    unread = sum(header.damaged for header in files)
    if review.headers.files and (count.value or not unread):
        return count
    why = f"{unread} of the synthetic files could not be read to the end; write them again, or find out what is in them"
    why = why if review.headers.files else _PIXELS_ONLY
    return replace(count, value=None, low=None, high=None, not_measured=why)


_PIXELS_ONLY = (
    "the synthetic images came as pixels, so what their files will say was not seen; audit the files themselves"
)
_CARRIED = (
    "Files that say what one training patient's files say and no held-out patient's: unique values (ids, names, "
    "embedded pictures) at once, others only where held-out patients show that chance is no explanation."
)


def _headers(review: Review) -> Iterator[Measure]:
    """What may not stand in a synthetic file, and what must."""
    files = review.headers.files
    n = len(files)
    yield _none_if_unread(
        _count("identifying_files", sum(bool(topics) for topics in review.failed), n,
               "Files that hold what the de-identification profile (PS3.15, 2026c) removes and that is not "
               "recognizably invented, or the like in other formats; not proof that it is anybody's."),
        review)  # fmt: skip
    lacking = sum(not all(file.header.required.values()) for file in files)
    dicom = sum(file.header.form == "DICOM" for file in files)
    yield _none_if_unread(
        _count("required_tags_missing", lacking, dicom,
               "DICOM files that do not say all they must: synthetic, identity removed and how, nothing burned "
               "in, no real times, of heads whether a face shows. Nothing is asked of other files."),
        review, "DICOM")  # fmt: skip
    yield _count("damaged_headers", sum(file.header.damaged for file in files), n,
                 "Files whose header could only be read in part; nothing is known of the rest.")  # fmt: skip
    if not n:
        return
    shares = [sum(checks.values()) / len(checks) for checks in review.checks]
    clean = sum(all(met.values()) and not one.header.damaged for met, one in zip(review.checks, files, strict=True))
    yield _share("files_meeting_all_checks", clean, n, "Exact interval (Clopper and Pearson).",
                 worse=Direction.LOWER_IS_WORSE)  # fmt: skip
    yield Measure("checks_met", float(np.mean(shares)), n_images=n, unit="share", direction=Direction.LOWER_IS_WORSE,
                  note="Share of the checks that a file of its kind is asked for, averaged.")  # fmt: skip
    for check in review.topics:
        failed, asked = review.counts(check)
        if failed:
            yield _share(f"with_objection[{check}]", failed, asked, "Files objected to for this.")
    for check in review.required:
        failed, asked = review.counts(check)
        yield _share(f"required_tags_met[{check}]", asked - failed, asked, "DICOM files that it is asked of.",
                     worse=Direction.LOWER_IS_WORSE)  # fmt: skip


def _burned_in(evidence: Evidence, found: list[BurnedIn]) -> Iterator[Measure]:
    n = len(evidence.synthetic)
    floor = None
    if evidence.holdout is not None:
        digests = evidence.holdout.pixel_digests
        chosen = sorted(range(len(digests)), key=lambda row: (digests[row], row))[:FLOOR_IMAGES]
        real = images_with_text(evidence.holdout, chosen, workers=evidence.workers, progress=evidence.progress)
        floor = len(real) / len(chosen)
    note = (
        "Images with a row of four or more letters, by their strokes; the floor is that of held-out images. It needs "
        "review: letters may be “PORTABLE”, and an image without is not thereby free of text."
    )
    yield _share("burned_in_text", len(found), n, note, floor=floor)
    yield _count("burned_in_text_images", len(found), n, "The same, counted.", unit="images")
    if can_read():
        looks = sum(bool(one.looks_like) for one in found)
        says = "Of those read by Tesseract, that look like a name, a date or a record number."
        yield _count("burned_in_text_of_people", looks, len(found), says, unit="images")


def _chart(review: Review) -> Chart:
    """Share of the files objected to, for each check."""
    checks = (*review.topics, *review.required)
    counts = [review.counts(check) for check in checks]
    ends = [clopper_pearson(failed, asked) for failed, asked in counts]
    series = Series(
        "synthetic files",
        tuple(check if check in review.topics else f"not met: {check}" for check in checks),
        tuple(failed / asked for failed, asked in counts),
        *zip(*ends, strict=True),
    )
    return Chart(
        "objections",
        "What synthetic files are objected to for",
        ChartKind.INTERVALS,
        "",
        "Share of the files that are asked",
        (series,),
        "Each check with the share of files that fail it, and its exact 95 % interval. All should be 0.",
    )


def _issues(review: Review) -> Iterator[HeaderIssue]:
    """Everything objected to and everything carried over, file by file."""
    carried: dict[tuple[int, str], list[str]] = {}
    for one in review.carried:
        side = Role.TRAIN if one.from_train else Role.HOLDOUT
        carried.setdefault((one.file, one.said.where), []).append(side.value)
        yield HeaderIssue(
            review.headers.files[one.file].name,
            one.said.where,
            one.said.topic.value,
            one.said.objection or "a real patient's file says the same",
            side.value,
            tuple(sorted(one.patients)),
            one.p_value,
            one.said.digest.hex()[:DIGEST_SIGNS],
        )
    for number, file in enumerate(review.headers.files):
        for said in file.header.said:
            if said.objection and (number, said.where) not in carried:
                digest = said.digest.hex()[:DIGEST_SIGNS]
                yield HeaderIssue(file.name, said.where, said.topic.value, said.objection, digest=digest)
        if review.shares_root[number]:
            yield HeaderIssue(file.name, "unique ids", "unique ids", SHARED_ROOT)
        for check, is_met in file.header.required.items():
            if not is_met:
                yield HeaderIssue(file.name, "header", f"required: {check}", "it does not")


def _text_issues(synthetic: Cohort, found: list[BurnedIn]) -> Iterator[HeaderIssue]:
    for one in found:
        left, top, right, bottom = one.rows[0].box
        where = f"pixels {left}-{right} x {top}-{bottom}" + (f", and {len(one.rows) - 1} more" if one.rows[1:] else "")
        says = f"{REVIEW}: it looks like {one.looks_like}" if one.looks_like else REVIEW
        yield HeaderIssue(synthetic.names[one.row], where, BURNED_IN, says, crop=one.crop)


def _answer(review: Review, with_text: list[BurnedIn]) -> str:
    n, carrying = len(review.headers.files), len(review.carrying(from_train=True))
    objected = sum(bool(topics) for topics in review.failed)
    lacking = sum(not all(file.header.required.values()) for file in review.headers.files)
    text = f" Letters were found in {len(with_text)} images and need a look." if with_text else ""
    if not n:
        return f"Only pixels were given, so there is no header to read.{text}"
    forms = " and ".join(review.headers.forms) or "of unknown kind"
    if carrying:
        return f"Yes: {carrying} of {n} synthetic files ({forms}) say what one training patient's files say.{text}"
    if objected:
        return (
            f"They may: {objected} of {n} synthetic files ({forms}) hold what a file of nobody must not hold; nothing "
            f"in them was found to be a training patient's own.{text}"
        )
    missing = f", but {lacking} do not say all that a synthetic object must" if lacking else ""
    if unread := sum(file.header.damaged for file in review.headers.files):
        text = f" {unread} of them could not be read to the end.{text}"
    return f"Nothing in {n} synthetic files ({forms}) was found to say who a patient is{missing}.{text}"


def _limits(review: Review, evidence: Evidence) -> Iterator[str]:
    if review.headers.pixels_only:
        yield f"{review.headers.pixels_only} synthetic images came as pixels: what their files will say was not seen."
    if review.headers.files and not {"DICOM", "JPEG", "TIFF", "NIfTI"} & set(review.train.forms):
        yield (
            "The training images are of kinds that say little beside their pixels, so what their original headers said "
            "could not be compared."
        )
    if evidence.holdout is None:
        yield "Without a holdout, what agrees by chance cannot be told: only unique and long values were compared."

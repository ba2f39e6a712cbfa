"""From folders and a table to the cohorts of an audit, with an account of all that was left out or used with a warning.

The unit of every statistic is the patient, so what matters most here is whose image each is, and that no patient stands
on both sides: a holdout patient who was trained on makes every leak look like chance.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from synthaudit.audit_record import InputIssue
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, UnreadableImage, UsageError
from synthaudit.matching.direct import shows_something
from synthaudit.parallel import default_workers
from synthaudit.progress import Progress
from synthaudit.readers.assembly import Described, alike_but_for_case, describe, sizes_in_words
from synthaudit.readers.folder import existing_folders
from synthaudit.readers.matching import Matching, match_rows
from synthaudit.readers.rejection import REASONS
from synthaudit.readers.scan import ScannedFolder, scan_folder
from synthaudit.readers.table import MetadataTable, read_table
from synthaudit.readers.volumes import DOUBTS, attribute_columns, with_volumes

Images = str | os.PathLike[str] | Cohort
"""A folder, or a cohort made by other means."""


@dataclass(frozen=True)
class Intake:
    """What an audit works on.

    Attributes:
        train, holdout, synthetic, reference: The cohorts; None where there is none.
        issues: What was left out or used with a warning, one entry for each role and reason.
        files_left_out: (role, file, reason) of what `issues` counts. Restricted: names of patients' files.
        sizes: Role -> sizes of its images as read, such as "512 x 512"; only for roles that were read from folders.
    """

    train: Cohort
    holdout: Cohort | None
    synthetic: Cohort
    reference: Cohort | None
    issues: tuple[InputIssue, ...]
    files_left_out: tuple[tuple[str, str, str], ...] = field(repr=False)
    sizes: Mapping[str, str]


_IN_REFERENCE = (
    "Images of patients who are in training or holdout too; the reference must be independent of both, so they were "
    "left out of it. Choose other patients."
)


class _Account:
    """What was left out or used with a warning, as it comes up."""

    def __init__(self) -> None:
        self.issues, self.files = list[InputIssue](), list[tuple[str, str, str]]()

    def add(
        self, role: str, reason: str, names: Sequence[str], *, excluded: bool, count: int | None = None, says: str = ""
    ) -> None:
        """Count `names` (or `count`, if several things are in one file) under a reason; nothing if there are none."""
        number = len(names) if count is None else count
        if number:
            self.issues.append(InputIssue(str(role), reason, says or REASONS[reason], number, excluded))
            self.files += [(str(role), name, reason) for name in names]


def load(
    *,
    train: Images,
    synthetic: Images,
    holdout: Images | None = None,
    reference: Images | None = None,
    metadata: str | os.PathLike[str] | None = None,
    split: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Intake:
    """The cohorts of an audit, and what was left out of them.

    Args:
        train: Images that the generator was trained on. A `role` column in the table may divide this folder.
        synthetic: Images that the generator made; they need no row in the table.
        holdout: Real images of the same source, never trained on, of other patients.
        reference: Real, independent images.
        metadata: CSV or Parquet with the columns file and patient_id, and for volumes volume and slice; for all roles.
        split: "patients:0.5" holds out that share of the patients of `train`; whole patients, drawn with `seed`.
        seed: Of the split.
        workers: Threads that decode; all processors by default.
        progress: Where to tell how far it is.
        cache: Folder that keeps digests of pixels between audits.

    Raises:
        UsageError: The options contradict each other.
        InputError: A folder is missing, or leaves a cohort empty.
        MetadataError: The table cannot be read or contradicts itself.
    """
    given = {Role.TRAIN: train, Role.HOLDOUT: holdout, Role.SYNTHETIC: synthetic, Role.REFERENCE: reference}
    share = _share(split, holdout)
    folders = existing_folders({r: images for r, images in given.items() if not isinstance(images, Cohort | None)})
    cohorts = {role: replace(images, role=role) for role, images in given.items() if isinstance(images, Cohort)}
    table = read_table(Path(metadata)) if metadata is not None else None
    account = _Account()
    scans = {}
    for role, folder in folders.items():
        stage, threads = f"reading {role}", workers or default_workers()
        scans[role] = scan_folder(folder, stage, threads, progress or Progress(), Path(cache) if cache else None)
        _report_scan(role, scans[role], account)
    named = [role for role in Role if given[role] is not None]
    columns = table.columns if table is not None else ()
    matching = _matched(table, folders, scans, account) if table is not None else None
    used = _described(scans, matching, columns, named, account)
    for role in {Role(image.role) for image in used}:
        cohorts[role] = _cohort(role, [image for image in used if image.role == role], columns)
    for role in named:
        _need_images(role, cohorts.get(role))
    if share is not None:
        if Role.HOLDOUT in cohorts:
            raise UsageError("split needs training images only, found a holdout by the `role` column; give one of them")
        cohorts[Role.TRAIN], cohorts[Role.HOLDOUT] = split_by_patient(cohorts[Role.TRAIN], share, seed)
    _keep_apart(cohorts, account)
    _report_duplicates(cohorts, account)
    return Intake(
        cohorts[Role.TRAIN],
        cohorts.get(Role.HOLDOUT),
        cohorts[Role.SYNTHETIC],
        cohorts.get(Role.REFERENCE),
        issues=tuple(account.issues),
        files_left_out=tuple(account.files),
        sizes=sizes_in_words({role: cohort.pixel_digests for role, cohort in cohorts.items()}, used),
    )


def split_by_patient(train: Cohort, share: float, seed: int) -> tuple[Cohort, Cohort]:
    """(training, holdout): `share` of the patients, drawn at random, are held out with all their images.

    The draw depends on the patient ids and the seed alone, not on the order of the files.

    Raises:
        InputError: There are fewer than 2 patients.
    """
    patients = train.patient_ids
    if len(patients) < 2:
        raise InputError(
            f"split needs at least 2 patients in training, found {len(patients)}; give a folder of held-out images "
            f"(--holdout), or a table that says whose image each is (--metadata)"
        )
    number = min(max(round(share * len(patients)), 1), len(patients) - 1)
    drawn = np.random.default_rng(seed).permutation(len(patients))[:number]
    is_held_out = np.isin(train.patient_index, drawn)
    held_out = train.subset(np.flatnonzero(is_held_out))
    return train.subset(np.flatnonzero(~is_held_out)), replace(held_out, role=Role.HOLDOUT)


def _share(split: str | None, holdout: Images | None) -> float | None:
    if split is None:
        return None
    if holdout is not None:
        raise UsageError("split makes a holdout from training images, but a holdout was given too; give one of them")
    found = re.fullmatch(r"patients:(0?\.\d+)", split.strip())
    share = float(found[1]) if found else 0.0
    if not 0 < share < 1:
        raise UsageError(
            f"split must be patients:SHARE with a share between 0 and 1, such as patients:0.5, got {split!r}"
        )
    return share


def _report_scan(role: str, scan: ScannedFolder, account: _Account) -> None:
    reasons: dict[str, list[str]] = {}
    details: dict[str, set[str]] = {}
    for rejected in (*scan.rejected, *scan.passed_over):
        reasons.setdefault(rejected.reason, []).append(rejected.name)
        details.setdefault(rejected.reason, set()).add(rejected.detail)
    for reason, names in reasons.items():
        # Which syntax it is decides what to install, so the sentence for it names each.
        says = f"{REASONS[reason]} {'; '.join(sorted(details[reason]))}." if reason == "transfer-syntax" else ""
        account.add(role, reason, names, excluded=True, says=says)
    if not scan.images:
        counts = ", ".join(f"{len(names)} {reason}" for reason, names in sorted(reasons.items())) or "no file at all"
        raise InputError(
            f"{role} needs at least one image that can be read, found {counts}; give a folder of PNG, JPEG, TIFF, BMP, "
            f"NumPy or single-frame DICOM images"
        )


def _matched(
    table: MetadataTable, folders: Mapping[str, Path], scans: Mapping[str, ScannedFolder], account: _Account
) -> Matching:
    matching = match_rows(table, {role: (folders[role], scan.names()) for role, scan in scans.items()})
    account.add("metadata", "patient-id-space", [], excluded=False, count=table.respaced)
    account.add("metadata", "duplicate-row", [place.name for place in matching.repeated], excluded=False)
    for reason in ("no-file", "ambiguous-row"):
        account.add("metadata", reason, [row.file for row, why in matching.left_over if why == reason], excluded=True)
    return matching


def _described(
    scans: Mapping[str, ScannedFolder],
    matching: Matching | None,
    columns: Sequence[str],
    named: Sequence[str],
    account: _Account,
) -> list[Described]:
    """The images that take part, of all folders; what is in doubt goes on the account."""
    every = [image for role, scan in scans.items() for image in describe(role, scan.images, matching, columns, named)]
    images, doubtful = with_volumes(every, columns)
    for role in Role:
        mine = [image for image in images if image.role == role]
        for reason in ("no-row", "no-patient", "no-patient-volume", "role-conflict", *DOUBTS):
            names = [image.image.name for image in mine if image.doubt == reason] + doubtful[role.value, reason]
            account.add(role, reason, names, excluded=reason == "role-conflict")
        account.add(role, "patient-id-case", [], excluded=False, count=alike_but_for_case(mine))
    return [image for image in images if image.doubt != "role-conflict"]


def _cohort(role: Role, images: Sequence[Described], columns: Sequence[str]) -> Cohort:
    """The cohort of these images; its attributes are the table's columns, and those that any header fills."""
    filled = sorted({name for image in images for name in image.attributes})
    attributes = dict.fromkeys([*attribute_columns(columns), *filled])
    return Cohort(
        role=role,
        names=tuple(image.image.name for image in images),
        sources=tuple(image.image.source for image in images),
        patients=tuple(image.patient for image in images),
        known_patient=np.array([image.known_patient for image in images], dtype=np.bool_),
        attributes={name: tuple(image.attributes.get(name, "") for image in images) for name in attributes},
        pixel_digests=tuple(image.image.checked.digest for image in images),
        volumes=tuple(image.volume for image in images),
        positions=tuple(image.position for image in images),
    )


def _need_images(role: Role, cohort: Cohort | None) -> None:
    if cohort is None or len(cohort) == 0:
        raise InputError(
            f"{role} needs at least one image, found none that the table leaves to it; check the folder given for "
            f"{role} and the `role` column"
        )


def _keep_apart(cohorts: dict[Role, Cohort], account: _Account) -> None:
    """Take out of the holdout the patients who were trained on, and out of the reference all who are in either."""
    known: set[str] = set()
    for role in (Role.TRAIN, Role.HOLDOUT, Role.REFERENCE):
        cohort = cohorts.get(role)
        if cohort is None:
            continue
        shared = np.array([patient in known for patient in cohort.patients], dtype=np.bool_)
        if shared.any():
            names = [cohort.names[i] for i in np.flatnonzero(shared)]
            says = "" if role == Role.HOLDOUT else _IN_REFERENCE
            account.add(role, "patient-in-both", names, excluded=True, says=says)
        if shared.all():
            if role == Role.HOLDOUT:
                raise InputError(
                    f"holdout needs patients who are not in training, found that all {cohort.n_patients} of its "
                    f"patients are; choose other patients"
                )
            del cohorts[role]
            continue
        cohorts[role] = cohort.subset(np.flatnonzero(~shared)) if shared.any() else cohort
        known |= set(cohorts[role].patients)


def _report_duplicates(cohorts: Mapping[Role, Cohort], account: _Account) -> None:
    """Count images with equal pixels within training and holdout, and across the two."""
    train, holdout = cohorts[Role.TRAIN], cohorts.get(Role.HOLDOUT)
    for cohort in (train, holdout):
        if cohort is not None:
            first = {digest: i for i, digest in reversed(list(enumerate(cohort.pixel_digests)))}
            repeats = [cohort.names[i] for i, digest in enumerate(cohort.pixel_digests) if first[digest] < i]
            account.add(cohort.role, "duplicate-within", repeats, excluded=False)
    if holdout is None:
        return
    # Whoever is left in the holdout is no training patient, so equal pixels are under different ids.
    both = {d for d in set(train.pixel_digests) & set(holdout.pixel_digests) if _shows_someone(train, d)}
    for cohort in (train, holdout):
        names = [n for n, d in zip(cohort.names, cohort.pixel_digests, strict=True) if d in both]
        account.add(cohort.role, "duplicate-across", names, excluded=False)


def _shows_someone(cohort: Cohort, digest: str) -> bool:
    """Whether the image is more than blank: the outer slices of volumes are equal, whoever they are of."""
    try:
        return shows_something(cohort.sources[cohort.pixel_digests.index(digest)].read())
    except UnreadableImage:
        return True

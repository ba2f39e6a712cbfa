"""From images and a table to the cohorts of an audit, with an account of all that was left out or used with a warning.

The unit of every statistic is the patient, so what matters most here is whose image each is, and that no patient stands
on both sides: a holdout patient who was trained on makes every leak look like chance.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from synthaudit.audit_record import InputIssue
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, UnreadableImage, UsageError
from synthaudit.folder_cohorts import Account, Reading, need_images, read_places
from synthaudit.matching.direct import shows_something
from synthaudit.progress import Progress
from synthaudit.provenance import secret_key
from synthaudit.readers.assembly import sizes_in_words
from synthaudit.readers.table import read_table
from synthaudit.sources.location import Form, Location, located

Images = str | os.PathLike[str] | Cohort
"""A folder, an archive, the address of a PACS (see `sources.location`), or a cohort made by other means."""


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
    places = located({role: images for role, images in given.items() if not isinstance(images, Cohort | None)})
    cohorts = {role: replace(images, role=role) for role, images in given.items() if isinstance(images, Cohort)}
    table = read_table(Path(metadata)) if metadata is not None else None
    account = Account()
    reading = _reading(places, workers, progress, Path(cache) if cache else None)
    named = [role for role in Role if given[role] is not None]
    read, used = read_places(places, named, table, reading, account)
    cohorts |= read
    for role in named:
        need_images(role, cohorts.get(role))
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


def read_cohort(
    folder: str | os.PathLike[str],
    role: Role,
    *,
    metadata: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    whole_volumes: bool = False,
) -> tuple[Cohort, tuple[InputIssue, ...]]:
    """The images of one role, read as an audit reads them, and what was left out or used with a warning.

    Args:
        folder: Or archive, or PACS, of training images, or of any other role; rows of another `role` in the table are
            left out.
        role: What the folder is.
        metadata: CSV or Parquet with the columns file and patient_id.
        workers: Threads that decode; all processors by default.
        progress: Where to tell how far it is.
        whole_volumes: Whether slices of NIfTI volumes on which nothing is to be seen are read, too: an audit leaves
            them out, but a generator of volumes needs volumes of one size.

    Raises:
        InputError: The folder is missing, or holds no image that can be read and has that role.
        MetadataError: The table cannot be read or contradicts itself.
    """
    account, table = Account(), read_table(Path(metadata)) if metadata is not None else None
    places = located({role: folder})
    reading = replace(_reading(places, workers, progress, None), keep_empty=whole_volumes)
    cohorts, _ = read_places(places, [role], table, reading, account)
    need_images(role, cohorts.get(role))
    return cohorts[role], tuple(account.issues)


def _reading(
    places: Mapping[str, Location], workers: int | None, progress: Progress | None, cache: Path | None
) -> Reading:
    """How to read; the secret is asked for only where something is kept under it."""
    from_pacs = any(place.form is Form.PACS for place in places.values())
    key = secret_key() if from_pacs and cache is not None else None
    return Reading(workers, progress or Progress(), cache, key)


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


def _keep_apart(cohorts: dict[Role, Cohort], account: Account) -> None:
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


def _report_duplicates(cohorts: Mapping[Role, Cohort], account: Account) -> None:
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

"""Folders, archives, a PACS and a table to cohorts by role, with an account of what was left out or doubted.

What an audit and a fit have in common: whoever reads one cohort alone must read it as an audit does, or the generator
is fitted to other images than the audit believes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from synthaudit.audit_record import InputIssue
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError
from synthaudit.parallel import default_workers
from synthaudit.progress import Progress
from synthaudit.readers.assembly import Described, alike_but_for_case, describe
from synthaudit.readers.matching import Matching, match_rows
from synthaudit.readers.rejection import REASONS
from synthaudit.readers.scan import ScannedFolder
from synthaudit.readers.table import MetadataTable
from synthaudit.readers.volumes import DOUBTS, attribute_columns, with_volumes
from synthaudit.sources.location import Keeping, Location, opened_at
from synthaudit.sources.opened import Opened
from synthaudit.sources.own_rows import with_own_rows
from synthaudit.sources.scanned import scanned


@dataclass(frozen=True, slots=True)
class Reading:
    """How folders are read.

    Attributes:
        workers: Threads that decode; all processors if None.
        progress: Where to tell how far it is.
        cache: Folder that keeps digests of pixels between audits.
        key: The institution's secret, under which headers from a PACS are kept in `cache`; None keeps none.
        keep_empty: Whether slices of NIfTI volumes on which nothing is to be seen are images, too.
    """

    workers: int | None
    progress: Progress
    cache: Path | None
    key: bytes | None = None
    keep_empty: bool = False


class Account:
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


def read_places(
    places: Mapping[str, Location],
    named: Sequence[str],
    table: MetadataTable | None,
    reading: Reading,
    account: Account,
) -> tuple[dict[Role, Cohort], list[Described]]:
    """The cohorts that are found there, and the images they are made of.

    Args:
        places: Role -> its folder, archive or PACS. A `role` column in the table may divide the training images.
        named: Every role that images are given for, by a place or not; the training images are not divided into these.
        table: Whose image each is.
        reading: How to read.
        account: Where to say what was left out.

    Raises:
        InputError: A place holds no image that can be read, or a PACS stopped answering.
    """
    scans: dict[str, ScannedFolder] = {}
    opened: dict[str, Opened] = {}
    for role, place in places.items():
        threads = reading.workers or default_workers()
        opened[role] = opened_at(place, Keeping(reading.cache, reading.key))
        stage, empty = f"reading {role}", reading.keep_empty
        scans[role] = scanned(opened[role], stage, threads, reading.progress, reading.cache, keep_empty=empty)
        if lost := opened[role].lost():
            _refuse_incomplete(role, lost, len(opened[role].listing.files))
        _report_scan(role, scans[role], account)
    used, columns = described_images(opened, scans, named, table, account)
    roles = {Role(image.role) for image in used}
    return {role: cohort_of(role, [image for image in used if image.role == role], columns) for role in roles}, used


def described_images(
    opened: Mapping[str, Opened],
    scans: Mapping[str, ScannedFolder],
    named: Sequence[str],
    table: MetadataTable | None,
    account: Account,
) -> tuple[list[Described], Sequence[str]]:
    """The images that take part, with what the table, the source and the headers say of each; and the columns.

    Args:
        opened, scans: Role -> its source, and what was found there.
        named: As in `read_places`.
        table: Whose image each is.
        account: Where to say what is in doubt.
    """
    columns = table.columns if table is not None else ()
    matching = _matched(table, opened, scans, account) if table is not None else None
    matching, columns = with_own_rows(matching, columns, {role: one.columns for role, one in opened.items()})
    return _described(scans, matching, columns, named, account), columns


def need_images(role: Role, cohort: Cohort | None) -> None:
    """Refuse a role that is left without images.

    Raises:
        InputError: It is.
    """
    if cohort is None or len(cohort) == 0:
        raise InputError(
            f"{role} needs at least one image, found none that the table leaves to it; check the folder given for "
            f"{role} and the `role` column"
        )


def _report_scan(role: str, scan: ScannedFolder, account: Account) -> None:
    reasons: dict[str, list[str]] = {}
    details: dict[str, set[str]] = {}
    for rejected in (*scan.rejected, *scan.passed_over):
        reasons.setdefault(rejected.reason, []).append(rejected.name)
        details.setdefault(rejected.reason, set()).add(rejected.detail)
    for reason, names in reasons.items():
        # Which syntax it is decides what to install, so the sentence for it names each.
        says = f"{REASONS[reason]} {'; '.join(sorted(details[reason]))}." if reason == "transfer-syntax" else ""
        account.add(role, reason, names, excluded=True, says=says)
    for reason in dict.fromkeys(note.reason for note in scan.notes):
        account.add(role, reason, [note.name for note in scan.notes if note.reason == reason], excluded=False)
    if not scan.images:
        counts = ", ".join(f"{len(names)} {reason}" for reason, names in sorted(reasons.items())) or "no file at all"
        raise InputError(
            f"{role} needs at least one image that can be read, found {counts}; give a folder of PNG, JPEG, TIFF, BMP, "
            f"NumPy, DICOM or NIfTI images"
        )


def _refuse_incomplete(role: str, lacking: int, listed: int) -> NoReturn:
    """A PACS that went away took images with it: without them there must be no verdict."""
    raise InputError(
        f"{role} needs all of its images, found that {lacking} of {listed} instances were not retrieved: the PACS "
        f"stopped answering, or does not let us in any more. What was read is kept (unless --no-cache); run the same "
        f"command again to go on"
    )


def _matched(
    table: MetadataTable, opened: Mapping[str, Opened], scans: Mapping[str, ScannedFolder], account: Account
) -> Matching:
    matching = match_rows(table, {role: (opened[role].place, scan.names()) for role, scan in scans.items()})
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
    account: Account,
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


def cohort_of(role: Role, images: Sequence[Described], columns: Sequence[str]) -> Cohort:
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

"""Folders and a table to cohorts by role, with an account of what was left out or used with a warning.

What an audit and a fit have in common: whoever reads one cohort alone must read it as an audit does, or the generator
is fitted to other images than the audit believes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthaudit.audit_record import InputIssue
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError
from synthaudit.parallel import default_workers
from synthaudit.progress import Progress
from synthaudit.readers.assembly import Described, alike_but_for_case, describe
from synthaudit.readers.matching import Matching, match_rows
from synthaudit.readers.rejection import REASONS
from synthaudit.readers.scan import ScannedFolder, scan_folder
from synthaudit.readers.table import MetadataTable
from synthaudit.readers.volumes import DOUBTS, attribute_columns, with_volumes


@dataclass(frozen=True, slots=True)
class Reading:
    """How folders are read.

    Attributes:
        workers: Threads that decode; all processors if None.
        progress: Where to tell how far it is.
        cache: Folder that keeps digests of pixels between audits.
    """

    workers: int | None
    progress: Progress
    cache: Path | None


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


def read_folders(
    folders: Mapping[str, Path], named: Sequence[str], table: MetadataTable | None, reading: Reading, account: Account
) -> tuple[dict[Role, Cohort], list[Described]]:
    """The cohorts that these folders hold, and the images they are made of.

    Args:
        folders: Role -> its folder. A `role` column in the table may divide the training folder.
        named: Every role that images are given for, from folders or not; the training folder is not divided into these.
        table: Whose image each is.
        reading: How to read.
        account: Where to say what was left out.

    Raises:
        InputError: A folder holds no image that can be read.
    """
    scans = {}
    for role, folder in folders.items():
        threads = reading.workers or default_workers()
        scans[role] = scan_folder(folder, f"reading {role}", threads, reading.progress, reading.cache)
        _report_scan(role, scans[role], account)
    columns = table.columns if table is not None else ()
    matching = _matched(table, folders, scans, account) if table is not None else None
    used = _described(scans, matching, columns, named, account)
    roles = {Role(image.role) for image in used}
    return {role: _cohort(role, [image for image in used if image.role == role], columns) for role in roles}, used


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
    if not scan.images:
        counts = ", ".join(f"{len(names)} {reason}" for reason, names in sorted(reasons.items())) or "no file at all"
        raise InputError(
            f"{role} needs at least one image that can be read, found {counts}; give a folder of PNG, JPEG, TIFF, BMP, "
            f"NumPy or single-frame DICOM images"
        )


def _matched(
    table: MetadataTable, folders: Mapping[str, Path], scans: Mapping[str, ScannedFolder], account: Account
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

"""What a set of images is, by its files, headers and table; pixels of a sample only.

Counts are printed for the one who holds the images, and may end up in a log: so no id, no name of a file and no value
of a header is among them, and groups of fewer than ten patients are said to be that.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from synthaudit.attributes import MOST_VALUES, NOT_GROUPS, SMALLEST_CELL, patient_values, suppressed
from synthaudit.audit_record import InputIssue
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError
from synthaudit.folder_cohorts import Account, cohort_of, described_images
from synthaudit.inspection.close_look import CloseLook, close_look, spread
from synthaudit.parallel import default_workers
from synthaudit.progress import Progress
from synthaudit.readers.digest_cache import Checked
from synthaudit.readers.item_volumes import with_volumes
from synthaudit.readers.items import Item, items_in
from synthaudit.readers.rejection import REASONS, Rejected
from synthaudit.readers.scan import ScannedFolder, ScannedImage
from synthaudit.readers.table import read_table
from synthaudit.sources.location import Keeping, located, opened_at

LOOKED_AT = 64
"""Images decoded unless asked otherwise: a minute at the most."""
_UNSEEN = Checked("", 0, 0)
MODALITIES = frozenset(
    {
        *("BI", "CR", "CT", "DG", "DM", "DX", "ES", "GM", "IO", "IVOCT", "IVUS", "LS", "MG", "MR", "NM", "OCT", "OP"),
        *(
            "OPM",
            "OPT",
            "OPV",
            "OT",
            "PT",
            "PX",
            "RF",
            "RG",
            "RTIMAGE",
            "SC",
            "SEG",
            "SM",
            "TG",
            "US",
            "VL",
            "XA",
            "XC",
        ),
    }
)
"""Codes of DICOM (PS3.3, C.7.3.1.1.1) that images have; whatever else stands there is told of ten patients only."""
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute.

    Attributes:
        name: Of the column.
        values: How many different values there are.
        counts: Value -> patients, of the values that ten patients or more share; a rarer one could point at somebody.
            One more is left out where the number of a rarer one would follow.
        missing: Patients without a value; None if fewer than ten, but some.
    """

    name: str
    values: int
    counts: Mapping[str, int]
    missing: int | None

    @property
    def is_group(self) -> bool:
        """Whether the column divides the patients, and does not just number or measure them."""
        return 2 <= self.values <= MOST_VALUES


@dataclass(frozen=True, slots=True)
class Inspection:
    """A set of images, looked at.

    Attributes:
        form: How they are packed: "folder", "zip", "PACS", ...
        files: Files that may hold images.
        images: Images in them, by their headers.
        volumes: Volumes that some of these are slices of.
        formats: Kind of file -> files.
        modalities: Modality by header or table -> images; "" where it is not said, "other" where it is no code.
        roles: Role in the table -> images.
        patients: Distinct patients, those without an id left out.
        several_images: Patients with two images or more that are not slices of one volume.
        several_visits: Patients with two study dates or more.
        unknown_patient: Images whose patient is not known.
        columns: What is known of the patients.
        look: What decoding a sample showed.
        issues: What is wrong, one entry for each reason.
    """

    form: str
    files: int
    images: int
    volumes: int
    formats: Mapping[str, int]
    modalities: Mapping[str, int]
    roles: Mapping[str, int]
    patients: int
    several_images: int
    several_visits: int
    unknown_patient: int
    columns: tuple[Column, ...]
    look: CloseLook
    issues: tuple[InputIssue, ...]


def inspect(
    path: str | os.PathLike[str],
    *,
    metadata: str | os.PathLike[str] | None = None,
    look_at: int | None = LOOKED_AT,
    workers: int | None = None,
    progress: Progress | None = None,
    cache: str | os.PathLike[str] | None = None,
    key: bytes | None = None,
) -> Inspection:
    """Look at a folder, an archive or a PACS as an audit would, without deciding or keeping anything.

    Args:
        path: What would be given as `train`.
        metadata: CSV or Parquet with the columns file and patient_id.
        look_at: How many images to decode, evenly over all; None decodes every one.
        workers: Threads that decode.
        progress: Where to tell how far it is.
        cache: Where a compressed archive may be unpacked, and headers of a PACS kept.
        key: The institution's secret; without it nothing of a PACS is kept.

    Raises:
        InputError: There is nothing, or nothing that may be an image.
        MetadataError: The table cannot be read or contradicts itself.
    """
    progress, account = progress or Progress(), Account()
    role = Role.TRAIN.value
    place = located({role: path})[role]
    opened = opened_at(place, Keeping(Path(cache) if cache else None, key))
    table = read_table(Path(metadata)) if metadata is not None else None
    found, notes = with_volumes(items_in(opened.listing.files, "headers", progress))
    items = [item for item in found if isinstance(item, Item)]
    if not items:
        raise InputError(
            f"an inspection needs at least one file that may be an image, found {len(opened.listing.passed_over)} "
            f"other files and {len(found)} that cannot be read; give a folder, an archive or a PACS with images"
        )
    look = close_look(spread(items, look_at), workers or default_workers(), progress)
    rejected = [item for item in found if isinstance(item, Rejected)]
    _account_for(account, [*rejected, *look.rejected, *opened.listing.passed_over], notes)
    scan = ScannedFolder(tuple(map(_unseen, items)), (), opened.listing.passed_over)
    # As training images, so that a `role` column may divide them.
    images, columns = described_images({role: opened}, {role: scan}, [role], table, account)
    cohort = cohort_of(Role.TRAIN, [replace(image, role=role) for image in images], columns)
    return Inspection(
        form=place.form.value,
        files=len(opened.listing.files),
        images=len(items),
        volumes=len(cohort.volume_ids),
        formats=Counter(file.kind.value for file in opened.listing.files),
        modalities=_modalities(cohort),
        roles=Counter(str(image.role) for image in images),
        patients=len({p for p, known in zip(cohort.patients, cohort.known_patient, strict=True) if known}),
        several_images=_with_several(cohort, [v or n for v, n in zip(cohort.volumes, cohort.names, strict=True)]),
        several_visits=_with_several(cohort, cohort.attributes.get("study_date", ("",) * len(cohort))),
        unknown_patient=int((~cohort.known_patient).sum()),
        columns=tuple(_column(cohort, name) for name in sorted(cohort.attributes) if name not in NOT_GROUPS),
        look=look,
        issues=tuple(account.issues),
    )


def _unseen(item: Item) -> ScannedImage:
    return ScannedImage(item.name, item.file.name, item.source, _UNSEEN, item.header, item.volume, item.position)


def _account_for(account: Account, rejected: list[Rejected], notes: list[Rejected]) -> None:
    for found, excluded in ((rejected, True), (notes, False)):
        for reason in dict.fromkeys(one.reason for one in found):
            mine = [one for one in found if one.reason == reason]
            details = "; ".join(sorted({one.detail for one in mine}))
            says = f"{REASONS[reason]} {details}." if reason == "transfer-syntax" else ""
            account.add(Role.TRAIN, reason, [one.name for one in mine], excluded=excluded, says=says)


def _with_several(cohort: Cohort, told: list[str] | tuple[str, ...]) -> int:
    """Known patients of whom two different things are told."""
    of_patient: dict[str, set[str]] = {}
    for patient, known, thing in zip(cohort.patients, cohort.known_patient, told, strict=True):
        if known and thing:
            of_patient.setdefault(patient, set()).add(thing)
    return sum(len(things) > 1 for things in of_patient.values())


def _modalities(cohort: Cohort) -> Mapping[str, int]:
    if "modality" not in cohort.attributes:
        return {"": len(cohort)}
    told = _column(cohort, "modality").counts

    def name(value: str) -> str:
        code = value.partition("-")[0]
        return value if not value or value in told else code if code in MODALITIES else OTHER

    return Counter(name(value.strip()) for value in cohort.attributes["modality"])


def _column(cohort: Cohort, name: str) -> Column:
    counts = Counter(patient_values(cohort, name))
    missing = counts.pop("", 0)
    shown = {value: counts[value] for value in sorted(set(counts) - suppressed(counts))}
    return Column(name, len(counts), shown, None if 0 < missing < SMALLEST_CELL else missing)

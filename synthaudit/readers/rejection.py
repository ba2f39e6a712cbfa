"""Why a file or a row was left out, or used with a warning: stable codes, and the sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from synthaudit.errors import UnreadableImage

REASONS: Mapping[str, str] = MappingProxyType(
    {
        # Files that are no image, or not one that we can read.
        "not-an-image": "Files of other kinds (text, tables, hidden files) were passed over; nothing to do.",
        "unsupported-format": "Images in a format that is not read here; convert them to PNG, TIFF, JPEG, BMP, NumPy, "
        "DICOM or NIfTI.",
        "empty-file": "Files of zero bytes; copy them again from where they came.",
        "wrong-content": "Files whose content is not what their name says; export them again.",
        "truncated": "Files that end too early, often a broken download or a full disk; copy them again.",
        "corrupt": "Files that start as an image but cannot be decoded; export them again.",
        "cannot-open": "Files that cannot be opened; check that they exist and that you may read them.",
        "too-small": "Images with a side under 8 pixels, which hold no anatomy; remove them.",
        "too-large": "Images too large to decode (above 1,000,000,000 pixels, or more memory than there is); "
        "reduce them first.",
        "not-finite": "Images that hold NaN or infinity; replace these values and save them again.",
        "no-pixels": "DICOM files without an image in them (reports, plans, directories); remove them.",
        "no-picture": "DICOM files whose pixels are computed about a patient and are no picture of one (segmentations, "
        "doses); remove them.",
        "multi-frame": "Files that hold several pictures; save each picture as a file of its own.",
        "transfer-syntax": "DICOM files compressed in a way that cannot be decoded here; decompress them first.",
        "pickled": "NumPy files that hold Python objects, which are unsafe to load; save plain numeric arrays.",
        "bad-shape": "Arrays that are neither an image (h, w), (h, w, 3) nor a stack (n, h, w), (n, h, w, 3); "
        "reshape them.",
        # Files in archives and on servers.
        "nested-archive": "Archives inside another archive, which are not opened; unpack them first, if images are in "
        "them.",
        "missing-file": "Images that are listed and cannot be had: a DICOMDIR, a Parquet file or a PACS names them, "
        "and does not hold them. Find out where they are; without them the set is not the one that was meant.",
        "not-in-dicomdir": "Files beside a DICOMDIR that it does not name; they were left out. If they belong to the "
        "set, remove the DICOMDIR, and all files are read.",
        "not-retrieved": "Images that the PACS did not give because it stopped answering; run the same command again.",
        # Tables and roles.
        "no-file": "Rows of the table for which no file was found; check the `file` column against the folders.",
        "ambiguous-row": "Rows of the table that fit several files equally well; write more of the path in `file`, or "
        "add a `role` column.",
        "duplicate-row": "Rows that repeat another row exactly; they were counted once.",
        "no-row": "Images without a row in the table; each counts as a patient of its own, which hides that several "
        "are of one person. Add rows for them.",
        "no-patient": "Images whose patient is not known; each counts as a patient of its own, which hides that "
        "several are of one person. Give a table with `file` and `patient_id`.",
        "no-patient-volume": "Slices of volumes whose patient is not known; each volume counts as a patient of its "
        "own, which hides that several are of one person. Give a table with `file` and `patient_id`.",
        "patient-id-space": "Patient ids with stray white space; it was removed, and ids that are then equal are one "
        "patient.",
        "patient-id-case": "Patients whose ids differ from another's only in upper and lower case; they are kept "
        "apart. Check that they are different people.",
        "role-conflict": "Images that lie in the folder of one role while the table gives another; they were left "
        "out. Correct the `role` column or move the files.",
        "patient-in-both": "Images of patients who are in the training set too; these patients were trained on, so "
        "the images were left out here. Choose other patients.",
        # Volumes.
        "volume-two-roles": "Images whose volume id stands in two roles, while a volume belongs to one; they were "
        "taken as single images. Give each volume an id of its own.",
        "volume-two-patients": "Images whose volume id stands for several patients, while a volume is of one; they "
        "were taken as single images. Give each volume an id of its own.",
        "slice-missing": "Images of a volume whose place is not known, as neither the column `slice` nor a header "
        "gives a number; they belong to their volume, but cannot be laid beside the slices of another. Fill in the "
        "number or the position in mm.",
        "slice-not-a-number": "Images of a volume with something in the column `slice` that is no number; they belong "
        "to their volume, but cannot be laid beside the slices of another. Write a number, such as 12 or -37.5.",
        "slice-repeated": "Images of a volume that stand at one position; they belong to their volume, but cannot be "
        "laid beside the slices of another. Correct the column `slice`, or give each sequence a volume of its own.",
        "slice-empty": "Slices of NIfTI volumes on which nothing is to be seen (air beyond the body); they were left "
        "out. Nothing to do.",
        "slice-not-selected": "Slices of synthetic volumes that the audit was asked to leave out (--slices): copies "
        "among them are found by their neighbors only. Ask for all slices if there is time.",
        "volume-gap": "Volumes of DICOM slices that are not evenly spaced: slices seem to be missing between others. "
        "They were used as they are; check that all files of the series are there.",
        "duplicate-across": "Images with exactly the same pixels in training and holdout under different patients; "
        "one person may stand under two ids, which hides leaks. Check these files.",
        "duplicate-within": "Images with exactly the same pixels as an earlier one of the set; they were kept. Remove "
        "repeats if they are not meant.",
    }
)
"""Stable code -> the reason in plain words, with what to do."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that took no part: its name relative to the folder, the code, and what was found in it."""

    name: str
    reason: str
    detail: str


def unreadable(error: Exception) -> UnreadableImage:
    """The error to raise for whatever a decoder raised; nothing of its text is kept, as it may hold a path."""
    if isinstance(error, UnreadableImage):
        return error
    if isinstance(error, MemoryError):
        return UnreadableImage("too-large", "needs more memory than there is; reduce the image first")
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return UnreadableImage("cannot-open", "the file cannot be opened; check that it exists and may be read")
    text = str(error).lower()
    if isinstance(error, EOFError) or any(
        word in text for word in ("truncated", "less than expected", "greater than file", "cannot reshape", "eof")
    ):
        return UnreadableImage("truncated", "the file ends before its image does; copy it again")
    return UnreadableImage("corrupt", f"the decoder failed with {type(error).__name__}; export the file again")

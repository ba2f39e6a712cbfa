"""The headers of a cohort's files, each file read once, whatever it is and wherever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from synthaudit.cohort import Cohort
from synthaudit.headers.dicom_object import dicom_header
from synthaudit.headers.file_names import name_objection
from synthaudit.headers.jpeg import jpeg_header
from synthaudit.headers.patterns import id_words
from synthaudit.headers.png import SIGNATURE, png_header
from synthaudit.headers.record import FileHeader, Topic, Weight
from synthaudit.headers.sealing import IDENTITY, Notes, Sealer
from synthaudit.headers.tiff import tiff_header
from synthaudit.headers.volumes_and_arrays import bmp_header, nifti_header, numpy_header
from synthaudit.parallel import ordered_map
from synthaudit.progress import Progress
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.stored import opened

_Reader = Callable[..., FileHeader]
OLD_DICOM = (".dcm", ".dicom", ".dic", ".ima")
LARGEST_COUNTER = 1_000_000
"""File names count up to here."""


@dataclass(frozen=True, slots=True)
class HeaderFile:
    """One file of a cohort.

    Attributes:
        name: Its path relative to its folder. Restricted.
        rows: Rows of the cohort whose images are in it.
        patients: The patients whose images these are.
        header: What it says.
    """

    name: str = field(repr=False)
    rows: tuple[int, ...]
    patients: frozenset[str] = field(repr=False)
    header: FileHeader


@dataclass(frozen=True, slots=True)
class Headers:
    """What the files of one cohort say.

    Attributes:
        files: Those whose content could be had, in the order of the cohort.
        pixels_only: Images that came as pixels, without a file.
        ids: Keyed digests of the patient ids of the table, in the domain of identities -> patient, and what it proves.
        sealer: Makes the digests.
    """

    files: tuple[HeaderFile, ...]
    pixels_only: int
    ids: dict[bytes, tuple[str, Weight]] = field(repr=False)
    sealer: Sealer = field(repr=False)

    @property
    def forms(self) -> tuple[str, ...]:
        """Kinds of files, sorted."""
        return tuple(sorted({file.header.form for file in self.files}))


def cohort_headers(
    cohort: Cohort, key: bytes, *, whole: bool, workers: int = 1, progress: Progress | None = None
) -> Headers:
    """The headers of all files of a cohort.

    Args:
        cohort: Sources with a `path` (a file on a disk or elsewhere) have a header; others are pixels only.
        key: For the digests.
        whole: Look behind the pixels, too; not needed of real files, whose values are only compared.
        workers: Threads; the result does not depend on it.
        progress: Where to tell how far it is.
    """
    sealer, progress = Sealer(key), progress or Progress()
    rows_of: dict[Any, list[int]] = {}
    pixels_only = 0
    for row, source in enumerate(cohort.sources):
        places = stored_files(source)
        for place in places:
            rows_of.setdefault(place, []).append(row)
        pixels_only += not places

    def read(item: tuple[Any, list[int]]) -> HeaderFile:
        place, rows = item
        name = cohort.names[rows[0]].partition("#")[0] if len(rows) > 1 else cohort.names[rows[0]]
        header = _with_name(file_header(place, sealer, name, whole=whole), sealer, name)
        return HeaderFile(name, tuple(rows), frozenset(cohort.patients[row] for row in rows), header)

    stage = f"headers of {cohort.role.value}"
    with library_warnings_silenced:
        read_files = tuple(ordered_map(read, progress.track(list(rows_of.items()), stage, len(rows_of)), workers))
    return Headers(read_files, pixels_only, _ids(cohort, sealer), sealer)


def stored_files(source: object) -> tuple[Any, ...]:
    """Where the bytes of an image are; () for one that came as pixels. A slice of a series may have several files."""
    path = getattr(source, "path", None)
    if path is None:
        return tuple(getattr(source, "paths", ()) or ())
    return (path,)


def file_header(place: Any, sealer: Sealer, name: str, *, whole: bool) -> FileHeader:
    """What one file says; a header that cannot be read is damaged, and never raises.

    Args:
        place: A `Path`, or anything with `open()`.
        sealer: Makes the digests.
        name: Of the file.
        whole: Look behind the pixels, too.
    """
    stem = name.rsplit("/", 1)[-1].rpartition(".")[0]
    form, read = "", None
    try:
        with opened(place) as stream:
            start = stream.read(352)
            stream.seek(0)
            form, read = _format(start, name)
            return read(stream, sealer, stem, whole=whole) if read is not None else FileHeader("")
    except Exception:  # files are broken in more ways than one can list
        return FileHeader(form, damaged=True)


def header_of_bytes(stream: BinaryIO, sealer: Sealer, name: str, *, whole: bool = True) -> FileHeader:
    """The same for a stream that is open already."""

    class Opened:
        def open(self) -> BinaryIO:
            return stream

    return file_header(Opened(), sealer, name, whole=whole)


_BY_CONTENT: tuple[tuple[tuple[bytes, ...], str, _Reader], ...] = (
    ((SIGNATURE,), "PNG", png_header),
    ((b"\xff\xd8\xff",), "JPEG", jpeg_header),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF", tiff_header),
    ((b"BM",), "BMP", bmp_header),
    ((b"\x93NUMPY",), "NumPy", numpy_header),
    ((b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c"), "NIfTI", nifti_header),
)
_BY_NAME: tuple[tuple[tuple[str, ...], str, _Reader], ...] = (
    ((".npz",), "NumPy", numpy_header),
    ((".nii.gz", ".nii"), "NIfTI", nifti_header),
)


def _format(start: bytes, name: str) -> tuple[str, _Reader | None]:
    """What kind of file it is: by its content, an archive by its name, an old DICOM file by its lack of a mark."""
    if start[128:132] == b"DICM":
        return "DICOM", dicom_header
    for marks, form, reader in _BY_CONTENT:
        if start.startswith(marks):
            return form, reader
    for endings, form, reader in _BY_NAME:
        if name.lower().endswith(endings):
            return form, reader
    old = name.lower().endswith(OLD_DICOM) or start[:1] in (b"\x08", b"\x02")
    return ("DICOM", dicom_header) if old else ("", None)


def _with_name(header: FileHeader, sealer: Sealer, name: str) -> FileHeader:
    """The header and what the file's name says; a path below the folder given is no place on a server."""
    notes = Notes(sealer, header.form)
    notes.text("the file's name", "file name", Topic.NAME, name, objection=name_objection(name), weight=Weight.COMMON)
    said = tuple(replace(one, objection=name_objection(name)) for one in notes.said)
    return replace(header, said=(*header.said, *said))


def _ids(cohort: Cohort, sealer: Sealer) -> dict[bytes, tuple[str, Weight]]:
    """Digests of the patient ids that the table gives; one that is a bare number may be anybody's counter."""
    found: dict[bytes, tuple[str, Weight]] = {}
    for patient, known in zip(cohort.patients, cohort.known_patient, strict=True):
        if known and len(patient) >= 4 and any(sign.isdigit() for sign in patient):
            for word in dict.fromkeys([patient, *id_words(patient)[:1]]):
                counter = patient.isdigit() and int(patient) < LARGEST_COUNTER
                found[sealer.seal(IDENTITY, word)] = patient, Weight.COMMON if counter else Weight.SPECIFIC
    return found

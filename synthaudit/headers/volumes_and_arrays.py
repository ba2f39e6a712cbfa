"""What NIfTI, NumPy and BMP files say beside their values: free text fields, extensions, names in archives, a tail."""

from __future__ import annotations

import ast
import gzip
import struct
import zipfile
from io import BytesIO
from typing import BinaryIO, cast

import numpy as np

from synthaudit.headers.blocks import plain_text
from synthaudit.headers.file_names import name_objection
from synthaudit.headers.record import FileHeader, Topic
from synthaudit.headers.sealing import Notes, Sealer

_GZIP_NAME, _GZIP_COMMENT, _GZIP_EXTRA = 8, 16, 4
_TAIL = "bytes at the end are to be removed"
_NIFTI_FIELDS = {
    348: (
        ("data_type", 4, 10),
        ("db_name", 14, 18),
        ("descrip", 148, 80),
        ("aux_file", 228, 24),
        ("intent_name", 328, 16),
    ),
    540: (("descrip", 240, 80), ("aux_file", 320, 24), ("intent_name", 508, 16)),
}
"""Length of the header (NIfTI-1, NIfTI-2) -> its texts: name, first byte, bytes."""
_STATISTICS = ("Zscore", "Tstat", "Corr", "mask", "Displacement", "Chi2", "Pval")


def gzip_notes(data: bytes, notes: Notes) -> None:
    """A packed file may carry the name of what was packed, and a comment."""
    if data[:2] != b"\x1f\x8b" or len(data) < 10:
        return
    flags, place = data[3], 10
    if flags & _GZIP_EXTRA:
        place += 2 + int.from_bytes(data[place : place + 2], "little")
    for flag, name in ((_GZIP_NAME, "name of the packed file"), (_GZIP_COMMENT, "comment of the packed file")):
        if flags & flag:
            end = data.find(b"\0", place)
            text = data[place:end].decode("latin-1")
            stem = text.rsplit("/", 1)[-1].partition(".")[0]
            same = bool(stem) and stem.casefold() == notes.stem.partition(".")[0].casefold()
            objection = "" if same else name_objection(text)
            notes.text("gzip", name, Topic.NAME, text, objection=objection)
            place = end + 1


def nifti_header(stream: BinaryIO, sealer: Sealer, stem: str, *, whole: bool) -> FileHeader:
    """What a NIfTI file, packed or not, says; `whole` counts its voxels, too."""
    notes = Notes(sealer, "NIfTI", stem)
    data = stream.read()
    gzip_notes(data, notes)
    packed = data[:2] == b"\x1f\x8b"
    unpacked = cast("BinaryIO", gzip.GzipFile(fileobj=BytesIO(data)) if packed else BytesIO(data))
    head = unpacked.read(544)
    order = "<" if int.from_bytes(head[:4], "little") in _NIFTI_FIELDS else ">"
    size = struct.unpack(f"{order}i", head[:4])[0]
    for name, first, length in _NIFTI_FIELDS.get(size, ()):
        text = head[first : first + length].split(b"\0")[0].decode("latin-1").strip()
        if text not in _STATISTICS:
            plain_text(f"NIfTI {name}", f"NIfTI {name}", Topic.TEXT, text, notes)
    begin = _voxels_begin(head, size, order)
    if head[size : size + 1] not in (b"", b"\0"):
        _extensions(head[size + 4 :] + unpacked.read(max(0, begin - 544)), begin - size - 4, order, notes)
    if whole:
        _behind_voxels(head, size, order, begin, unpacked, notes)
    return notes.header()


def _voxels_begin(head: bytes, size: int, order: str) -> int:
    return int(
        struct.unpack(f"{order}f", head[108:112])[0] if size == 348 else struct.unpack(f"{order}q", head[168:176])[0]
    )


def _extensions(data: bytes, length: int, order: str, notes: Notes) -> None:
    place = 0
    while place + 8 <= min(length, len(data)):
        its_length, code = struct.unpack(f"{order}ii", data[place : place + 8])
        content = data[place + 8 : place + its_length].rstrip(b"\0 ")
        notes.content(f"NIfTI extension {code}", "NIfTI extension", Topic.PRIVATE, content,
                      objection="an extension may hold a whole header of the scanner")  # fmt: skip
        if its_length < 8:
            notes.damaged = True
            return
        place += its_length


def _behind_voxels(head: bytes, size: int, order: str, begin: int, stream: BinaryIO, notes: Notes) -> None:
    at, sign, bits_at = (40, "h", 72) if size == 348 else (16, "q", 14)
    dims = struct.unpack(f"{order}8{sign}", head[at : at + 8 * struct.calcsize(sign)])
    bits = struct.unpack(f"{order}h", head[bits_at : bits_at + 2])[0]
    voxels = int(np.prod([max(1, one) for one in dims[1 : 1 + dims[0]]], dtype=np.int64))
    stream.seek(begin + voxels * bits // 8)
    notes.content("end of file", "bytes at the end", Topic.HIDDEN, stream.read(), objection=_TAIL)


def numpy_header(stream: BinaryIO, sealer: Sealer, stem: str, *, whole: bool) -> FileHeader:
    """What an .npy or .npz file says beside its array."""
    notes = Notes(sealer, "NumPy", stem)
    if stream.read(2) == b"PK":
        stream.seek(0)
        _archive(stream, notes)
    else:
        stream.seek(0)
        _array(stream, notes, whole=whole)
    return notes.header()


def _archive(stream: BinaryIO, notes: Notes) -> None:
    with zipfile.ZipFile(stream) as archive:
        plain_text(
            "zip comment", "comment of the archive", Topic.TEXT, archive.comment.decode("utf-8", "replace"), notes
        )
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            notes.text("zip member", "name of an array", Topic.NAME, name, objection=name_objection(name))
            plain_text("zip member", "comment of an array", Topic.TEXT, entry.comment.decode("utf-8", "replace"), notes)


def _array(stream: BinaryIO, notes: Notes, *, whole: bool) -> None:
    magic = stream.read(8)
    width = 2 if magic[6] == 1 else 4
    text = stream.read(int.from_bytes(stream.read(width), "little")).decode("utf-8", "replace")
    described = ast.literal_eval(text.strip())
    extra = {key: value for key, value in described.items() if key not in ("descr", "fortran_order", "shape")}
    plain_text("npy header", "NumPy header", Topic.TEXT, " ".join(map(str, extra.items())), notes)
    if not isinstance(described["descr"], str):
        plain_text("npy header", "names of fields", Topic.TEXT, str(described["descr"]), notes)
    elif whole:
        count = int(np.prod(described["shape"], dtype=np.int64)) * np.dtype(described["descr"]).itemsize
        stream.seek(count, 1)
        notes.content("end of file", "bytes at the end", Topic.HIDDEN, stream.read(), objection=_TAIL)


def bmp_header(stream: BinaryIO, sealer: Sealer, stem: str, *, whole: bool) -> FileHeader:
    """What a BMP file says: nothing but what hangs at its end."""
    notes = Notes(sealer, "BMP", stem)
    head = stream.read(38)
    size = int.from_bytes(head[2:6], "little")
    begin, of_pixels = int.from_bytes(head[10:14], "little"), int.from_bytes(head[34:38], "little")
    if whole:
        stream.seek(max(size, begin + of_pixels))
        notes.content("end of file", "bytes at the end", Topic.HIDDEN, stream.read(), objection=_TAIL)
    return notes.header()

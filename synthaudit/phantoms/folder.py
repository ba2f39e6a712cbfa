"""A cohort as a folder of PNG files and a table, the way a hospital would hand it over."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import OutputError, UsageError
from synthaudit.progress import Progress

COLUMNS = ("file", "patient_id", "sex", "age", "ethnicity", "site", "label", "study_date", "role")
"""Columns of the table; `ethnicity` holds the cohort's `group`."""


def write_folder(
    cohort: Cohort, folder: Path, table: Path | None, bits: int = 8, progress: Progress | None = None
) -> tuple[Path, ...]:
    """Write each image as a PNG under its name, and one row for each into a CSV table; returns the files in order.

    An existing table gets the rows appended, so that one table can serve the cohorts of all roles.

    Args:
        cohort: What to write; attributes it lacks are left empty.
        folder: Where the images go; made if missing.
        table: The CSV; its `file` column is relative to the table's own folder. None writes no table.
        bits: 8 or 16 a pixel; phantoms come on 256 levels, which both keep exactly.
        progress: Told about each image.

    Raises:
        OutputError: A file of that name exists already, or an existing table has other columns.
        UsageError: `bits` is neither 8 nor 16.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = tuple(folder / name for name in cohort.names)
    tracked = (progress or Progress()).track(zip(files, cohort.sources, strict=True), "writing", len(files))
    for file, source in tracked:
        write_png(source.read(), file, bits)
    if table is not None:
        _append_rows(cohort, files, table)
    return files


def write_png(image: NDArray[np.float32], file: Path, bits: int = 8) -> None:
    """Write one gray (h, w) or RGB (h, w, 3) image in [0, 1]; RGB in 8 bits only.

    Raises:
        OutputError: The file exists already.
        UsageError: `bits` is neither 8 nor 16.
    """
    encoded = png_bytes(image, bits)
    if file.exists():
        raise OutputError("an image of that name exists already; choose an empty folder")
    write_whole(file, encoded)


def png_bytes(image: NDArray[np.float32], bits: int = 8) -> bytes:
    """The PNG file of one gray (h, w) or RGB (h, w, 3) image in [0, 1]; RGB in 8 bits only.

    Raises:
        UsageError: `bits` is neither 8 nor 16.
    """
    from PIL import Image

    if bits not in (8, 16):
        raise UsageError(f"bits must be 8 or 16, got {bits}")
    levels = np.round(np.clip(image, 0, 1) * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="PNG")
    return buffer.getvalue()


def write_whole(file: Path, content: bytes) -> None:
    """Put a file in place whole or not at all, so that one that is there can be trusted after an interruption."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.part")
    partial.write_bytes(content)
    partial.replace(file)


def append_rows(table: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Add rows to a CSV table, made if missing; a row whose first cell is there already is left out.

    Raises:
        OutputError: The table has other columns.
    """
    text = io.StringIO(newline="")
    there: set[str] = set()
    if table.exists():
        text.write(table.read_bytes().decode())
        text.seek(0)
        reader = csv.reader(text)
        if tuple(next(reader, ())) != tuple(columns):
            raise OutputError("the table exists already and has other columns; name another one")
        there = {row[0] for row in reader if row}
        text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    if not table.exists():
        writer.writerow(columns)
    writer.writerows(row for row in rows if row[0] not in there)
    write_whole(table, text.getvalue().encode())


def _append_rows(cohort: Cohort, files: tuple[Path, ...], table: Path) -> None:
    blank = ("",) * len(cohort)
    named = dict(cohort.attributes)
    named.setdefault("ethnicity", named.get("group", blank))
    base = table.parent.resolve()

    def cells(row: int) -> list[str]:
        place = Path(os.path.relpath(files[row].resolve(), base))
        values = [named.get(column, blank)[row] for column in COLUMNS[2:8]]
        return [place.as_posix(), cohort.patients[row], *values, cohort.role.value]

    append_rows(table, COLUMNS, [cells(row) for row in range(len(files))])

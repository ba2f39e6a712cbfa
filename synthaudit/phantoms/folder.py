"""A cohort as a folder of PNG files and a table, the way a hospital would hand it over."""

from __future__ import annotations

import csv
import os
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
    from PIL import Image

    if bits not in (8, 16):
        raise UsageError(f"bits must be 8 or 16, got {bits}")
    if file.exists():
        raise OutputError("an image of that name exists already; choose an empty folder")
    levels = np.round(np.clip(image, 0, 1) * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(file)


def _append_rows(cohort: Cohort, files: tuple[Path, ...], table: Path) -> None:
    blank = ("",) * len(cohort)
    named = dict(cohort.attributes)
    named.setdefault("ethnicity", named.get("group", blank))
    fresh = not table.exists()
    if not fresh:
        with table.open(newline="", encoding="utf-8") as handle:
            if tuple(next(csv.reader(handle), ())) != COLUMNS:
                raise OutputError("the table exists already and has other columns; name another one")
    table.parent.mkdir(parents=True, exist_ok=True)
    base = table.parent.resolve()
    with table.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        if fresh:
            writer.writerow(COLUMNS)
        for row, file in enumerate(files):
            place = Path(os.path.relpath(file.resolve(), base))
            values = [named.get(column, blank)[row] for column in COLUMNS[2:8]]
            writer.writerow([place.as_posix(), cohort.patients[row], *values, cohort.role.value])

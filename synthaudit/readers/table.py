"""The metadata table: which file is whose, and what is known of them. CSV (comma, semicolon, tab) or Parquet."""

from __future__ import annotations

import csv
import datetime
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthaudit.errors import MetadataError
from synthaudit.readers.folder import normal_name

NEEDED = ("file", "patient_id")
ROLES = ("train", "holdout", "synthetic", "reference")
_MISSING = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nat"})
"""What spreadsheets and data frames write for a missing value, in lower case."""
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row.

    Attributes:
        file: As it is compared: "/" between parts, Unicode NFC.
        patient: Normalized id; "" where missing.
        role: One of `ROLES`; "" where the table does not say.
        values: One text for each of the table's attribute columns; "" where missing.
    """

    file: str
    patient: str = field(repr=False)
    role: str
    values: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MetadataTable:
    """The table as read.

    Attributes:
        folder: Where the table lies; `file` may be relative to it.
        columns: Names of the attribute columns, in lower case: all but file, patient_id and role.
        rows: In the order of the file.
        respaced: How many ids had white space removed.
    """

    folder: Path = field(repr=False)
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...] = field(repr=False)
    respaced: int


def normal_patient(text: str) -> str:
    r"""A patient id as it is compared: Unicode NFC, no white space around it, one space for any run inside.

    >>> normal_patient(" P\u00a0 1\t")
    'P 1'
    """
    return " ".join(unicodedata.normalize("NFC", text).translate(_INVISIBLE).split())


def read_table(path: Path) -> MetadataTable:
    """The table in a CSV or Parquet file, told apart by content.

    Column names are taken in any case and without the white space around them. In a CSV the separator is the one of
    comma, semicolon and tab under which the header has the columns needed.

    Raises:
        MetadataError: It cannot be opened or decoded, is empty, lacks a column, has a column twice, a row with more
            cells than the header, or a role that there is not.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        raise MetadataError(
            "the metadata table cannot be opened; check the path given as --metadata, and that it may be read"
        ) from None
    header, body = _parquet(raw) if raw[:4] == b"PAR1" else _csv(raw)
    columns = [name.strip().lower() for name in header]
    _check_columns(columns)
    if not body:
        raise MetadataError("the metadata table needs at least one row, found only a header; add a row for each image")
    where = {name: i for i, name in enumerate(columns)}
    attributes = tuple(name for name in columns if name not in (*NEEDED, "role"))
    rows, respaced = [], 0
    for cells in body:
        patient = normal_patient(cells[where["patient_id"]])
        respaced += patient != unicodedata.normalize("NFC", cells[where["patient_id"]])
        rows.append(
            TableRow(
                file=normal_name(cells[where["file"]].strip()),
                patient="" if patient.lower() in _MISSING else patient,
                role=_role(cells[where["role"]]) if "role" in where else "",
                values=tuple(cell_value(cells[where[name]]) for name in attributes),
            )
        )
    return MetadataTable(path.resolve().parent, attributes, tuple(rows), respaced)


def _check_columns(columns: Sequence[str]) -> None:
    missing = [name for name in NEEDED if name not in columns]
    # A table without a header begins with a patient.
    found = ", ".join(columns) if len(missing) < len(NEEDED) else f"{len(columns)} of other names, or no header"
    if missing:
        raise MetadataError(
            f"the metadata table needs the columns {' and '.join(NEEDED)}, missing: {', '.join(missing)}; columns "
            f"found: {found}. Rename the column that holds it, or add one"
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise MetadataError(
            f"each column of the metadata table must have a name of its own, found twice: "
            f"{', '.join(name or '(no name)' for name in twice)}; rename or remove one"
        )


def cell_value(text: str) -> str:
    """A cell as it is compared: single spaces, and "" for all that programs write where nothing is known."""
    text = " ".join(text.split())
    return "" if text.lower() in _MISSING else text


def _role(text: str) -> str:
    role = cell_value(text).lower()
    if role and role not in ROLES:
        raise MetadataError(
            f"role in the metadata table must be one of {', '.join(ROLES)} or empty, found another word; correct it"
        )
    return role


def _csv(raw: bytes) -> tuple[list[str], list[list[str]]]:
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise MetadataError(
            "the metadata table must be CSV in UTF-8 or Parquet, found bytes that are neither; save it as CSV UTF-8"
        ) from None
    if not text.strip():
        raise MetadataError("the metadata table needs a header and rows, found an empty file; add them")
    first = text.lstrip().splitlines()[0]

    def fitness(separator: str) -> tuple[int, int]:
        names = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
        return sum(name in names for name in NEEDED), len(names)

    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=fitness), strict=True)
        filled = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error:
        raise MetadataError(
            "the metadata table is not a CSV that can be read, found a broken quote or cell; save it as CSV UTF-8"
        ) from None
    header, body = filled[0][1], []
    for line, cells in filled[1:]:
        if any(cell.strip() for cell in cells[len(header) :]):
            raise MetadataError(
                f"each row of the metadata table needs at most {len(header)} cells, got {len(cells)} in line {line}; "
                f"put quotes around cells that hold the separator"
            )
        body.append(cells[: len(header)] + [""] * (len(header) - len(cells)))
    return header, body


def _parquet(raw: bytes) -> tuple[list[str], list[list[str]]]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(pyarrow.BufferReader(raw))
        columns = [[cell_text(value) for value in column.to_pylist()] for column in table.columns]
        names = [str(name) for name in table.column_names]
    except (pyarrow.ArrowException, OSError, ValueError):
        raise MetadataError(
            "the metadata table is not a Parquet file that can be read; write it again, or save it as CSV UTF-8"
        ) from None
    return names, [list(cells) for cells in zip(*columns, strict=True)]


def cell_text(value: Any) -> str:
    """A Parquet value as the CSV would have it: 45.0 is 45 (data frames store whole numbers with gaps as floats)."""
    if value is None or value != value:  # noqa: PLR0124 - only NaN and NaT differ from themselves
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)

"""What a source itself says of its images, as rows of a table: so that both are read by the same rules.

A cell of the table that was given goes before what the source says; what it leaves empty is filled from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthaudit.errors import MetadataError
from synthaudit.readers.matching import Matching, Place
from synthaudit.readers.table import ROLES, TableRow, cell_value, normal_patient

_OF_EVERY_ROW = ("file", "patient_id", "role")

OwnColumns = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Role -> file -> column -> text."""


def with_own_rows(
    matching: Matching | None, columns: Sequence[str], own: OwnColumns
) -> tuple[Matching | None, tuple[str, ...]]:
    """The rows of the table and of the sources together, and the attribute columns that they have.

    Args:
        matching: The table's rows; None without a table.
        columns: The table's attribute columns.
        own: What the sources say; empty where they say nothing.

    Raises:
        MetadataError: A source gives an image a role that there is not.
    """
    if not any(own.values()):
        return matching, tuple(columns)
    said = {name for files in own.values() for cells in files.values() for name in cells}
    wider = (*columns, *sorted(said.difference(columns, _OF_EVERY_ROW)))
    known = dict(matching.rows) if matching is not None else {}
    rows = {place: _row(place.name, row, columns, _cells(own, place), wider) for place, row in known.items()}
    for role, files in own.items():
        for name, cells in files.items():
            rows.setdefault(Place(role, name), _row(name, None, columns, cells, wider))
    left_over = matching.left_over if matching is not None else ()
    return Matching(rows, left_over, matching.repeated if matching is not None else ()), wider


def _cells(own: OwnColumns, place: Place) -> Mapping[str, str]:
    """What is said of a file, also where the place is one image of a stack in it."""
    files = own.get(place.role, {})
    return files.get(place.name) or files.get(place.name.rpartition("#")[0], {})


def _row(
    name: str, row: TableRow | None, columns: Sequence[str], cells: Mapping[str, str], wider: Sequence[str]
) -> TableRow:
    given = dict(zip(columns, row.values, strict=True)) if row is not None else {}
    patient = row.patient if row is not None else ""
    role = row.role if row is not None else ""
    return TableRow(
        file=row.file if row is not None else name,
        patient=patient or normal_patient(cell_value(cells.get("patient_id", ""))),
        role=role or _role(cells.get("role", "")),
        values=tuple(given.get(column) or cell_value(cells.get(column, "")) for column in wider),
    )


def _role(text: str) -> str:
    role = cell_value(text).lower()
    if role and role not in ROLES:
        raise MetadataError(
            f"role in a Parquet file or a sidecar must be one of {', '.join(ROLES)} or empty, found another word; "
            f"correct it or rename this column"
        )
    return role

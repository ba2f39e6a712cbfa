"""An audit that was made before, read back from its output folder or its evidence.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from synthaudit.audit_record import Audit

AUDIT = click.Path(path_type=Path)


def saved_audit(place: Path) -> Audit:
    """The audit in an output folder, or in an evidence.json.

    Raises:
        InputError: There is none, or it cannot be read.
    """
    from synthaudit.errors import InputError
    from synthaudit.evidence_file import load

    file = evidence_of(place)
    if not file.is_file():
        found = "a folder without one" if place.is_dir() else "nothing of that name"
        raise InputError(
            f"AUDIT must be an output folder of synthaudit audit, or its evidence.json, found {found}; name the folder "
            "that was given to --out"
        )
    return load(file)


def evidence_of(place: Path) -> Path:
    """The evidence file of an output folder; a file is taken as it is."""
    return place / "evidence.json" if place.is_dir() else place

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from synthaudit.audit_record import Audit

_AUDITS = runpy.run_path(str(Path(__file__).parents[1] / "reports" / "realistic_audits.py"))


@pytest.fixture
def make() -> Callable[[str], Audit]:
    """An audit by name: failing, passing, inconclusive, empty."""

    def made(name: str) -> Audit:
        one: Audit = _AUDITS["every"]()[name]
        # A rule of these requires one that is not among them; no policy that was read from a file can.
        return replace(one, rules=tuple(replace(r, rule=replace(r.rule, requires=())) for r in one.rules))

    return made


@pytest.fixture
def save(make: Callable[[str], Audit], tmp_path: Path) -> Callable[[str], Path]:
    """The same, as an evidence.json in a folder of its own."""
    from synthaudit.evidence_file import dump

    def saved(name: str) -> Path:
        folder = tmp_path / f"saved-{name}"
        folder.mkdir()
        (folder / "evidence.json").write_bytes(dump(make(name)))
        return folder

    return saved


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with empty folders train, holdout and synthetic."""
    for role in ("train", "holdout", "synthetic"):
        (tmp_path / "images" / role).mkdir(parents=True)
    return tmp_path / "images"

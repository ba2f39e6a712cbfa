"""The output folder: complete or untouched, and nothing restricted above `restricted/`."""

from __future__ import annotations

import runpy
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from synthaudit import output
from synthaudit.audit_record import Audit
from synthaudit.errors import OutputError
from synthaudit.output import check_output, write

_MADE = runpy.run_path(str(Path(__file__).parent / "reports" / "realistic_audits.py"))


@dataclass(frozen=True)
class Note:
    """A report of one word."""

    name: ClassVar[str] = "note"
    filename: ClassVar[str] = "evidence.json"
    restricted: ClassVar[bool] = False

    def render(self, audit: Audit) -> bytes:  # noqa: ARG002
        return b"new"


@dataclass(frozen=True)
class Who(Note):
    """A restricted report."""

    filename: ClassVar[str] = "who.csv"
    restricted: ClassVar[bool] = True


@dataclass(frozen=True)
class Broken(Note):
    """A report that cannot be made."""

    filename: ClassVar[str] = "broken"
    error: type[BaseException]

    def render(self, audit: Audit) -> bytes:  # noqa: ARG002
        raise self.error("no")


@pytest.fixture
def audit() -> Audit:
    made: Audit = _MADE["failing"]()
    return made


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder; what was begun beside it would show up here, too."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def held(folder: Path) -> Path:
    """A folder that holds an audit."""
    folder.mkdir()
    (folder / "evidence.json").write_text("old")
    (folder / "report.pdf").write_text("old")
    return folder


def test_every_report_is_written(audit: Audit, tmp_path: Path) -> None:
    folder = write(audit, tmp_path / "new" / "out")
    assert {path.name for path in folder.iterdir()} >= {"evidence.json", "report.pdf", "restricted"}
    assert [path.name for path in folder.parent.iterdir()] == ["out"], "nothing is left beside it"
    assert (folder / "restricted" / "exposures.csv").is_file()


def test_names_of_patients_and_files_lie_below_restricted_only(audit: Audit, tmp_path: Path) -> None:
    folder = write(audit, tmp_path / "out")
    for file in folder.rglob("*"):
        if file.is_file() and "restricted" not in file.relative_to(folder).parts:
            found = [secret for secret in _MADE["SECRETS"] if secret.encode() in file.read_bytes()]
            assert found == [], file.name
    told = b"".join(file.read_bytes() for file in (folder / "restricted").glob("*.csv"))
    assert any(secret.encode() in told for secret in _MADE["SECRETS"]), "the secrets are there to be found"


def test_pairs_are_pictures_of_four_panels(audit: Audit, tmp_path: Path) -> None:
    from PIL import Image

    folder = write(audit, tmp_path / "out", reports=[Note()])
    pairs = [one.pair for finding in audit.findings for one in finding.exposures if one.pair is not None]
    files = sorted((folder / "restricted" / "pairs").iterdir())
    assert [file.name for file in files] == [f"pair-{i:03d}.png" for i in range(1, len(pairs) + 1)]
    assert pairs
    for pair, file in zip(pairs, files, strict=True):
        with Image.open(file) as image:
            panels = np.split(np.asarray(image), 4, axis=1)
        for panel, part in zip(panels, (pair.synthetic, pair.real, pair.registered, pair.difference), strict=True):
            np.testing.assert_array_equal(panel, part)


def test_restricted_is_for_the_owner_only(audit: Audit, tmp_path: Path) -> None:
    folder = write(audit, tmp_path / "out", reports=[Note(), Who()])
    assert stat.S_IMODE((folder / "restricted").stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert (folder / "restricted" / "who.csv").is_file()
    assert not (folder / "who.csv").exists()


def test_an_empty_folder_is_used(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert contents(write(audit, tmp_path / "out", reports=[Note()]))["evidence.json"] == b"new"


def test_an_audit_is_not_overwritten_unasked(audit: Audit, tmp_path: Path) -> None:
    before = contents(held(tmp_path / "out"))
    text = r"^output folder 'out' already holds an audit; choose another folder, or add --overwrite$"
    with pytest.raises(OutputError, match=text):
        write(audit, tmp_path / "out", reports=[Note()])
    assert contents(tmp_path / "out") == before


def test_an_audit_is_replaced_as_a_whole_when_asked(audit: Audit, tmp_path: Path) -> None:
    held(tmp_path / "out")
    folder = write(audit, tmp_path / "out", overwrite=True, reports=[Note()])
    files = contents(folder)
    assert files["evidence.json"] == b"new"
    assert "report.pdf" not in files, "half of one audit and half of another would be no audit"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_files_are_never_replaced(audit: Audit, tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").write_text("years of work")
    with pytest.raises(OutputError, match=r"^output folder 'out' holds other files; choose a new or an empty folder$"):
        write(audit, tmp_path / "out", overwrite=overwrite, reports=[Note()])
    assert contents(tmp_path) == {"out/thesis.docx": b"years of work"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError, match=r"^output must be a folder, found a file named 'out'; choose another name$"):
        check_output(tmp_path / "out", overwrite=True)


def test_a_place_that_cannot_be_written_is_found_before_anything_long(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"^output folder 'out' must be writable, got .+; choose another place$"):
        check_output(tmp_path / "file" / "out")


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_output(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("existing", [False, True])
def test_a_report_that_fails_leaves_what_was_there(
    audit: Audit, tmp_path: Path, error: type[BaseException], existing: bool
) -> None:
    before = contents(held(tmp_path / "out")) if existing else {}
    reports = [Note(), Broken(error)]
    with pytest.raises(error, match="no"):
        write(audit, tmp_path / "out", overwrite=True, reports=reports)
    assert {name.removeprefix("out/"): content for name, content in contents(tmp_path).items()} == before
    assert len(list(tmp_path.iterdir())) == int(existing)


def test_a_full_disk_is_said_in_words(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(held(tmp_path / "out"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output, "_write_pairs", full)
    text = r"^writing to 'out' failed: No space left on device; nothing was changed there$"
    with pytest.raises(OutputError, match=text):
        write(audit, tmp_path / "out", overwrite=True, reports=[Note()])
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [OSError(16, "Device or resource busy"), KeyboardInterrupt()])
def test_what_was_there_comes_back_if_the_last_step_fails(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before = contents(held(tmp_path / "out"))
    rename, calls = Path.rename, []

    def second_fails(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 2:  # the old audit is out of the way, the new one not yet in its place
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write(audit, tmp_path / "out", overwrite=True, reports=[Note()])
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_mount_point_is_refused_before_anything_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume mounted as the output folder (usual in containers) cannot be replaced by renaming."""
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: self.name == "out")
    text = r"^output folder 'out' is a mount point and cannot be replaced; choose a folder below it$"
    with pytest.raises(OutputError, match=text):
        check_output(tmp_path / "out")


def test_overwriting_never_takes_what_no_audit_wrote(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "evidence.json").write_text("{}")
    (tmp_path / "out" / "notes.docx").write_text("mine")
    with pytest.raises(OutputError, match="1 files or folders that no audit wrote"):
        check_output(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "notes.docx").read_text() == "mine"

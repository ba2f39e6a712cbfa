"""`synthaudit report`: the public reports, drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from synthaudit import registry
from synthaudit.audit_record import Audit
from synthaudit.cli.main import run

Make = Callable[[str], Audit]
Save = Callable[[str], Path]
PUBLIC = [report.name for report in registry.reports() if not report.restricted]
RESTRICTED = [report.name for report in registry.reports() if report.restricted]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_report_is_the_one_that_the_audit_wrote(
    name: str, save: Save, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    (report,) = registry.reports([name])
    folder = save("failing")
    assert run(["report", str(folder), "--format", name]) == 0
    assert (folder / report.filename).read_bytes() == report.render(make("failing"))
    assert capsys.readouterr().out.split() == [str(folder / report.filename)]


@pytest.mark.parametrize("name", RESTRICTED)
def test_a_restricted_report_is_refused(name: str, save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save("failing")
    assert run(["report", str(folder), "--format", "markdown", "--format", name]) == 2
    assert capsys.readouterr().err == (
        f"Error: format must be one of {', '.join(PUBLIC)}, got {name}: it names patients, whom evidence.json does not "
        "hold, so it is written during the audit only; look below restricted/ in the audit's output folder\n"
    )
    assert [file.name for file in folder.iterdir()] == ["evidence.json"]


def test_several_formats_go_where_they_are_asked_to(save: Save, tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    evidence = save("passing") / "evidence.json"
    assert run(["report", str(evidence), "--format", "junit", "--format", "markdown", "--out", str(out)]) == 0
    assert sorted(file.name for file in out.iterdir()) == ["junit.xml", "summary.md"]


def test_a_file_that_differs_is_left_alone(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save("passing")
    (folder / "junit.xml").write_text("signed")
    asked = ["report", str(folder), "--format", "markdown", "--format", "junit"]
    assert run(asked) == 2
    assert "junit.xml must not be there yet or be the same, found another" in capsys.readouterr().err
    assert (folder / "junit.xml").read_text() == "signed"
    assert not (folder / "summary.md").exists()
    assert run([*asked, "--overwrite"]) == 0
    assert (folder / "junit.xml").read_text() != "signed"
    assert run(asked) == 0


def test_an_unknown_format_is_named(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(save("passing")), "--format", "pfd"]) == 2
    assert "did you mean pdf" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(save: Save, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    asked = ["report", str(save("passing")), "--format", "junit", "--out", str(tmp_path / "file" / "below")]
    assert run(asked) == 2
    assert "the reports must be written" in capsys.readouterr().err

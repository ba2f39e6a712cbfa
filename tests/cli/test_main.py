"""How the program ends, whatever happens inside."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from synthaudit.cli.main import COMMANDS, run
from synthaudit.errors import InputError, NotEnoughData, OutputError, UsageError

HEAVY = ("torch", "numpy", "scipy", "faiss", "cv2", "sklearn", "pyarrow", "reportlab", "PIL", "pydicom", "open_clip")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"import sys; from synthaudit.cli.main import run; run({arguments}); "
    said = python(code + f"print('heavy:', [m for m in {HEAVY} if m in sys.modules])")
    assert said.stdout.splitlines()[-1] == "heavy: []", said.stderr


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert [name for name in COMMANDS if f"  {name} " not in text] == []


def test_every_file_of_a_command_is_listed() -> None:
    folder = Path(importlib.import_module("synthaudit.cli.audit").__file__ or "").parent
    with_commands = {f.stem for f in folder.glob("*.py") if "\n@click." in f.read_text() and f.stem != "main"}
    within = {stem for stem in with_commands if f"synthaudit.cli.{stem} import" in (folder / "generate.py").read_text()}
    assert with_commands - within == set(COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["audit", "--trian", "x"], ["gate"], ["--nope"]])
def test_wrong_use_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


def ending_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the command `probes` end so."""

    @click.command()
    def probes() -> None:
        raise error

    monkeypatch.setattr(importlib.import_module("synthaudit.cli.probes"), "probes", probes)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("split must be so"), 2, "Error: split must be so\n"),
        (InputError("train needs images"), 2, "Error: train needs images\n"),
        (OutputError("folder is taken"), 2, "Error: folder is taken\n"),
        (NotEnoughData("patients must be 30"), 2, "Error: patients must be 30\n"),
        (click.ClickException("no"), 2, "Error: no\n"),
        (click.FileError("x"), 2, "Error: Could not open file 'x': unknown error\n"),
        (click.Abort(), 130, "interrupted\n"),
        (MemoryError(), 2, "Error: memory ran out; use fewer --workers, or a machine with more memory\n"),
        (BrokenPipeError(32, "Broken pipe"), 2, ""),
        (SystemExit(1), 2, ""),
    ],
)
def test_no_ending_looks_like_a_verdict(
    error: BaseException, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending_with(error, monkeypatch)
    assert run(["probes"]) == code
    assert capsys.readouterr().err == says


def test_an_interruption_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ending_with(KeyboardInterrupt(), monkeypatch)
    assert run(["probes"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_bug_says_where_it_is_and_no_file_of_the_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SYNTHAUDIT_DEBUG", raising=False)
    ending_with(FileNotFoundError(2, "No such file", "/data/patient-17.png"), monkeypatch)
    assert run(["probes"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: FileNotFoundError in test_main.py, line ")
    assert "this is a bug, please report it" in said.err
    assert "patient-17" not in said.err


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SYNTHAUDIT_DEBUG", "1")
    ending_with(RuntimeError("deep inside"), monkeypatch)
    assert run(["probes"]) == 2
    assert "RuntimeError: deep inside" in capsys.readouterr().err


def test_a_closed_pipe_is_no_verdict() -> None:
    code = "import sys; from synthaudit.cli import main; sys.argv = ['synthaudit', 'policies', 'internal']; main()"
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (2, b"")

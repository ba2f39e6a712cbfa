"""The demo's two audits, as `make demo` left them, read back by a program that had no part in writing them.

Run after `synthaudit demo --out DIR`, with SYNTHAUDIT_DEMO=DIR.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("SYNTHAUDIT_DEMO" not in os.environ, reason="SYNTHAUDIT_DEMO names no folder of a demo"),
]
TWINS = ("leaky", "safe")


def out(twin: str) -> Path:
    return Path(os.environ["SYNTHAUDIT_DEMO"]) / twin / "audit"


def verdict(twin: str) -> str:
    said: str = json.loads((out(twin) / "evidence.json").read_text(encoding="utf-8"))["verdict"]
    return said


def test_the_leak_is_found_and_the_safe_one_is_not_accused() -> None:
    assert verdict("leaky") == "FAIL"
    assert verdict("safe") in ("PASS", "INCONCLUSIVE")


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler's pdftotext")
def test_the_pdf_says_the_verdict_on_its_first_page_and_names_nobody(twin: str) -> None:
    read = subprocess.run(
        ["pdftotext", "-layout", str(out(twin) / "report.pdf"), "-"], capture_output=True, text=True, check=True
    )
    assert read.stderr == ""
    front, *rest = read.stdout.split("\f")
    assert verdict(twin) in front
    assert len(rest) >= 2
    assert "CHX-" not in read.stdout
    assert ".png" not in read.stdout


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler's pdftotext")
def test_the_annex_names_whom_the_table_names() -> None:
    restricted = out("leaky") / "restricted"
    with (restricted / "exposures.csv").open(newline="", encoding="utf-8") as table:
        flagged = {row["patient_id"] for row in csv.DictReader(table) if row["flagged"] in ("true", "True", "yes", "1")}
    assert flagged
    read = subprocess.run(["pdftotext", str(restricted / "annex.pdf"), "-"], capture_output=True, text=True, check=True)
    assert any(patient in read.stdout for patient in flagged)


@pytest.mark.parametrize("twin", TWINS)
def test_what_may_leave_the_house_names_nobody(twin: str) -> None:
    for name in ("evidence.json", "summary.md", "junit.xml"):
        text = (out(twin) / name).read_text(encoding="utf-8")
        assert "CHX-" not in text
        assert ".png" not in text


@pytest.mark.parametrize("twin", TWINS)
def test_ci_shows_red_unless_it_passed(twin: str) -> None:
    suites = ElementTree.parse(out(twin) / "junit.xml")  # written by ourselves
    red = suites.findall(".//failure") + suites.findall(".//error")
    assert bool(red) == (verdict(twin) != "PASS")


@pytest.mark.parametrize("twin", TWINS)
def test_the_gate_agrees(twin: str) -> None:
    from synthaudit.cli.main import run

    assert run(["gate", str(out(twin))]) == {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}[verdict(twin)]

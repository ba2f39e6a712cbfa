from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from importlib.metadata import entry_points
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from synthaudit.audit_record import Audit
from synthaudit.report import Report
from synthaudit.reports.withheld import WithheldImages

_AUDITS = runpy.run_path(str(Path(__file__).with_name("realistic_audits.py")))


def registered() -> list[Report]:
    plugins: list[Report] = [point.load()() for point in entry_points(group="synthaudit.reports")]
    return plugins if any(plugin.name == "withheld" for plugin in plugins) else [*plugins, WithheldImages()]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = {name for mark in metafunc.definition.iter_markers("parametrize") for name in mark.args[0].split(",")}
    if "report" in metafunc.fixturenames and "report" not in chosen:
        metafunc.parametrize("report", registered(), ids=lambda report: report.name)
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", ["failing", "passing", "inconclusive", "empty"])


@pytest.fixture
def audit(kind: str) -> Audit:
    made: Audit = _AUDITS["every"]()[kind]
    return made


@pytest.fixture
def failing() -> Audit:
    made: Audit = _AUDITS["failing"]()
    return made


@pytest.fixture
def make() -> Callable[[str], Audit]:
    def made(name: str) -> Audit:
        one: Audit = _AUDITS["every"]()[name]
        return one

    return made


@pytest.fixture
def secrets() -> tuple[str, ...]:
    names: tuple[str, ...] = _AUDITS["SECRETS"]
    return names


@pytest.fixture
def pages_of() -> Callable[[bytes], list[Any]]:
    from pypdf import PdfReader

    return lambda content: list(PdfReader(BytesIO(content)).pages)


_FURNITURE = re.compile(
    r"Audit [0-9a-f]{12} .*?Page \d+ of \d+( Privacy audit of synthetic medical images Verdict: \w+)?"
)


@pytest.fixture
def text_of(pages_of: Callable[[bytes], list[Any]]) -> Callable[[bytes], str]:
    """All words of a PDF, one blank between them; page furniture of the first page only."""

    def words(content: bytes) -> str:
        pages = [" ".join(page.extract_text().split()) for page in pages_of(content)]
        return " ".join([*pages[:1], *(_FURNITURE.sub("", page, count=1).strip() for page in pages[1:])])

    return words

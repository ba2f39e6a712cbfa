"""The public document: what it holds, what it refuses, and that the published schema and the loader agree."""

from __future__ import annotations

import copy
import json
import math
import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from synthaudit import evidence_file
from synthaudit.audit_record import Audit
from synthaudit.errors import InputError
from synthaudit.finding import ChartKind, Measure
from synthaudit.policy import Verdict
from synthaudit.schemas import schema
from synthaudit.schemas.conformity import first_violation
from synthaudit.schemas.published import rounded

_MADE = runpy.run_path(str(Path(__file__).parent / "reports" / "realistic_audits.py"))
KINDS = ("failing", "passing", "inconclusive", "empty")


def _audit(kind: str = "failing") -> Audit:
    audit: Audit = _MADE["every"]()[kind]
    return audit


@pytest.fixture(scope="module")
def validator() -> Any:
    published = schema("evidence-1")
    jsonschema.Draft202012Validator.check_schema(published)
    return jsonschema.Draft202012Validator(published)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_keep_to_the_published_schema(kind: str, validator: Any) -> None:
    document = json.loads(evidence_file.dump(_audit(kind)))
    validator.validate(document)
    assert first_violation(document, schema("evidence-1")) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_round_trip_changes_nothing(kind: str) -> None:
    document = evidence_file.to_document(_audit(kind))
    again = evidence_file.from_document(copy.deepcopy(document))
    assert evidence_file.to_document(again) == document
    assert evidence_file.dump(again) == evidence_file.dump(_audit(kind))
    assert evidence_file.audit_id(again) == evidence_file.audit_id(_audit(kind))
    assert again.verdict is _audit(kind).verdict


def test_what_is_restricted_is_left_behind() -> None:
    told = evidence_file.public(_audit())
    assert all(finding.exposures == () and finding.withheld == () for finding in told.findings)
    assert told.files_left_out == ()
    text = evidence_file.dump(_audit()).decode()
    assert [secret for secret in _MADE["SECRETS"] if secret in text] == []


def test_numbers_have_six_significant_digits_and_counts_stay_whole() -> None:
    assert rounded(0.5123456789) == 0.512346
    assert rounded(1234567.0) == 1234567
    assert rounded(20261120123) == 20261120123
    assert '"value": 0.512346' in evidence_file.dump(_audit()).decode()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_never_written(bad: float) -> None:
    audit = _audit()
    open_ended = Measure("open", 3.0, low=2.0, high=bad, floor=bad, p_value=bad)
    provenance = replace(audit.provenance, settings={"a": bad, "b": [bad]}, stages={"read": bad})
    encoder = replace(audit.encoders[0], fitness={"rank": bad})
    finding = replace(audit.findings[0], measures=(open_ended,))
    document = evidence_file.to_document(
        replace(audit, findings=(finding,), provenance=provenance, encoders=(encoder,))
    )
    assert "Infinity" not in json.dumps(document)
    assert "NaN" not in json.dumps(document)
    measure = document["findings"][0]["measures"][0]
    assert (measure["value"], measure["high"]) == (None, None), "an open bound must not read as no bound"
    assert measure["not_measured"]


def test_small_counts_are_masked_again() -> None:
    document = evidence_file.to_document(_audit())
    assert document["cohorts"]["holdout"]["attributes"]["sex"] == {"F": 503, "M": None}
    audit = _audit()
    chart = audit.findings[1].charts[0]
    assert chart.kind is ChartKind.HISTOGRAM
    leaky = replace(chart, series=(replace(chart.series[0], x=(0.0, 1.0, 2.0), y=(3.0, 10.0, 0.0)),))
    finding = replace(audit.findings[1], charts=(leaky,))
    document = evidence_file.to_document(replace(audit, findings=(finding,)))
    assert document["findings"][0]["charts"][0]["series"][0]["y"] == [None, 10, 0]


def test_settings_are_plain_and_sorted() -> None:
    audit = _audit()
    settings = {"b": (1, 2.5), "a": np.float32(0.1), "c": {"z": {3, 1}, "y": Verdict.PASS}}
    document = evidence_file.to_document(replace(audit, provenance=replace(audit.provenance, settings=settings)))
    assert (
        json.dumps(document["provenance"]["settings"]) == '{"a": 0.1, "b": [1, 2.5], "c": {"y": "PASS", "z": [1, 3]}}'
    )
    bad = replace(audit, provenance=replace(audit.provenance, settings={"where": Path("x")}))
    with pytest.raises(TypeError, match="setting must be text"):
        evidence_file.to_document(bad)


@pytest.mark.parametrize("version", ["synthaudit/evidence/2", None, 7])
def test_another_version_is_refused(version: object) -> None:
    document = evidence_file.to_document(_audit()) | {"schema": version}
    with pytest.raises(InputError, match=r"must be of schema 'synthaudit/evidence/1', found .*; read it with"):
        evidence_file.from_document(document)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": NaN}', b"\xff\xfe", b"null", b"[" * 200_000])
def test_a_broken_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_bytes(content)
    with pytest.raises(InputError, match=r"evidence must be .*, found .*; "):
        evidence_file.load(tmp_path / "evidence.json")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one that cannot be read"):
        evidence_file.load(tmp_path / "evidence.json")


def test_a_written_file_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_bytes(evidence_file.dump(_audit()))
    assert evidence_file.dump(evidence_file.load(tmp_path / "evidence.json")) == evidence_file.dump(_audit())


def test_inconsistent_documents_are_refused() -> None:
    document = evidence_file.to_document(_audit())
    document["findings"][1]["charts"][0]["series"][0]["y"].pop()
    with pytest.raises(InputError, match="columns of different lengths"):
        evidence_file.from_document(document)
    document = evidence_file.to_document(_audit())
    document["findings"][0]["measures"][0]["value"] = None
    with pytest.raises(InputError, match="must have either a value or a reason"):
        evidence_file.from_document(document)


def _spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, of lists the first item only."""
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from _spots(value[name], (*path, name))
    elif isinstance(value, list) and value:
        yield from _spots(value[0], (*path, 0))


def _broken(document: Any, path: tuple[Any, ...]) -> Iterator[Any]:
    """The document with the value there gone, replaced, or (for an object) joined by another."""
    changes: tuple[Any, ...] = ("drop", "add", None, True, -1, 0.5, "", "PASS", [], {}, ["x"])
    for change in changes:
        made = copy.deepcopy(document)
        parent = made
        for step in path[:-1]:
            parent = parent[step]
        if change == "drop" and path and isinstance(parent, dict):
            del parent[path[-1]]
        elif change == "add" and path and isinstance(parent[path[-1]], dict):
            parent[path[-1]]["surprise"] = "Пациент-042"
        elif path and change not in ("drop", "add"):
            parent[path[-1]] = change
        else:
            continue
        yield made


def test_the_loader_refuses_what_the_schema_refuses_and_nothing_else(validator: Any) -> None:
    document = json.loads(evidence_file.dump(_audit()))
    for name in ("rules", "findings", "cohorts"):
        kept = document[name]
        document[name] = dict(list(kept.items())[:1]) if isinstance(kept, dict) else kept[:1]
    document["findings"] = json.loads(evidence_file.dump(_audit()))["findings"][1:2]
    document["findings"][0]["measures"] = document["findings"][0]["measures"][:1]
    refused = accepted = 0
    for path in _spots(document):
        for broken in _broken(document, path):
            violation = first_violation(broken, schema("evidence-1"))
            assert (violation is None) is validator.is_valid(broken), (path, violation)
            assert violation is None or "Пациент" not in violation
            refused, accepted = refused + (violation is not None), accepted + (violation is None)
    assert refused > 500
    assert accepted > 50


def test_an_unknown_schema_keyword_is_not_skipped() -> None:
    with pytest.raises(NotImplementedError, match="multipleOf"):
        first_violation(3, {"multipleOf": 2})

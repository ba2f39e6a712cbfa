"""What every registered report must do."""

from __future__ import annotations

import json
from collections.abc import Callable

from synthaudit.audit_record import Audit
from synthaudit.evidence_file import dump, from_document
from synthaudit.report import Report

NEVER_SAID = ("anonymous", "anonymized", "anonymised", "gdpr-compliant", "gdpr compliant", "certified", "no risk")


def _words(content: bytes, text_of: Callable[[bytes], str]) -> str:
    return text_of(content) if content.startswith(b"%PDF") else content.decode()


def test_it_keeps_the_protocol(report: Report) -> None:
    assert isinstance(report, Report)
    assert report.name
    assert "/" not in report.filename
    assert isinstance(report.restricted, bool)


def test_it_renders_every_audit(report: Report, audit: Audit) -> None:
    assert report.render(audit)


def test_equal_audits_give_equal_bytes(report: Report, make: Callable[[str], Audit]) -> None:
    assert report.render(make("failing")) == report.render(make("failing"))


def test_public_reports_name_no_patient_and_no_file(
    report: Report, failing: Audit, secrets: tuple[str, ...], text_of: Callable[[bytes], str]
) -> None:
    content = report.render(failing)
    words = _words(content, text_of)
    named = [secret for secret in secrets if secret in words or secret.encode() in content]
    if report.restricted:
        assert report.name == "withheld" or named
    else:
        assert named == []


def test_public_reports_say_the_same_after_a_round_trip(report: Report, failing: Audit) -> None:
    if not report.restricted:
        assert report.render(from_document(json.loads(dump(failing)))) == report.render(failing)


def test_forbidden_words_are_never_said(report: Report, audit: Audit, text_of: Callable[[bytes], str]) -> None:
    words = _words(report.render(audit), text_of).lower()
    assert [word for word in NEVER_SAID if word in words] == []


def test_public_documents_say_what_evidence_is_and_who_decides(
    report: Report, audit: Audit, text_of: Callable[[bytes], str]
) -> None:
    if report.name in {"pdf", "markdown"}:
        words = _words(report.render(audit), text_of)
        assert "Evidence" in words
        assert "under threat model" in words
        assert "not legal advice. The controller decides." in words


def test_restricted_reports_are_marked_so() -> None:
    from importlib.metadata import entry_points

    restricted = {p.name for p in entry_points(group="synthaudit.reports") if p.load().restricted}
    assert {"annex", "exposures"} <= restricted
    assert restricted.isdisjoint({"pdf", "json", "junit", "markdown"})


def test_reports_load_without_their_heavy_parts() -> None:
    import subprocess
    import sys

    code = "import sys, synthaudit.reports.pdf, synthaudit.reports.annex; sys.exit('reportlab' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bytes_do_not_depend_on_the_order_of_hashes() -> None:
    import subprocess
    import sys
    from pathlib import Path

    made = str(Path(__file__).with_name("realistic_audits.py"))
    code = (
        "import hashlib, runpy; from synthaudit.reports.pdf import Pdf; from synthaudit.reports.annex import Annex; "
        f"audit = runpy.run_path({made!r})['failing'](); "
        "print(hashlib.sha256(Pdf().render(audit) + Annex().render(audit)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1

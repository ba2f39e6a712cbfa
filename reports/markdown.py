"""The verdict and its reasons on one screen, for the summary page of a CI run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from synthaudit.audit_record import Audit
from synthaudit.evidence_file import audit_id, public
from synthaudit.finding import Finding
from synthaudit.policy import RuleResult
from synthaudit.reports import formats, wording
from synthaudit.reports.formats import SYMBOLS

_SEARCH = ("encoders", "planted")
"""Probes that ask what the search can see, and not what it found."""
_CONTEXT = "context"
"""No verdict rests on it, so the summary does without."""


@dataclass(frozen=True, slots=True)
class Markdown:
    """summary.md: verdict, what to do, rules, what was found and what could have been."""

    name: ClassVar[str] = "markdown"
    filename: ClassVar[str] = "summary.md"
    restricted: ClassVar[bool] = False

    def render(self, audit: Audit) -> bytes:
        """UTF-8 Markdown with a GitHub table; equal audits give equal bytes."""
        told = public(audit)
        parts = [
            f"# {SYMBOLS[told.verdict]} {told.verdict.value}: {_inline(told.reason)}",
            _inline(wording.evidence_sentence(told.verdict, told.policy)),
            "## What to do\n\n" + _numbered(told.actions),
            "## Rules\n\n" + _rules(told.rules),
            "## What was found\n\n" + _answers([f for f in told.findings if f.probe not in (*_SEARCH, _CONTEXT)]),
            "## What could have been found\n\n" + _answers([f for f in told.findings if f.probe in _SEARCH]),
            "---",
            f"Policy “{_inline(told.policy)}”: {_inline(told.policy_purpose)}",
            f"Audit {audit_id(audit)}, {formats.moment(told.provenance.started)}, "
            f"synthaudit {_inline(told.provenance.version)}. {wording.DISCLAIMER}",
        ]
        return ("\n\n".join(parts) + "\n").encode(errors="backslashreplace")


def _rules(results: tuple[RuleResult, ...]) -> str:
    if not results:
        return "The policy holds no rule, so nothing was judged."
    head = "| Verdict | Demand | Measured | Asked for | Reason |\n|---|---|---|---|---|\n"
    rows = (
        f"| {SYMBOLS[r.verdict]} {r.verdict.value} "
        f"| {_inline(r.rule.says)} ({_inline(r.rule.id)}) "
        f"| {formats.measured(r.measure)} | {formats.threshold(r.rule, r.measure)} | {_inline(r.reason)} |"
        for r in results
    )
    return head + "\n".join(rows)


def _answers(findings: list[Finding]) -> str:
    if not findings:
        return "Not known: no probe looked."
    lines = (
        f"- **{_inline(wording.probe_title(f.probe))}** "
        + (_inline(f.answer) if f.not_run is None else f"Not answered: {_inline(f.not_run)}")
        for f in findings
    )
    return "\n".join(lines)


def _numbered(sentences: tuple[str, ...]) -> str:
    return "\n".join(f"{i}. {_inline(sentence)}" for i, sentence in enumerate(sentences, 1)) or "Nothing was named."


def _inline(text: str) -> str:
    """The text on one line, with nothing in it that Markdown or HTML would act upon."""
    flat = " ".join(text.split())
    escaped = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", escaped)

"""A verdict and its rules as lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from synthaudit.audit_record import Audit
    from synthaudit.policy import RuleResult

WIDTH = 100


def audit_text(audit: Audit, folder: Path) -> str:
    """What a person should know at once: verdict, reason, open rules, what to do, and where the reports lie."""
    from synthaudit import registry
    from synthaudit.policy import Verdict

    unmet = [result for result in audit.rules if result.verdict is not Verdict.PASS]
    reports = [report for report in registry.reports() if not report.restricted]
    names = ", ".join(sorted(report.filename for report in reports if (folder / report.filename).exists()))
    shown = click.format_filename(folder)
    parts = [verdict_line(audit), rule_lines(unmet), numbered("What to do:", audit.actions)]
    parts.append(
        f"Reports in {shown}: {names}\nNot to be passed on: {shown}/restricted/ names patients and shows images."
    )
    return "\n\n".join(part for part in parts if part)


def verdict_line(audit: Audit) -> str:
    """Verdict, policy and reason."""
    return wrapped(f"{audit.verdict.value} under policy {audit.policy}. {audit.reason}")


def rule_lines(results: Sequence[RuleResult]) -> str:
    """Each rule on one line, with the reason below."""
    wide = max((len(result.verdict.value) for result in results), default=0)
    lines = []
    for result in results:
        lines.append(f"{result.verdict.value:<{wide}}  {result.rule.id}: {result.rule.says}")
        lines.append(wrapped(result.reason, indent=" " * (wide + 2)))
    return "\n".join(lines)


def numbered(heading: str, sentences: Sequence[str]) -> str:
    """The sentences under a heading, numbered; nothing if there are none."""
    if not sentences:
        return ""
    return "\n".join([heading, *(wrapped(f"{i}. {text}", "   ", "") for i, text in enumerate(sentences, 1))])


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """The text in lines of at most `WIDTH`, `first` (else `indent`) before the first and `indent` before the rest."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )

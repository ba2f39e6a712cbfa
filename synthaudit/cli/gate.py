"""`synthaudit gate`: the verdict on an audit that was made before, without computing anything anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthaudit.cli.saved_audit import AUDIT, saved_audit

if TYPE_CHECKING:
    from synthaudit.audit_record import Audit
    from synthaudit.cli.comparison import Comparison
    from synthaudit.policy import Policy, Verdict

SCHEMA = "synthaudit/gate/1"


@click.command()
@click.argument("audit", type=AUDIT)
@click.option("--policy", metavar="FILE|PRESET", help="[default: the rules that the audit was judged by]")
@click.option("--baseline", type=AUDIT, help="An earlier audit; measures must not have become worse since.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, and nothing else.")
@click.pass_context
def gate(ctx: click.Context, *, audit: Path, policy: str | None, baseline: Path | None, as_json: bool) -> None:
    """Judge an audit again, without computing.

    AUDIT is an output folder or an evidence.json.

    With --baseline, a measure that became worse beyond the intervals of both makes FAIL, and one that was measured then
    and is not now makes INCONCLUSIVE.
    """
    from synthaudit.cli.comparison import compare
    from synthaudit.run_audit import judge_again

    old = saved_audit(audit)
    judged = judge_again(old, _own_policy(old) if policy is None else policy)
    comparison = None if baseline is None else compare(judged, saved_audit(baseline))
    verdict = _verdict(judged, comparison)
    click.echo(_document(judged, comparison, verdict) if as_json else _text(old, judged, comparison, verdict))
    ctx.exit(verdict.exit_code)


def _own_policy(audit: Audit) -> Policy:
    """The policy that an audit was judged by, from the rules in its evidence."""
    from synthaudit.errors import InputError
    from synthaudit.policy import Policy

    rules = tuple(result.rule for result in audit.rules)
    ids = [rule.id for rule in rules]
    if any(not set(rule.requires) <= set(ids[:place]) for place, rule in enumerate(rules)):
        raise InputError(
            "the rules in the evidence must require rules above them only, found one that does not; name a policy "
            "(--policy), or run the audit again"
        )
    return Policy(audit.policy, audit.policy_purpose, rules)


def _verdict(judged: Audit, comparison: Comparison | None) -> Verdict:
    """The worse of the policy's verdict and the comparison's."""
    from synthaudit.policy import Verdict

    verdicts = {judged.verdict} if comparison is None else {judged.verdict, comparison.verdict}
    return next(one for one in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS) if one in verdicts)


def _text(old: Audit, judged: Audit, comparison: Comparison | None, verdict: Verdict) -> str:
    from synthaudit.cli.verdict_text import rule_lines, verdict_line

    parts = [verdict_line(judged), rule_lines(judged.rules)]
    if (old.policy, old.verdict) != (judged.policy, judged.verdict):
        parts.append(f"The audit itself concluded {old.verdict.value} under policy {old.policy}.")
    if comparison is not None:
        parts += comparison.blocks()
        parts.append(f"{verdict.value}, policy and comparison taken together.")
    return "\n\n".join(part for part in parts if part)


def _document(judged: Audit, comparison: Comparison | None, verdict: Verdict) -> str:
    from synthaudit.evidence_file import to_document

    evidence = to_document(judged)
    document = {
        "schema": SCHEMA,
        "verdict": verdict.value,
        "reason": evidence["reason"],
        "policy": {**evidence["policy"], "verdict": judged.verdict.value},
        "rules": evidence["rules"],
        "baseline": None if comparison is None else comparison.document(),
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)

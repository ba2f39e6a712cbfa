"""The first page of the PDF: the verdict, and the four answers that it stands on."""

from __future__ import annotations

from reportlab.platypus import Flowable, PageBreak

from synthaudit.audit_record import Audit, CohortSummary
from synthaudit.finding import Finding
from synthaudit.policy import Verdict
from synthaudit.reports import blocks, formats, wording
from synthaudit.reports.chapters import in_order
from synthaudit.reports.theme import WIDTH

PLANTED = "planted"
"""The probe whose answer says what could have been found."""
CONTEXT = "context"
"""Told on a page of its own and not on the first: no verdict rests on it."""
COPIES = "copies"
"""Whether patients were copied is told on the first page in any case."""
ENCODERS = "encoders"
"""On the first page only where they are not fit for these images."""


def story(audit: Audit, identity: str) -> list[Flowable]:
    """The first page, and what of it does not fit on one."""
    moment = formats.moment(audit.provenance.started)
    items = _figures(audit)
    return [
        blocks.text(f"{wording.SERIES}   ·   {moment}   ·   audit {identity}", "eyebrow"),
        blocks.space(2),
        blocks.text(wording.TITLE, "title"),
        blocks.verdict_band(audit.verdict, audit.reason, wording.evidence_sentence(audit.verdict, audit.policy)),
        blocks.space(5),
        *([blocks.figures(items)] if items else []),
        blocks.label_rows(
            [
                ("What was asked", _asked(audit)),
                ("What was found", _found(audit)),
                ("How it was judged", _judged(audit)),
                ("What could have been found", _findable(audit)),
                ("What to do", _to_do(audit)),
            ]
        ),
        PageBreak(),
    ]


def _to_do(audit: Audit) -> list[Flowable]:
    if not audit.actions:
        return [blocks.text("The audit names nothing to do; the rules and limits on the next pages say what is open.")]
    return [blocks.numbered(audit.actions, WIDTH - blocks.LABEL_WIDTH)]


def _figures(audit: Audit) -> list[tuple[str, str, str]]:
    """(number, label, range) of the key figures that the audit has."""
    items = []
    for probe, name in wording.KEY_FIGURES:
        finding = audit.finding(probe)
        measure = finding.measure(name) if finding is not None else None
        if measure is not None:
            bounds = formats.NONE if measure.low == measure.high else formats.interval(measure)
            value = "not measured" if measure.value is None else formats.number(measure.value, measure.unit)
            items.append((value, wording.measure_label(name), "" if bounds == formats.NONE else f"range {bounds}"))
    return items


def _asked(audit: Audit) -> list[Flowable]:
    sizes = formats.listed([_size(cohort) for cohort in audit.cohorts.values()])
    return [
        blocks.text(f"Does this release meet policy “{audit.policy}”? {audit.policy_purpose}"),
        *([blocks.text(f"Audited: {sizes}.")] if sizes else []),
    ]


def _size(cohort: CohortSummary) -> str:
    patients = f" of {formats.quantity(cohort.patients, 'patients')}" if cohort.patients else ""
    return f"{cohort.images:,} {wording.role_label(cohort.role)} images{patients}"


def _found(audit: Audit) -> list[Flowable]:
    """The answers that the verdict rests on, and whether patients were copied; the page behind tells them all.

    What was asked of nothing, or only says that the encoders are fit, is told there. Without any rule, every answer
    counts; where all rules passed, all answers that they read do.
    """
    judged = {result.rule.measure.partition("/")[0] for result in audit.rules}
    unmet = {r.rule.measure.partition("/")[0] for r in audit.rules if r.verdict is not Verdict.PASS}
    told = {COPIES, *unmet} if unmet else judged
    shown = [
        f
        for f in in_order(audit.findings)
        if f.probe not in {PLANTED, CONTEXT}
        and ((f.probe in told and f.probe in judged) or (not judged and f.not_run is None))
        and not _of_nothing(f)
        and not _seeing(f)
    ]
    answers = [_answer(finding) for finding in shown]
    return [blocks.text(answer) for answer in answers] or [blocks.text("No probe ran. Nothing was found or excluded.")]


def _of_nothing(finding: Finding) -> bool:
    """Whether there was nothing to ask about: no volumes, for one."""
    return bool(finding.measures) and all(one.value == 0 and not one.n_images for one in finding.measures)


def _seeing(finding: Finding) -> bool:
    """Whether this says that the encoders are fit for these images."""
    return finding.probe == ENCODERS and finding.not_run is None and finding.answer.startswith("Yes")


def _judged(audit: Audit) -> list[Flowable]:
    """How many rules came out how, and those that were not passed."""
    counts = [(sum(r.verdict is verdict for r in audit.rules), verdict.value) for verdict in Verdict]
    tally = formats.listed([f"{count} {word}" for count, word in counts if count])
    if not tally:
        return [blocks.text("The policy holds no rule.")]
    open_rules = [result for result in audit.rules if result.verdict is not Verdict.PASS]
    order = sorted(open_rules, key=lambda result: result.verdict is not Verdict.FAIL)
    judged = blocks.text(f"{formats.quantity(len(audit.rules), 'rules')}: {tally}.")
    return [judged, *(blocks.verdict_line(result.verdict, result.rule.says) for result in order)]


def _findable(audit: Audit) -> list[Flowable]:
    finding = audit.finding(PLANTED)
    if finding is None or finding.not_run is not None:
        why = "" if finding is None else f" {finding.not_run}"
        return [
            blocks.text(
                "Not known: no copies were planted, so nobody can say which leaks this audit would have missed."
                f"{why} Finding nothing means little here."
            )
        ]
    return [blocks.text(finding.answer)]


def _answer(finding: Finding) -> str:
    if finding.not_run is not None:
        return f"“{finding.question}” was not answered: {finding.not_run}"
    return finding.answer

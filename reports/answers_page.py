"""Every question that was asked, with its answer in one sentence: the page behind the first."""

from __future__ import annotations

from reportlab.platypus import Flowable, PageBreak

from synthaudit.audit_record import Audit
from synthaudit.finding import Finding
from synthaudit.reports import blocks, wording
from synthaudit.reports.blocks import Column
from synthaudit.reports.chapters import by_chapter

_LEAD = (
    "Each answer has its own pages further on: its charts, its numbers with their intervals, and what it does not say. "
    "Answers that no rule of the policy reads bear on no verdict; they are for whoever decides."
)


def story(audit: Audit) -> list[Flowable]:
    """Question and answer, chapter by chapter; whether a rule reads the answer."""
    if not audit.findings:
        return []
    judged = {result.rule.measure.partition("/")[0] for result in audit.rules}
    columns = [Column("Question", 52), Column("Answer", 94), Column("Judged", 20)]
    rows: list[list[blocks.Cell]] = []
    ruled: list[int] = []
    for chapter, findings in by_chapter(audit.findings):
        ruled.append(len(rows) + 1)
        rows.append([blocks.text(chapter.title, "cell-strong"), blocks.text("", "cell"), blocks.text("", "cell")])
        rows += [_row(finding, finding.probe in judged) for finding in findings]
    table = blocks.data_table(columns, rows, ruled=ruled[1:] or [1], padding=2.5)
    return [*blocks.section("All answers", _LEAD), table, PageBreak()]


def _row(finding: Finding, is_judged: bool) -> list[blocks.Cell]:
    answer = finding.answer if finding.not_run is None else f"Not answered: {finding.not_run}"
    judged = "by the policy" if is_judged else "no rule asks"
    return [
        blocks.text(wording.probe_title(finding.probe), "cell"),
        blocks.text(answer, "cell"),
        blocks.text(judged, "small"),
    ]

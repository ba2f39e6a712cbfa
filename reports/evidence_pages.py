"""The middle of the PDF: rules, cohorts, and what each probe found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether

from synthaudit.audit_record import Audit, CohortSummary, InputIssue
from synthaudit.finding import Chart, ChartKind, Finding, Measure
from synthaudit.policy import RuleResult, Verdict
from synthaudit.reports import blocks, formats, wording
from synthaudit.reports.blocks import Column
from synthaudit.reports.chapters import in_order
from synthaudit.reports.charts import drawing
from synthaudit.reports.theme import VERDICT_COLORS

UNDER_TEN = "under 10"
HEADING_MM, LARGEST_START_MM = 70.0, 230.0
"""Heading, question, answer and the chart's own title; and what a page holds."""


def story(audit: Audit) -> list[Flowable]:
    """Rules, cohorts, and the findings in the order of their chapters."""
    findings = (part for finding in in_order(audit.findings) for part in _finding(finding))
    return [*_rules(audit), *_cohorts(audit), *findings]


def _rules(audit: Audit) -> list[Flowable]:
    lead = (
        "Each rule compares a measured range with a threshold. Where the range lies on both sides, nothing is decided."
    )
    if not audit.rules:
        return [*blocks.section("Rules of the policy"), blocks.text("The policy holds no rule, so nothing was judged.")]
    columns = [
        Column("Verdict", 30),
        Column("Demand, and how it came out", 80),
        Column("Measured", 32),
        Column("Asked for", 24),
    ]
    rows = [
        [
            blocks.verdict_text(result.verdict),
            _demand(result),
            blocks.text(formats.measured(result.measure), "cell"),
            blocks.text(formats.threshold(result.rule, result.measure), "cell"),
        ]
        for result in audit.rules
    ]
    return [*blocks.section("Rules of the policy", lead), blocks.data_table(columns, rows)]


def _demand(result: RuleResult) -> list[Flowable]:
    rule = result.rule
    return [
        blocks.text(rule.says, "cell-strong"),
        blocks.text(result.reason, "cell"),
        blocks.text(f"Why it is asked: {rule.rationale}", "small"),
        blocks.text(f"{rule.id} · {rule.measure}", "small"),
    ]


def _cohorts(audit: Audit) -> list[Flowable]:
    columns = [
        Column("Set", 22),
        Column("How many", 18, numeric=True),
        Column("Patients", 18, numeric=True),
        Column("Without patient id", 22, numeric=True),
        Column("Size in pixels", 36),
        Column("Keyed digest", 50),
    ]
    cohorts = list(audit.cohorts.values())
    rows = [
        [
            blocks.text(wording.role_label(cohort.role), "cell-strong"),
            blocks.text(f"{cohort.images:,}", "number"),
            blocks.text(f"{cohort.patients:,}" if cohort.patients else formats.NONE, "number"),
            blocks.text(f"{cohort.images_without_patient:,}", "number"),
            blocks.text(cohort.sizes, "cell"),
            blocks.text(cohort.digest, "small"),
        ]
        for cohort in cohorts
    ]
    lead = "What was audited. An image without a patient id counts as a patient of its own."
    if not cohorts:
        return [*blocks.section("Images and patients"), blocks.text("No images were audited.")]
    return [
        *blocks.section("Images and patients", lead),
        blocks.data_table(columns, rows),
        *_attributes(cohorts),
        *_issues(audit.issues),
    ]


def _attributes(cohorts: Sequence[CohortSummary]) -> list[Flowable]:
    """Patients by attribute, one column a cohort; small cells say only that they are small."""
    names = sorted({name for cohort in cohorts for name in cohort.attributes})
    if not names:
        return []
    columns = [
        Column("Attribute", 36),
        Column("Value", 44),
        *(Column(wording.role_label(c.role), 28, numeric=True) for c in cohorts),
    ]
    rows: list[list[blocks.Cell]] = []
    ruled = []
    for name in names:
        ruled.append(len(rows) + 1)
        values = sorted({value for cohort in cohorts for value in cohort.attributes.get(name, {})})
        for i, value in enumerate(values):
            counts = [_count(cohort, name, value) for cohort in cohorts]
            cells = [blocks.text(name if i == 0 else "", "cell-strong"), blocks.text(value or "not given", "cell")]
            rows.append([*cells, *(blocks.text(count, "number") for count in counts)])
    return [
        *blocks.subsection("Patients by attribute"),
        blocks.text(f"Counts from 1 to 9 are shown as “{UNDER_TEN}”, so that small groups do not point at people."),
        blocks.data_table(columns, rows, ruled=ruled[1:] or [1]),
    ]


def _count(cohort: CohortSummary, name: str, value: str) -> str:
    counts = cohort.attributes.get(name, {})
    if value not in counts:
        return formats.NONE
    count = counts[value]
    return UNDER_TEN if count is None else f"{count:,}"


def _issues(issues: Sequence[InputIssue]) -> list[Flowable]:
    heading = blocks.subsection("Files and rows with issues")
    if not issues:
        return [*heading, blocks.text("None: every file and every row was used.")]
    columns = [Column("Set", 24), Column("Count", 16, numeric=True), Column("Issue", 96), Column("Took part", 30)]
    rows = [
        [
            blocks.text(wording.role_label(issue.role), "cell-strong"),
            blocks.text(f"{issue.count:,}", "number"),
            blocks.text(issue.says, "cell"),
            blocks.text("no, left out" if issue.excluded else "yes, with this warning", "cell"),
        ]
        for issue in issues
    ]
    return [*heading, blocks.data_table(columns, rows)]


def _finding(finding: Finding) -> list[Flowable]:
    heading = blocks.section(wording.probe_title(finding.probe), finding.question, room_mm=_room_mm(finding))
    if finding.not_run is not None:
        says = [
            blocks.text("This question was not answered.", "strong"),
            blocks.text(finding.not_run),
            blocks.text("What was not examined cannot be passed: rules that need it are inconclusive."),
        ]
        return [*heading, blocks.box(says, VERDICT_COLORS[Verdict.INCONCLUSIVE])]
    charts = [part for chart in finding.charts for part in _chart(chart)]
    drawn = _in_cells(finding.charts)
    told = [measure for measure in finding.measures if measure.name not in drawn]
    answer = blocks.box([blocks.text(finding.answer, "strong")])
    return [*heading, answer, *charts, *_unsaid(finding.limits), *_measures(told)]


def _unsaid(limits: Sequence[str]) -> list[Flowable]:
    """What the answer does not cover, beside the answer itself."""
    if not limits:
        return []
    return [*blocks.subsection("What this does not say", room_mm=20), *blocks.bullets(limits), blocks.space(2)]


def _room_mm(finding: Finding) -> float:
    """What a chapter needs to begin on a page: a chart stands below its answer, not on the page behind it."""
    if not finding.charts:
        return 80.0
    height_mm: float = drawing(finding.charts[0]).height / mm
    return min(LARGEST_START_MM, HEADING_MM + height_mm)


def _in_cells(charts: Sequence[Chart]) -> set[str]:
    """Names of the measures that a chart writes out step by step, so that the table need not repeat them.

    A grid writes interval and all, hence the steps that bear their family's name alone go too.
    """
    drawn: set[str] = set()
    for chart in charts:
        for series in chart.series if chart.kind in {ChartKind.GRID, ChartKind.PANELS} else ():
            drawn.update(f"{chart.name}[{series.name} {step}]" for step in series.x)
            if chart.kind is ChartKind.GRID:
                drawn.add(f"{chart.name}[{series.name}]")
    return drawn


def _measures(measures: Sequence[Measure]) -> list[Flowable]:
    """The table of measures; columns that would be empty are left out."""
    if not measures:
        return []
    levels = {measure.level for measure in measures if formats.interval(measure) != formats.NONE}
    head = f"{formats.number(min(levels), 'share')} interval" if len(levels) == 1 else "Interval (level)"
    columns = [
        Column("What was measured", 68),
        Column("Value", 21, numeric=True),
        Column(head, 30, numeric=True),
        Column("Floor", 14, numeric=True),
        Column("p-value", 17, numeric=True),
        Column("From", 31),
        Column("Rests on", 29),
    ]
    rows: list[list[blocks.Cell]] = []
    for note, group in groupby(measures, key=lambda measure: measure.note):
        for i, measure in enumerate(group):
            figures = [blocks.text(figure, "number") for figure in _figures(measure, with_level=len(levels) > 1)]
            from_, rests = blocks.text(formats.basis(measure), "cell"), blocks.text(measure.assumption.value, "cell")
            rows.append([_label(measure, note if i == 0 else ""), *figures, from_, rests])
    empty = {
        2: not levels,
        3: all(measure.floor is None for measure in measures),
        4: all(measure.p_value is None for measure in measures),
    }
    kept = [i for i in range(len(columns)) if not empty.get(i, False)]
    table = blocks.data_table([columns[i] for i in kept], [[row[i] for i in kept] for row in rows])
    return [table, _legend(measures)]


def _label(measure: Measure, note: str) -> list[Flowable]:
    label = [blocks.text(wording.measure_label(measure.name), "cell-strong")]
    if measure.not_measured is not None:
        label.append(blocks.text(f"Not measured: {measure.not_measured}", "cell"))
    return [*label, blocks.text(note, "small")] if note else label


def _figures(measure: Measure, *, with_level: bool) -> tuple[str, str, str, str]:
    """Value, interval, floor and p-value."""
    bounds = formats.interval(measure)
    if with_level and bounds != formats.NONE:
        bounds += f" ({formats.number(measure.level, 'share')})"
    return (
        formats.NONE if measure.value is None else formats.quantity(measure.value, measure.unit),
        bounds,
        formats.NONE if measure.floor is None else formats.number(measure.floor, measure.unit),
        formats.probability(measure.p_value),
    )


def _legend(measures: Sequence[Measure]) -> Flowable:
    """Names by which the measures stand in evidence.json."""
    names = ", ".join(measure.name for measure in measures)
    return blocks.text(f"In evidence.json, in this order: {names}.", "small")


def _chart(chart: Chart) -> list[Flowable]:
    parts = [blocks.text(chart.title, "h2"), blocks.space(1), drawing(chart)]
    if chart.caption:
        parts.append(blocks.text(chart.caption, "small"))
    return [KeepTogether(parts), blocks.space(3)]

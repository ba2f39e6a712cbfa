"""The end of the PDF: how to read it, what it cannot see, how to repeat it, and where to sign."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, PageBreak, Table

from synthaudit.audit_record import Audit, EncoderSummary
from synthaudit.reports import blocks, formats, wording
from synthaudit.reports.blocks import Column
from synthaudit.reports.chapters import in_order
from synthaudit.reports.theme import GRAY, REGULAR, WIDTH

_DECISIONS = (
    "Release to the recipients named below",
    "Release under the conditions named below",
    "Do not release",
    "Audit again before deciding",
)
_FIELDS = ("Recipients and purpose", "Conditions", "Reasons")
_SIGNATURE = (
    ("Name", "Function"),
    ("Place and date", "Signature"),
    ("Re-audit by (date)", "or upon (new data, new generator, new attack)"),
)


def story(audit: Audit, identity: str) -> list[Flowable]:
    """Method, limits, glossary, provenance, decision."""
    return [*_method(), *_limits(audit), *_glossary(), *_provenance(audit, identity), *_decision(audit, identity)]


def _method() -> list[Flowable]:
    verdicts = [(verdict.value, [blocks.text(says)]) for verdict, says in wording.VERDICTS.items()]
    kinds = [(f"{kind.value.capitalize()} evidence", [blocks.text(says)]) for kind, says in wording.KINDS.items()]
    rests = [(f"“{name.value}”", [blocks.text(says)]) for name, says in wording.ASSUMPTIONS.items()]
    return [
        *blocks.section("How to read the evidence", room_mm=110),
        blocks.box([blocks.text(wording.THREAT_MODEL)]),
        *blocks.subsection("The three verdicts"),
        blocks.label_rows(verdicts),
        *blocks.subsection("The two kinds of evidence"),
        blocks.label_rows(kinds),
        *blocks.subsection("What numbers rest on"),
        blocks.label_rows(rests),
    ]


def _limits(audit: Audit) -> list[Flowable]:
    """Of the questions that the verdict rests on, and of all audits; the others say theirs on their own pages."""
    judged = {result.rule.measure.partition("/")[0] for result in audit.rules}
    limits = [limit for finding in in_order(audit.findings) if finding.probe in judged for limit in finding.limits]
    unrun = [f"“{finding.question}” was not answered at all." for finding in audit.findings if finding.not_run]
    return [
        *blocks.section("What this audit cannot see"),
        *blocks.bullets(list(dict.fromkeys([*unrun, *limits, *wording.GENERAL_LIMITS]))),
    ]


def _glossary() -> list[Flowable]:
    return [
        *blocks.section("Words used"),
        blocks.label_rows([(word, [blocks.text(says)]) for word, says in wording.GLOSSARY.items()], label=46 * mm),
    ]


def _provenance(audit: Audit, identity: str) -> list[Flowable]:
    origin = audit.provenance
    lead = "What it takes to repeat this audit. The same input, version, settings and seed give the same numbers."
    facts = {
        "Audit": f"{identity} (the first digits of the SHA-256 of evidence.json)",
        "Version": f"synthaudit {origin.version}",
        "Begun, and how long it took": f"{formats.moment(origin.started)}, {formats.duration(origin.seconds)}",
        "Seed": str(origin.seed),
        "Platform": f"{origin.platform}, Python {origin.python}",
        "Packages": ", ".join(f"{name}\u00a0{version}" for name, version in origin.packages.items()) or formats.NONE,
        "Policy": f"{audit.policy}: {audit.policy_purpose}",
    }
    stages = {stage: formats.duration(seconds) for stage, seconds in origin.stages.items()}
    return [
        *blocks.section("How to repeat it", lead),
        _facts("Run", facts),
        *_encoders(audit.encoders),
        *([*blocks.subsection("Settings"), _facts("Setting", _flat(origin.settings))] if origin.settings else []),
        *([*blocks.subsection("Time by stage"), _facts("Stage", stages)] if stages else []),
    ]


def _encoders(encoders: tuple[EncoderSummary, ...]) -> list[Flowable]:
    if not encoders:
        return []
    columns = [Column("Encoder", 40), Column("Fingerprint", 96), Column("Numbers per image", 30, numeric=True)]
    rows = [
        [
            blocks.text(encoder.name, "cell-strong"),
            blocks.text(encoder.fingerprint, "small"),
            blocks.text(f"{encoder.dim:,}", "number"),
        ]
        for encoder in encoders
    ]
    return [*blocks.subsection("Encoders"), blocks.data_table(columns, rows), *_fitness(encoders)]


def _fitness(encoders: tuple[EncoderSummary, ...]) -> list[Flowable]:
    """A row for each encoder: what it sees in these images."""
    columns = [Column("Encoder", 34)]
    columns += [Column(heading, 22, numeric=True) for heading, _ in wording.FITNESS.values()]
    rows: list[list[blocks.Cell]] = [
        [
            blocks.text(encoder.name, "cell-strong"),
            *(
                blocks.text(formats.number(encoder.fitness.get(name, math.nan), unit), "number")
                for name, (_, unit) in wording.FITNESS.items()
            ),
        ]
        for encoder in encoders
    ]
    return [
        *blocks.subsection("Their fitness for these images"),
        blocks.data_table(columns, rows),
        blocks.text(f"{formats.NONE}: not measured. {wording.FITNESS_NOTE}", "small"),
    ]


def _facts(head: str, facts: Mapping[str, str]) -> Flowable:
    rows = [[blocks.text(name, "cell-strong"), blocks.text(value, "cell")] for name, value in facts.items()]
    return blocks.data_table([Column(head, 54), Column("", 112)], rows, padding=2.5)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as "outer.inner" -> value in words."""
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = _setting(value)
    return flat


def _setting(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_setting(item) for item in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None or value == {} else str(value)


def _decision(audit: Audit, identity: str) -> list[Flowable]:
    covers = (
        f"This sheet belongs to audit {identity} and to the synthetic images audited there, and to no others. "
        f"Verdict: {audit.verdict.value}. {wording.evidence_sentence(audit.verdict, audit.policy)} {wording.DISCLAIMER}"
    )
    boxes = [[blocks.text("☐", "lead"), blocks.text(choice)] for choice in _DECISIONS]
    return [
        PageBreak(),
        *blocks.section("Decision of the controller"),
        blocks.text(covers),
        KeepTogether([blocks.text("Decision", "h2"), Table(boxes, colWidths=[8 * mm, WIDTH - 8 * mm], style=_BOXES)]),
        *(_line(field, 3 if field != "Recipients and purpose" else 2) for field in _FIELDS),
        blocks.space(4),
        KeepTogether([_signatures()]),
    ]


def _line(label: str, lines: int) -> Flowable:
    rows = [[blocks.text(label, "cell-strong")], *([""] for _ in range(lines))]
    return Table(
        rows,
        colWidths=[WIDTH],
        rowHeights=[None, *[8 * mm] * lines],
        spaceBefore=8,
        style=[*_BOXES, ("LINEBELOW", (0, 1), (-1, -1), 0.6, GRAY)],
    )


def _signatures() -> Flowable:
    rows: list[list[Any]] = []
    for left, right in _SIGNATURE:
        rows += [["", "", ""], [blocks.text(left, "small"), "", blocks.text(right, "small")]]
    gap = 10 * mm
    ruled = [
        ("LINEBELOW", (column, row), (column, row), 0.6, GRAY) for row in range(0, len(rows), 2) for column in (0, 2)
    ]
    return Table(
        rows,
        colWidths=[(WIDTH - gap) / 2, gap, (WIDTH - gap) / 2],
        rowHeights=[11 * mm, 5.5 * mm] * len(_SIGNATURE),
        style=[*_BOXES, *ruled],
    )


_BOXES: list[tuple[object, ...]] = [
    ("FONT", (0, 0), (-1, -1), REGULAR, 8),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 1),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
]

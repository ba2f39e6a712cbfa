"""`evidence.json`: the public part of an audit as a document, and back.

What is written here is all that may leave the house: no patient, no file name, no pair. Every public report is drawn
from `public(audit)`, the audit as this document remembers it, so that none of them can say more than the document does,
and a report made later from the file alone is the same, byte for byte.

Numbers carry six significant digits; counts stay whole. What is not finite is not written: a measure with an infinite
or undefined value or bound becomes one that was not measured, because an open bound that reads as "no bound" could turn
an undecided rule into a passed one. Counts of 1 to 9 patients (attributes, bins of histograms) are masked once more.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from synthaudit.audit_record import SCHEMA, Audit, CohortSummary, EncoderSummary, InputIssue, Provenance
from synthaudit.cohort import Role
from synthaudit.errors import InputError
from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Finding, Measure, Series
from synthaudit.policy import Rule, RuleResult, Verdict
from synthaudit.schemas import schema
from synthaudit.schemas.conformity import first_violation
from synthaudit.schemas.published import SMALLEST_CELL, finite, finite_only, masked, plain, rounded

_REMEDY = "take the file that the audit wrote, or run the audit again"
Document = dict[str, Any]


def dump(audit: Audit) -> bytes:
    """The content of `evidence.json`; equal audits give equal bytes."""
    text = json.dumps(to_document(audit), ensure_ascii=False, allow_nan=False, indent=2)
    return (text + "\n").encode(errors="backslashreplace")  # a lone surrogate becomes its JSON escape


def load(path: Path) -> Audit:
    """The audit that an `evidence.json` tells of, without patients and files.

    Raises:
        InputError: The file cannot be read, is no evidence, or is of another version.
    """
    try:
        content = path.read_text(encoding="utf-8")
        document = json.loads(content, parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        found = "one that cannot be read" if isinstance(error, OSError) else "text that is not JSON"
        raise InputError(f"evidence must be a JSON file written by synthaudit, found {found}; {_REMEDY}") from error
    return from_document(document)


def audit_id(audit: Audit) -> str:
    """Twelve hex digits that name this audit: the start of the SHA-256 of its `evidence.json`."""
    return hashlib.sha256(dump(audit)).hexdigest()[:12]


def public(audit: Audit) -> Audit:
    """The audit as `evidence.json` remembers it: no patients, no files, rounded numbers."""
    return from_document(to_document(audit))


def to_document(audit: Audit) -> Document:
    """The public part of an audit, ready for JSON; `from_document` reads it back."""
    order = [role.value for role in Role]
    roles = sorted(audit.cohorts, key=lambda role: (order.index(role) if role in order else len(order), role))
    return {
        "schema": SCHEMA,
        "verdict": audit.verdict.value,
        "reason": audit.reason,
        "actions": list(audit.actions),
        "policy": {"name": audit.policy, "purpose": audit.policy_purpose},
        "rules": [_rule_to(result) for result in audit.rules],
        "cohorts": {role: _cohort_to(audit.cohorts[role]) for role in roles},
        "issues": [
            {"role": i.role, "reason": i.reason, "says": i.says, "count": i.count, "excluded": i.excluded}
            for i in audit.issues
        ],
        "encoders": [
            {
                "name": e.name,
                "fingerprint": e.fingerprint,
                "dim": e.dim,
                "fitness": finite_only(e.fitness),
                "weights": e.weights,
            }
            for e in audit.encoders
        ],
        "findings": [_finding_to(finding) for finding in audit.findings],
        "provenance": _provenance_to(audit.provenance),
    }


def from_document(document: Document) -> Audit:
    """The audit that a document tells of; exposures, withheld images and files left out are empty.

    Raises:
        InputError: The document is of another version, or does not keep to the schema.
    """
    version = document.get("schema") if isinstance(document, dict) else None
    if version != SCHEMA:
        found = repr(version) if isinstance(version, str) else "none"
        raise InputError(
            f"evidence must be of schema {SCHEMA!r}, found {found}; read it with the synthaudit that wrote it, "
            "or run the audit again with this one"
        )
    violation = first_violation(document, schema("evidence-1"))
    if violation is not None:
        raise InputError(f"evidence must keep to schema {SCHEMA!r}: {violation}; {_REMEDY}")
    try:
        return _audit_from(document)
    except ValueError as error:
        raise InputError(f"evidence must be consistent, found that {error}; {_REMEDY}") from error


def _audit_from(document: Document) -> Audit:
    return Audit(
        verdict=Verdict(document["verdict"]),
        reason=document["reason"],
        actions=tuple(document["actions"]),
        policy=document["policy"]["name"],
        policy_purpose=document["policy"]["purpose"],
        rules=tuple(_rule_from(rule) for rule in document["rules"]),
        cohorts={role: CohortSummary(role=role, **fields) for role, fields in document["cohorts"].items()},
        issues=tuple(InputIssue(**issue) for issue in document["issues"]),
        encoders=tuple(EncoderSummary(**encoder) for encoder in document["encoders"]),
        findings=tuple(_finding_from(finding) for finding in document["findings"]),
        provenance=Provenance(**document["provenance"]),
    )


def _rule_to(result: RuleResult) -> Document:
    rule = result.rule
    return {
        "rule": rule.id,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "says": rule.says,
        "rationale": rule.rationale,
        "measure": rule.measure,
        "comparison": "at_most" if rule.at_most is not None else "at_least",
        "threshold": rounded(rule.threshold),
        "bound": rule.bound,
        "minimum_patients": rule.minimum_patients,
        "on_breach": rule.on_breach.value,
        "requires": list(rule.requires),
        "measured": None if result.measure is None else _measure_to(result.measure),
    }


def _rule_from(document: Document) -> RuleResult:
    rule = Rule(
        id=document["rule"],
        measure=document["measure"],
        says=document["says"],
        rationale=document["rationale"],
        at_most=document["threshold"] if document["comparison"] == "at_most" else None,
        at_least=document["threshold"] if document["comparison"] == "at_least" else None,
        bound=document["bound"],
        minimum_patients=document["minimum_patients"],
        on_breach=Verdict(document["on_breach"]),
        requires=tuple(document["requires"]),
    )
    measured = document["measured"]
    measure = None if measured is None else _measure_from(measured)
    return RuleResult(rule=rule, verdict=Verdict(document["verdict"]), reason=document["reason"], measure=measure)


def _measure_to(measure: Measure) -> Document:
    bounds = (measure.value, measure.low, measure.high)
    usable = all(number is None or math.isfinite(number) for number in bounds)
    value, low, high = (None if number is None or not usable else rounded(number) for number in bounds)
    unmeasured = measure.not_measured if usable else "The number, or an end of its interval, is not finite."
    return {
        "name": measure.name,
        "value": value,
        "low": low,
        "high": high,
        "level": rounded(measure.level),
        "n_patients": int(measure.n_patients),
        "n_images": int(measure.n_images),
        "floor": finite(measure.floor),
        "p_value": finite(measure.p_value),
        "unit": measure.unit,
        "direction": measure.direction.value,
        "assumption": measure.assumption.value,
        "note": measure.note,
        "not_measured": unmeasured,
    }


def _measure_from(document: Document) -> Measure:
    kinds = {"direction": Direction(document["direction"]), "assumption": Assumption(document["assumption"])}
    return Measure(**{**document, **kinds})


def _finding_to(finding: Finding) -> Document:
    return {
        "probe": finding.probe,
        "question": finding.question,
        "answer": finding.answer,
        "measures": [_measure_to(measure) for measure in finding.measures],
        "charts": [_chart_to(chart) for chart in finding.charts],
        "limits": list(finding.limits),
        "not_run": finding.not_run,
    }


def _finding_from(document: Document) -> Finding:
    parts = {
        "measures": tuple(_measure_from(measure) for measure in document["measures"]),
        "charts": tuple(_chart_from(chart) for chart in document["charts"]),
        "limits": tuple(document["limits"]),
    }
    return Finding(**{**document, **parts})


def _chart_to(chart: Chart) -> Document:
    return {
        "name": chart.name,
        "title": chart.title,
        "kind": chart.kind.value,
        "x_label": chart.x_label,
        "y_label": chart.y_label,
        "series": [_series_to(series, chart.kind) for series in chart.series],
        "caption": chart.caption,
        "marker": finite(chart.marker),
        "marker_label": chart.marker_label,
    }


def _series_to(series: Series, kind: ChartKind) -> Document:
    """A series without the points that are not finite.

    In a histogram, small counts become null; in a grid and in panels a point without a number keeps its place.
    """
    columns: list[tuple[Any, ...]] = [series.x, series.y]
    columns += [column for column in (series.low, series.high) if column is not None]
    points = list(zip(*columns, strict=True))
    if kind is ChartKind.HISTOGRAM:
        y = [None if 0 < n < SMALLEST_CELL else finite(n) for n in series.y]
    else:
        if kind not in {ChartKind.GRID, ChartKind.PANELS}:
            points = [p for p in points if all(isinstance(n, str) or math.isfinite(n) for n in p)]
        y = [finite(point[1]) for point in points]
    ends = [[finite(point[i]) for point in points] for i in range(2, len(columns))]
    return {
        "name": series.name,
        "x": [point[0] if isinstance(point[0], str) else rounded(point[0]) for point in points],
        "y": y,
        "low": None if series.low is None else ends[0],
        "high": None if series.high is None else ends[-1],
    }


def _chart_from(document: Document) -> Chart:
    series = tuple(_series_from(one) for one in document["series"])
    return Chart(**{**document, "kind": ChartKind(document["kind"]), "series": series})


def _series_from(document: Document) -> Series:
    lengths = {len(document[name]) for name in ("x", "y", "low", "high") if document[name] is not None}
    if len(lengths) != 1:
        raise ValueError("a series of a chart has columns of different lengths")
    y, low, high = (None if document[name] is None else _numbers_from(document[name]) for name in ("y", "low", "high"))
    return Series(name=document["name"], x=tuple(document["x"]), y=y or (), low=low, high=high)


def _numbers_from(column: list[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if number is None else number for number in column)


def _cohort_to(cohort: CohortSummary) -> Document:
    return {
        "images": cohort.images,
        "patients": cohort.patients,
        "images_without_patient": cohort.images_without_patient,
        "sizes": cohort.sizes,
        "digest": cohort.digest,
        "attributes": {
            name: {value: masked(counts[value]) for value in sorted(counts)}
            for name, counts in sorted(cohort.attributes.items())
        },
    }


def _provenance_to(provenance: Provenance) -> Document:
    return {
        "version": provenance.version,
        "seed": provenance.seed,
        "started": provenance.started,
        "seconds": finite(provenance.seconds) or 0,
        "stages": {stage: finite(seconds) or 0 for stage, seconds in provenance.stages.items()},
        "platform": provenance.platform,
        "python": provenance.python,
        "packages": dict(sorted(provenance.packages.items())),
        "settings": plain(provenance.settings),
    }


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")

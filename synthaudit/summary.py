"""What an audit says in words: the cohorts without anyone in them, the reason for the verdict, what to do now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthaudit.audit_record import CohortSummary
from synthaudit.cohort import Cohort
from synthaudit.finding import Finding
from synthaudit.policy import RuleResult, Verdict
from synthaudit.provenance import keyed_digest
from synthaudit.remedies import REMEDIES

SHOWN_ATTRIBUTES = ("sex", "age", "ethnicity", "group", "site", "view", "modality", "label")
LARGEST_TABLE = 20
SMALLEST_CELL = 10


def cohort_summary(cohort: Cohort, sizes: str, key: bytes) -> CohortSummary:
    """Counts of one cohort; cells under 10 patients are suppressed, and a second one where the first would follow."""
    return CohortSummary(
        role=cohort.role.value,
        images=len(cohort),
        patients=cohort.n_patients,
        images_without_patient=int((~cohort.known_patient).sum()),
        sizes=sizes,
        digest=keyed_digest(cohort.digest, key),
        attributes={
            name: table
            for name in SHOWN_ATTRIBUTES
            if name in cohort.attributes and (table := _table(cohort, name)) is not None
        },
    )


def _table(cohort: Cohort, name: str) -> Mapping[str, int | None] | None:
    """Value -> number of patients; None if there are too many values or none at all."""
    patients: dict[str, set[str]] = {}
    for patient, value in zip(cohort.patients, cohort.attributes[name], strict=True):
        patients.setdefault(_decade(value) if name == "age" else value or "unknown", set()).add(patient)
    if set(patients) == {"unknown"} or len(patients) > LARGEST_TABLE:
        return None
    counts: dict[str, int | None] = {value: len(members) for value, members in sorted(patients.items())}
    hidden = [value for value, count in counts.items() if count is not None and count < SMALLEST_CELL]
    if len(hidden) == 1 and len(counts) > 1:  # a single gap follows from the total: hide the next smallest too
        rest = [(count, value) for value, count in counts.items() if value not in hidden and count is not None]
        hidden.append(min(rest)[1])
    return {value: None if value in hidden else count for value, count in counts.items()}


def _decade(age: str) -> str:
    try:
        years = int(float(age))
    except (ValueError, OverflowError):  # no number; infinite
        return "unknown"
    return (
        f"{years // 10 * 10}-{years // 10 * 10 + 9}" if 0 <= years < 90 else "90 and over" if years >= 90 else "unknown"
    )


def encoder_fitness(encoder: str, findings: Sequence[Finding]) -> Mapping[str, float]:
    """What the probe `encoders` measured of this encoder alone: "retrieval_at_1", "hubness" ...; empty if nothing."""
    variant = f"[{encoder}]"
    return {
        measure.name.removesuffix(variant): measure.value
        for finding in findings
        if finding.probe == "encoders"
        for measure in finding.measures
        if measure.name.endswith(variant) and measure.value is not None
    }


def reason(verdict: Verdict, results: Sequence[RuleResult]) -> str:
    """The verdict in one plain sentence."""
    decisive = [result for result in results if result.verdict is verdict]
    if verdict is Verdict.PASS:
        return f"All {len(results)} rules of the policy are met, those on what the audit could have seen among them."
    first = decisive[0] if decisive else None
    if first is None:
        return "The policy could not be judged."
    more = f" ({len(decisive)} rules in all)" if len(decisive) > 1 else ""
    lead = "Refuted" if verdict is Verdict.FAIL else "Not settled"
    return f'{lead}: "{first.rule.says}".{more} {first.reason}'


def actions(
    verdict: Verdict, results: Sequence[RuleResult], findings: Sequence[Finding], has_holdout: bool
) -> tuple[str, ...]:
    """What to do now, most urgent first."""
    if verdict is Verdict.PASS:
        return (
            "These images may go to the release decision; the decision is the controller's, not this report's.",
            "Release exactly the images that were audited: another sample needs another audit.",
            "Audit the checkpoint separately if it is to leave the house: clean samples do not clear it.",
        )
    open_rules = {result.rule.measure for result in results if result.verdict is not Verdict.PASS}
    said = [text for measure, text in REMEDIES if any(name.startswith(measure) for name in open_rules)]
    if not has_holdout:
        said = ["Give a holdout (--holdout, or --split): without one there is nothing to compare with.", *said]
    if any(finding.withheld for finding in findings):
        said.append("Do not just remove the flagged images and release the rest: that invites reconstruction.")
    return tuple(dict.fromkeys(said)) or ("Settle the open rules, then audit again.",)

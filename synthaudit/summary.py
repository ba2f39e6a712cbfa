"""What an audit says in words: the cohorts without anyone in them, the reason for the verdict, what to do now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthaudit.attributes import AGE_BANDS, SMALLEST_CELL, age_band, findings, suppressed
from synthaudit.audit_record import CohortSummary
from synthaudit.cohort import Cohort
from synthaudit.finding import Finding
from synthaudit.policy import RuleResult, Verdict
from synthaudit.provenance import keyed_digest
from synthaudit.remedies import REMEDIES

SHOWN_ATTRIBUTES = ("sex", "age", "ethnicity", "group", "site", "view", "modality", "label")
LARGEST_TABLE = 20
UNKNOWN = "unknown"
OTHER_VALUES = "(other values)"
NAMED_ANYWAY = frozenset({"F", "M", "O", UNKNOWN, *(name for _, name in AGE_BANDS)})
"""What says nothing by being there; any other value that fewer than 10 patients have may point at them by itself."""


def cohort_summary(cohort: Cohort, sizes: str, key: bytes) -> CohortSummary:
    """Counts of one cohort; cells under 10 patients are suppressed, and others where these would follow."""
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
    """Value -> number of patients; None if there are too many values or none at all.

    Ages and labels are divided as the probes divide them: from two ways of counting, small numbers would follow.
    """
    patients: dict[str, set[str]] = {}
    for patient, given in zip(cohort.patients, cohort.attributes[name], strict=True):
        for value in _said(name, given) or (UNKNOWN,):
            patients.setdefault(value, set()).add(patient)
    if set(patients) == {UNKNOWN} or len(patients) > LARGEST_TABLE:
        return None
    sizes = {value: len(members) for value, members in sorted(patients.items())}
    hidden = suppressed(sizes)
    told: dict[str, int | None] = {}
    for value, size in sizes.items():
        rare = size < SMALLEST_CELL and value not in NAMED_ANYWAY
        told[OTHER_VALUES if rare else value] = None if value in hidden else size
    return told


def _said(name: str, given: str) -> tuple[str, ...]:
    if name == "label":
        return tuple(sorted(findings(given)))
    said = age_band(given) if name == "age" else given.strip()
    return (said,) if said else ()


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

"""What an audit says in words: the cohorts without anyone in them, the reason for the verdict, what to do now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthaudit.audit_record import CohortSummary
from synthaudit.cohort import Cohort
from synthaudit.finding import Finding
from synthaudit.policy import RuleResult, Verdict
from synthaudit.provenance import keyed_digest

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


_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        "copies/direct_patients",
        "Do not release these images. Look at the pairs in the restricted annex, inform whoever answers for the "
        "patients named there, and retrain on more patients, with fewer passes over them or with differential privacy.",
    ),
    (
        "copies/direct_holdout_patients",
        "Find out why held-out patients appear: were they trained on after all, or does someone stand under two ids?",
    ),
    (
        "regions/region_patients",
        "Do not release these images. Look at the parts outlined in the restricted annex with someone who knows such "
        "images: what shows a patient, and what only a mark or a device of a common make?",
    ),
    (
        "regions/region_holdout_patients",
        "Find out why parts of held-out patients' images appear: were they trained on after all?",
    ),
    (
        "volumes/copied_volumes",
        "Do not release these volumes, and withhold a copied one whole. Look at its slices in the restricted annex, "
        "and retrain on more patients, with fewer passes over them or with differential privacy.",
    ),
    (
        "volumes/copied_holdout_volumes",
        "Find out why held-out patients' volumes appear: were they trained on after all?",
    ),
    (
        "copies/statistical_patients",
        "Audit a fresh, larger sample of synthetic images against more held-out patients.",
    ),
    (
        "membership/auc_beyond_chance",
        "Keep these images from anyone who must not learn who was trained on.",
    ),
    (
        "extraction/extracted_",
        "Do not give the generator away, and audit what was made with it: patients' images can be had from it. Retrain "
        "on more patients, with fewer passes over them or with differential privacy.",
    ),
    (
        "extraction/images_made",
        "Make more images to look for patients in them (the setting extracted_images), and audit again.",
    ),
    (
        "checkpoint/auc_beyond_chance",
        "Do not give the generator away: it tells who was trained on. Retrain on more patients, with fewer passes over "
        "them or with differential privacy, and release no more than samples that were audited.",
    ),
    (
        "checkpoint/loss_or_critic_asked",
        "Hand the audit the generator with its loss (--generator): what can only be sampled is not judged by it.",
    ),
    ("checkpoint/detectable_auc", "Hold out more patients: with so few, no attack on the generator can be seen."),
    ("membership/detectable_auc", "Hold out more patients: with so few, no attack is told from guessing."),
    ("inputs/holdout_patients", "Hold out more patients: real images of the same source that were never trained on."),
    ("copies/k_min_share", "Hold out more patients: with so few, no p-value is small enough to name anyone."),
    ("inputs/overlap", "Remove people who stand on both sides (the restricted folder lists files), and audit again."),
    (
        "inputs/exchangeability_p",
        "Draw training and holdout patients alike: same sites, scanners, years and ages; then audit again.",
    ),
    (
        "encoders/",
        "Audit again with another encoder (synthaudit encoders list), or with more patients: this one was not seen to "
        "tell these images apart.",
    ),
    (
        "planted/",
        "The audit could not have seen what the policy forbids: add images, use a finer encoder, or narrow the claim.",
    ),
    (
        "sources/missing_images",
        "Find out where the images are that their source lists and does not give, and audit again.",
    ),
    (
        "weights/unverified_encoders",
        "Verify the encoder's weights (synthaudit encoders add, with the publisher's SHA-256), and audit again.",
    ),
)


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
    said = [text for measure, text in _REMEDIES if any(name.startswith(measure) for name in open_rules)]
    if not has_holdout:
        said = ["Give a holdout (--holdout, or --split): without one there is nothing to compare with.", *said]
    if any(finding.withheld for finding in findings):
        said.append("Do not just remove the flagged images and release the rest: that invites reconstruction.")
    return tuple(dict.fromkeys(said)) or ("Settle the open rules, then audit again.",)

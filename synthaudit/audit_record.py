"""An audit: findings, verdicts and provenance; everything that a report may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthaudit.finding import Exposure, Finding, Kind
from synthaudit.policy import RuleResult, Verdict

SCHEMA = "synthaudit/evidence/1"


@dataclass(frozen=True, slots=True)
class CohortSummary:
    """What the public reports say of one cohort. `digest` is keyed (HMAC): a plain one would be a membership oracle."""

    role: str
    images: int
    patients: int
    images_without_patient: int
    sizes: str
    """For example "512 x 512" or "200 x 150 to 600 x 450"."""
    digest: str
    attributes: Mapping[str, Mapping[str, int | None]]
    """Attribute -> value -> number of patients; None where under 10 (suppressed)."""


@dataclass(frozen=True, slots=True)
class InputIssue:
    """How many files or rows were left out, or used with a warning, for one reason."""

    role: str
    reason: str
    """Stable code: "truncated", "no-row", "duplicate-row", "patient-in-both", ..."""
    says: str
    """The reason in plain words, with what to do."""
    count: int
    excluded: bool
    """True if what is counted took no part in the audit."""


@dataclass(frozen=True, slots=True)
class EncoderSummary:
    """An encoder, pinned: what would have to be had again to repeat the numbers."""

    name: str
    fingerprint: str
    dim: int
    fitness: Mapping[str, float]
    weights: str = "none"
    """How its weight file was checked: "published", "given" or "vouched" for, "unverified"; "none" if it has no file,
    or if the audit is older than this check."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How to do it again."""

    version: str
    seed: int
    started: str
    """ISO 8601, UTC, to the second."""
    seconds: float
    stages: Mapping[str, float]
    """Stage -> seconds."""
    platform: str
    python: str
    packages: Mapping[str, str]
    settings: Mapping[str, Any]
    """Every choice that changes a number; no path, no patient."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that a report may say.

    Attributes:
        verdict: FAIL if any rule fails, else INCONCLUSIVE if any is, else PASS.
        reason: The verdict in one plain sentence.
        actions: What to do now, most urgent first, one sentence each.
        policy, policy_purpose: Name of the policy, and what release it is meant for.
        files_left_out: (role, file, reason) of every file or row in `issues`. Restricted.
    """

    verdict: Verdict
    reason: str
    actions: tuple[str, ...]
    policy: str
    policy_purpose: str
    rules: tuple[RuleResult, ...]
    cohorts: Mapping[str, CohortSummary]
    issues: tuple[InputIssue, ...]
    encoders: tuple[EncoderSummary, ...]
    findings: tuple[Finding, ...]
    provenance: Provenance
    files_left_out: tuple[tuple[str, str, str], ...] = ()

    def finding(self, probe: str) -> Finding | None:
        """The finding of that probe, or None."""
        return next((f for f in self.findings if f.probe == probe), None)

    def names(self, exposure: Exposure) -> bool:
        """Whether this audit names the patient: flagged, and not by statistics that the policy holds void.

        Statistics are void while a rule that they rest on (enough patients, sides that can be compared) did not pass.
        """
        verdict = {result.rule.id: result.verdict for result in self.rules}
        void = any(
            result.rule.measure.partition("/")[0] == exposure.probe
            and any(verdict.get(other, Verdict.PASS) is not Verdict.PASS for other in result.rule.requires)
            for result in self.rules
        )
        return exposure.flagged and not (void and exposure.kind is Kind.STATISTICAL)

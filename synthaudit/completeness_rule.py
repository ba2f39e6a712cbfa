"""Are the images that were listed as the training set, or as what the generator made, those that were looked at?

A rule that no policy can leave out: an image that a DICOMDIR, a Parquet file or a PACS names and does not hold was not
compared with anything, and what was not compared reads as PASS. So an audit that lacks some is INCONCLUSIVE at best;
what it found against the others still stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from synthaudit.audit_record import InputIssue
from synthaudit.cohort import Role
from synthaudit.finding import Assumption, Direction, Measure
from synthaudit.policy import Rule, RuleResult, Verdict

ID = "listed-images-read"
MEASURE = "sources/missing_images"
_ROLES = (Role.TRAIN, Role.SYNTHETIC)
_REASONS = ("missing-file", "not-retrieved")


def completeness_rule(issues: Sequence[InputIssue]) -> tuple[RuleResult, ...]:
    """The rule, broken, if listed images of training or of the synthetic set could not be had; nothing otherwise."""
    missing = {
        role: sum(issue.count for issue in issues if issue.role == role and issue.reason in _REASONS) for role in _ROLES
    }
    n = float(sum(missing.values()))
    if not n:
        return ()
    measure = Measure(
        MEASURE.partition("/")[2],
        n,
        low=n,
        high=n,
        unit="images",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.EXACT,
        note="Training and synthetic images that their source lists and does not give.",
    )
    rule = Rule(
        id=ID,
        measure=MEASURE,
        says="Every image that is listed as training or synthetic was looked at",
        rationale="An image that nobody looked at cannot be found copied, which would read as there being no copy.",
        at_most=0,
        bound="value",
        on_breach=Verdict.INCONCLUSIVE,
    )
    where = " and ".join(f"{count} {role}" for role, count in missing.items() if count)
    why = (
        f"The source lists images that it does not give: {where}. Find out where they are, or take them out of what is "
        f"listed if the generator never saw them, and audit again."
    )
    return (RuleResult(rule, Verdict.INCONCLUSIVE, why, measure),)

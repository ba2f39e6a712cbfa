"""Are the weights of every encoder those that they are taken for?

A rule that no policy can leave out: a wrong weight file finds nothing, and finding nothing reads as PASS. So an audit
with an encoder whose weights nobody verified is INCONCLUSIVE at best; what it found against the images still stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from synthaudit.audit_record import EncoderSummary
from synthaudit.encoders.weights import WeightsCheck
from synthaudit.finding import Assumption, Direction, Measure
from synthaudit.policy import Rule, RuleResult, Verdict

ID = "encoder-weights"
MEASURE = "weights/unverified_encoders"


def weights_rule(encoders: Sequence[EncoderSummary]) -> tuple[RuleResult, ...]:
    """The rule, broken, if the weights of an encoder were not verified; nothing otherwise."""
    unverified = [encoder.name for encoder in encoders if encoder.weights == WeightsCheck.UNVERIFIED]
    if not unverified:
        return ()
    n = float(len(unverified))
    measure = Measure(
        MEASURE.partition("/")[2],
        n,
        low=n,
        high=n,
        unit="encoders",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.EXACT,
        note="Encoders whose weight file has no SHA-256 that is known here, was given, or was vouched for.",
    )
    rule = Rule(
        id=ID,
        measure=MEASURE,
        says="The weights of every encoder are those that they are taken for",
        rationale="A wrong or damaged weight file sees no copies, which would read as there being none.",
        at_most=0,
        bound="value",
        on_breach=Verdict.INCONCLUSIVE,
    )
    why = (
        f"Nobody verified the weights of {' and '.join(unverified)}: add them with their SHA-256 "
        "(synthaudit encoders add NAME --from FILE --sha256 DIGEST), and audit again."
    )
    return (RuleResult(rule, Verdict.INCONCLUSIVE, why, measure),)

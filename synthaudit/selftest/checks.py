"""What each probe must answer to each control, and how its answer is read.

A check reads one word out of an audit. The words that are right are declared here for each control; several words mean
that either is right: what a control of this size and kind decides on some seeds only is said to be open, not hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synthaudit.audit_record import Audit
from synthaudit.cohort import Role
from synthaudit.finding import Finding, Kind, Measure
from synthaudit.policy import Verdict
from synthaudit.selftest.controls import FIRST, Control

NOBODY, SUSPICION, SOME, LEAK, WRONG, VOID = "nobody", "suspicion", "some", "leak", "wrong people", "void"
"""Of people: none named; named to be looked at; beyond doubt, but under three quarters of those there; beyond doubt,
most of them; some named who are not there; not answered."""
ALIKE, DIFFERENT = "alike", "different"
SEEING, BLIND = "seeing", "blind"
CLOSER, EVEN = "closer", "even"
"""Of the synthetic images as a whole: much closer to training than to held-out images, or to both alike."""
GUESSING, TOLD = "guessing", "told apart"
"""Of who was trained on: attackers are left guessing, or tell."""
PASS, FAIL, OPEN = Verdict.PASS.value, Verdict.FAIL.value, Verdict.INCONCLUSIVE.value

LEAST_FOUND = 0.75
"""Share of the people there who are to be named, and of the planted plain copies."""
LEAST_AGAIN = 0.5
"""Share of mildly altered images that must lead back to themselves: the simulated patients are easy to tell apart."""
CHANCE = 0.5
"""AUC of guessing."""
MUCH_CLOSER = 0.75
"""Share of the synthetic images closer to a training image; one half where nothing leaks, .08 its standard error."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a probe said: one word, and the figures behind it."""

    word: str
    figures: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One question to one probe.

    Attributes:
        name: For the table.
        probe: The probe read; "" for the verdict, which rests on all of them.
        read: The answer in one audit.
        usual: What is right for every control that `otherwise` does not name.
        otherwise: Control -> what is right there.
        only: The controls that are asked; all if empty.
    """

    name: str
    probe: str
    read: Callable[[Audit, Control], Observation]
    usual: tuple[str, ...]
    otherwise: Mapping[str, tuple[str, ...]]
    only: tuple[str, ...] = ()

    def expected(self, control: str) -> tuple[str, ...]:
        """The words that are right for this control."""
        return self.otherwise.get(control, self.usual)


def _finding(audit: Audit, probe: str) -> Finding | None:
    """The probe's finding, None if it did not run."""
    found = audit.finding(probe)
    return None if found is None or found.not_run is not None else found


def _named(probe: str, role: Role, measure: str) -> Callable[[Audit, Control], Observation]:
    """Who of one side is named on direct evidence; `measure` holds how many of them beyond doubt, as its lower end."""

    def read(audit: Audit, control: Control) -> Observation:
        finding = _finding(audit, probe)
        count = None if finding is None else finding.measure(measure)
        if finding is None or count is None or count.value is None:
            return Observation(VOID)
        named = {
            one.patient_id for one in finding.exposures if one.flagged and one.kind is Kind.DIRECT and one.role is role
        }
        side = control.train if role is Role.TRAIN else control.holdout
        there = control.shown & set(side.patients)
        right, wrong, proven = len(named & there), len(named - there), int(count.low or 0)
        figures = f"{right} of {len(there)}" + (f", and {wrong} others" if wrong else "")
        if wrong > len(named) - proven:  # more than the suspects: someone is accused who is not there
            return Observation(WRONG, figures)
        if not proven:
            return Observation(SUSPICION if named else NOBODY, figures)
        return Observation(LEAK if right >= LEAST_FOUND * len(there) else SOME, figures)

    return read


def _admitted(audit: Audit, name: str) -> tuple[Measure | None, bool]:
    """A measure that a rule reads, None if it was not measured; and whether the input gate lets it count."""
    rule = next((one for one in audit.rules if one.rule.measure == name), None)
    if rule is None or rule.measure is None or rule.measure.value is None:
        return None, False
    unmet = [one.rule.id for one in audit.rules if one.rule.id in rule.rule.requires and one.verdict.value != PASS]
    return rule.measure, not unmet


def _statistics(audit: Audit, control: Control) -> Observation:  # noqa: ARG001  (one signature for all)
    """Whether training patients stand out, as far as the input gate lets that count."""
    measure, counts = _admitted(audit, "copies/statistical_patients")
    if measure is None:
        return Observation(VOID)
    figures = f"{measure.value:.0f} named, {measure.low:.0f} confirmed"
    if not counts:
        return Observation(VOID, figures)
    return Observation(LEAK if measure.low else SUSPICION if measure.value else NOBODY, figures)


def _membership(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether attacks on the samples tell who was trained on, as far as the input gate lets that count."""
    measure, counts = _admitted(audit, "membership/auc_beyond_chance")
    if measure is None or measure.value is None:
        return Observation(VOID)
    figures = f"AUC {measure.value:.2f}" if measure.value > CHANCE else "not beyond chance"
    if not counts:
        return Observation(VOID, figures)
    return Observation(TOLD if measure.value > CHANCE else GUESSING, figures)


def _sides(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    finding = _finding(audit, "inputs")
    measure = None if finding is None else finding.measure("exchangeability_p[images]")
    if measure is None or measure.value is None:
        return Observation(VOID)
    rule = next(one for one in audit.rules if one.rule.measure == "inputs/exchangeability_p")
    return Observation(DIFFERENT if measure.value < rule.rule.threshold else ALIKE, f"p = {measure.value:.3f}")


def _sight(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    finding = _finding(audit, "planted")
    plain = None if finding is None else finding.measure("sensitivity[plain]")
    mistaken = None if finding is None else finding.measure("mistaken_identity")
    if plain is None or plain.value is None or mistaken is None:
        return Observation(VOID)
    figures = f"{plain.value:.0%} of {plain.n_images} plain"
    if mistaken.value:
        return Observation(WRONG, figures)
    return Observation(SEEING if plain.value >= LEAST_FOUND else BLIND, figures)


def _fitness(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    finding = _finding(audit, "encoders")
    measure = None if finding is None else finding.measure("retrieval_at_1")
    if measure is None or measure.value is None:
        return Observation(VOID)
    return Observation(SEEING if measure.value >= LEAST_AGAIN else BLIND, f"{measure.value:.0%} found again")


def _as_a_whole(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """The set-level share; a rule that reads this probe, or a person whom it names, is wrong by itself."""
    finding = _finding(audit, "context")
    measure = None if finding is None else finding.measure(f"dcr_share[{audit.encoders[0].name}]")
    if finding is None or measure is None or measure.value is None:
        return Observation(VOID)
    if finding.exposures or any(one.rule.measure.startswith("context/") for one in audit.rules):
        return Observation(WRONG)
    return Observation(CLOSER if measure.value >= MUCH_CLOSER else EVEN, f"{measure.value:.0%} of the images")


def _volumes(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    finding = _finding(audit, "volumes")
    return Observation(WRONG if finding is not None and (finding.exposures or finding.withheld) else VOID)


def _verdict(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    return Observation(audit.verdict.value, audit.policy)


_COPIERS = ("copier-plain", "copier-shifted", "copier-mirrored", "copier-noisy", "copier-10%")
_TO_LOOK_AT = (NOBODY, SUSPICION)
"""Nobody is accused; someone who is not there has to be looked at now and then (seeds 0-9: in 2 controls of 120)."""
_ANY = (NOBODY, SUSPICION, SOME, LEAK)
"""Open at this size: depends on who was drawn."""

CHECKS = (
    Check(
        "sides alike",
        "inputs",
        _sides,
        (ALIKE,),
        {"shifted-by-site": (DIFFERENT,)},
        only=(FIRST, "shifted-by-site"),
    ),
    Check(
        "copies of training patients",
        "copies",
        _named("copies", Role.TRAIN, "direct_patients"),
        _TO_LOOK_AT,
        {FIRST: (NOBODY,), **dict.fromkeys(_COPIERS, (LEAK,)), "mixup": _ANY, "transplant": _ANY},
    ),
    Check(
        "copies of held-out patients",
        "copies",
        _named("copies", Role.HOLDOUT, "direct_holdout_patients"),
        _TO_LOOK_AT,
        {FIRST: (NOBODY,), "copier-of-holdout": (LEAK,)},
    ),
    # Whoever was found whole is not counted again; of the altered copies, some are found in part only.
    Check(
        "parts of training patients",
        "regions",
        _named("regions", Role.TRAIN, "region_patients"),
        _TO_LOOK_AT,
        {FIRST: (NOBODY,), **dict.fromkeys(_COPIERS, _ANY), "mixup": _ANY, "transplant": (LEAK,)},
    ),
    Check(
        "parts of held-out patients",
        "regions",
        _named("regions", Role.HOLDOUT, "region_holdout_patients"),
        _TO_LOOK_AT,
        {FIRST: (NOBODY,), "copier-of-holdout": _ANY},
    ),
    Check(
        "training patients stand out",
        "copies",
        _statistics,
        _TO_LOOK_AT,
        {"mixup": (LEAK,), "transplant": (NOBODY, SUSPICION, LEAK), "shifted-by-site": (VOID,)},
    ),
    # Upright pictures are compared here, too, and of the few copies of a tenth no average tells.
    Check(
        "who was trained on",
        "membership",
        _membership,
        (GUESSING,),
        {
            "copier-plain": (TOLD,),
            "copier-noisy": (TOLD,),
            "mixup": (TOLD,),
            **dict.fromkeys(("copier-shifted", "copier-mirrored", "copier-10%", "transplant"), (GUESSING, TOLD)),
            "shifted-by-site": (VOID,),
        },
    ),
    Check("would see plain copies", "planted", _sight, (SEEING,), {}, only=(FIRST,)),
    Check("tells images apart", "encoders", _fitness, (SEEING,), {}, only=(FIRST,)),
    # No verdict rests on it, and it misleads: it misses few copies and mirrored ones, and takes a holdout from
    # elsewhere for a leak. Upright pictures are compared, so a shift is near its limit.
    Check(
        "closer as a whole",
        "context",
        _as_a_whole,
        (EVEN,),
        {
            **dict.fromkeys(_COPIERS[:-1], (CLOSER,)),
            "copier-shifted": (EVEN, CLOSER),
            "copier-mirrored": (EVEN, CLOSER),
            "mixup": (CLOSER,),
            "transplant": (EVEN, CLOSER),
            "other-hospital": (EVEN, CLOSER),
            "shifted-by-site": (CLOSER,),
        },
    ),
    # The controls are single images, so there is no volume to ask about, and nobody may be named as one.
    Check("copied volumes", "volumes", _volumes, (VOID,), {}, only=(FIRST,)),
    Check(
        "verdict",
        "",
        _verdict,
        (FAIL,),
        {
            "oracle": (PASS, OPEN),
            "blurred-oracle": (PASS, OPEN),
            "other-hospital": (PASS, OPEN),
            "shifted-by-site": (OPEN,),
        },
    ),
)


def not_covered(probes: tuple[str, ...]) -> tuple[str, ...]:
    """The probes of which no check knows what they must answer."""
    return tuple(name for name in probes if name not in {check.probe for check in CHECKS})

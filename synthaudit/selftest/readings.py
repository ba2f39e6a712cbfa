"""What a probe said of a control, in one word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from synthaudit.audit_record import Audit
from synthaudit.cohort import Role
from synthaudit.finding import Finding, Kind, Measure
from synthaudit.policy import Verdict
from synthaudit.selftest.controls import Control

NOBODY, SUSPICION, SOME, LEAK, WRONG, VOID = "nobody", "suspicion", "some", "leak", "wrong people", "void"
"""Of people: none named; named to be looked at; beyond doubt, but under three quarters of those there; beyond doubt,
most of them; some named who are not there; not answered."""
ALIKE, DIFFERENT = "alike", "different"
SEEING, BLIND = "seeing", "blind"
CLOSER, EVEN = "closer", "even"
"""Of the synthetic images as a whole: much closer to training than to held-out images, or to both alike."""
GUESSING, TOLD = "guessing", "told apart"
"""Of who was trained on: attackers are left guessing, or tell."""
FAIR, UNFAIR = "fair", "unfair"
"""Of groups of patients: none, or one, set apart from the others."""
AS_REAL, UNUSUAL = "as real", "unusual"
"""Of the synthetic images among real ones: as often unusual as fresh patients' images, or surely more often."""
PASS, FAIL, OPEN = Verdict.PASS.value, Verdict.FAIL.value, Verdict.INCONCLUSIVE.value

LEAST_FOUND = 0.75
"""Share of the people there who are to be named, and of the planted plain copies."""
LEAST_AGAIN = 0.5
"""Share of mildly altered images that must lead back to themselves: the simulated patients are easy to tell apart."""
CHANCE = 0.5
"""AUC of guessing."""
NO_CHANCE = 0.001
"""p-value below which chance is no explanation, with a hundred answers looked at."""
CLEARLY_MORE = 0.05
"""Share by which more training than held-out patients are singled out, at the lower end of its interval."""
SURE = 0.01
"""Chance at which another real sample would be called different; corrected for all measures of realism."""
MUCH_CLOSER = 0.75
"""Share of the synthetic images closer to a training image; one half where nothing leaks, .08 its standard error."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a probe said: one word, and the figures behind it."""

    word: str
    figures: str = ""


def _finding(audit: Audit, probe: str) -> Finding | None:
    """The probe's finding, None if it did not run."""
    found = audit.finding(probe)
    return None if found is None or found.not_run is not None else found


def named(
    probe: str, role: Role, measure: str, truth: Literal["shown", "remembered"] = "shown"
) -> Callable[[Audit, Control], Observation]:
    """Who of one side is named on direct evidence; `measure` holds how many of them beyond doubt, as its lower end.

    `truth` is what they are compared with: who is in the synthetic images, or in the generator's memory.
    """

    def read(audit: Audit, control: Control) -> Observation:
        finding = _finding(audit, probe)
        count = None if finding is None else finding.measure(measure)
        if finding is None or count is None or count.value is None:
            return Observation(VOID)
        named = {
            one.patient_id for one in finding.exposures if one.flagged and one.kind is Kind.DIRECT and one.role is role
        }
        side = control.train if role is Role.TRAIN else control.holdout
        there = (control.shown if truth == "shown" else control.remembered) & set(side.patients)
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


def statistics(audit: Audit, control: Control) -> Observation:  # noqa: ARG001  (one signature for all)
    """Whether training patients stand out, as far as the input gate lets that count."""
    measure, counts = _admitted(audit, "copies/statistical_patients")
    if measure is None:
        return Observation(VOID)
    figures = f"{measure.value:.0f} named, {measure.low:.0f} confirmed"
    if not counts:
        return Observation(VOID, figures)
    return Observation(LEAK if measure.low else SUSPICION if measure.value else NOBODY, figures)


def membership(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether attacks on the samples tell who was trained on, as far as the input gate lets that count."""
    measure, counts = _admitted(audit, "membership/auc_beyond_chance")
    if measure is None or measure.value is None:
        return Observation(VOID)
    figures = f"AUC {measure.value:.2f}" if measure.value > CHANCE else "not beyond chance"
    if not counts:
        return Observation(VOID, figures)
    return Observation(TOLD if measure.value > CHANCE else GUESSING, figures)


def singled_out(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether descriptions made of the samples single out training patients more often than others, beyond doubt."""
    finding = _finding(audit, "singling-out")
    measure = None if finding is None else finding.measure("excess")
    if measure is None or measure.value is None or measure.low is None:
        return Observation(VOID)
    return Observation(TOLD if measure.low > CLEARLY_MORE else GUESSING, f"{measure.value:+.0%} beyond others")


def checkpoint(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether attacks on the generator itself tell who was trained on."""
    finding = _finding(audit, "checkpoint")
    measure = None if finding is None else finding.measure("auc_beyond_chance")
    if measure is None or measure.value is None:
        return Observation(VOID)
    told = measure.value > CHANCE
    return Observation(TOLD if told else GUESSING, f"AUC {measure.value:.2f}" if told else "not beyond chance")


def sides(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether the two sides can be told apart without the synthetic images."""
    finding = _finding(audit, "inputs")
    measure = None if finding is None else finding.measure("exchangeability_p[images]")
    if measure is None or measure.value is None:
        return Observation(VOID)
    rule = next(one for one in audit.rules if one.rule.measure == "inputs/exchangeability_p")
    return Observation(DIFFERENT if measure.value < rule.rule.threshold else ALIKE, f"p = {measure.value:.3f}")


def sight(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether planted plain copies are found, and nobody else."""
    finding = _finding(audit, "planted")
    plain = None if finding is None else finding.measure("sensitivity[plain]")
    mistaken = None if finding is None else finding.measure("mistaken_identity")
    if plain is None or plain.value is None or mistaken is None:
        return Observation(VOID)
    figures = f"{plain.value:.0%} of {plain.n_images} plain"
    if mistaken.value:
        return Observation(WRONG, figures)
    return Observation(SEEING if plain.value >= LEAST_FOUND else BLIND, figures)


def fitness(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether altered images lead back to themselves."""
    finding = _finding(audit, "encoders")
    measure = None if finding is None else finding.measure("retrieval_at_1")
    if measure is None or measure.value is None:
        return Observation(VOID)
    return Observation(SEEING if measure.value >= LEAST_AGAIN else BLIND, f"{measure.value:.0%} found again")


def by_group(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether any group of patients is said to be treated otherwise than the others."""
    finding = _finding(audit, "bias")
    none = {"underrepresented": 1.0, "overrepresented": 1.0, "association_gap": 1.0, "coverage_gap": 0.0}
    gaps = {**none, "exposure_gap": 0.0, "downstream_gap": 0.0}
    told = {name: one for name in gaps if finding is not None and (one := finding.measure(name)) is not None}
    measured = {name: one.value for name, one in told.items() if one.value is not None}
    if not measured:
        return Observation(VOID)
    off = [name for name, value in measured.items() if value != gaps[name]]
    figures = ", ".join(off) if off else f"{len(measured)} of {len(gaps)} questions answered"
    return Observation(UNFAIR if off else FAIR, figures)


def as_a_whole(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """The set-level share; a rule that reads this probe, or a person whom it names, is wrong by itself."""
    finding = _finding(audit, "context")
    measure = None if finding is None else finding.measure(f"dcr_share[{audit.encoders[0].name}]")
    if finding is None or measure is None or measure.value is None:
        return Observation(VOID)
    if finding.exposures or any(one.rule.measure.startswith("context/") for one in audit.rules):
        return Observation(WRONG)
    return Observation(CLOSER if measure.value >= MUCH_CLOSER else EVEN, f"{measure.value:.0%} of the images")


def like_real_ones(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether the synthetic images, as a set, can be told from another real sample."""
    finding = _finding(audit, "realism")
    measure = None if finding is None else finding.measure("realism_p")
    if measure is None or measure.value is None:
        return Observation(VOID)
    return Observation(DIFFERENT if measure.value <= SURE else ALIKE, f"p = {measure.value:.3f}")


def hallucination(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether synthetic images are unusual among real ones more often than fresh patients' images would be."""
    finding = _finding(audit, "hallucination")
    share = None if finding is None else finding.measure("to_look_at")
    chance = None if finding is None else finding.measure("more_than_fresh_p")
    if share is None or share.value is None or chance is None or chance.value is None:
        return Observation(VOID)
    return Observation(UNUSUAL if chance.value < NO_CHANCE else AS_REAL, f"{share.value:.0%} to look at")


def letters(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """Whether letters stand in the images; the controls are pixels alone, so there is no header to say anything."""
    finding = _finding(audit, "phi")
    found = None if finding is None else finding.measure("burned_in_text_images")
    if found is None or found.value is None:
        return Observation(VOID)
    return Observation(SUSPICION if found.value else NOBODY, f"letters in {found.value:.0f}")


def unasked(probe: str) -> Callable[[Audit, Control], Observation]:
    """Of a probe that the controls give nothing to ask about: nobody may be named."""

    def read(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
        finding = _finding(audit, probe)
        return Observation(WRONG if finding is not None and (finding.exposures or finding.withheld) else VOID)

    return read


def verdict(audit: Audit, control: Control) -> Observation:  # noqa: ARG001
    """The verdict on all of it."""
    return Observation(audit.verdict.value, audit.policy)

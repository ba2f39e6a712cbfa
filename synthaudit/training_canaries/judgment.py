"""What the guesses say of a claimed epsilon, for a person and for a program. Nothing here names a patient."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import OutputError, UsageError
from synthaudit.statistics.one_run import OneRun, one_run_audit
from synthaudit.training_canaries.plan import Plan

SCHEMA = "synthaudit/canary-audit/1"
JSON_FILE, MARKDOWN_FILE = "canary_audit.json", "canary_audit.md"
STANDS, REFUTED, OPEN = "not refuted", "refuted", "open"
EXIT_CODES = {STANDS: 0, REFUTED: 1, OPEN: 3}


@dataclass(frozen=True, slots=True)
class Judgment:
    """An audit of one training.

    Attributes:
        found: What the guesses say.
        claim: The epsilon that was claimed; None if none was.
        access: What was looked at: "samples", "checkpoint" or "scores".
        seal: Of the plan.
        seal_noted: Whether the seal was compared with one noted elsewhere.
        drawn: "secret" or "seeded" coins.
    """

    found: OneRun
    claim: float | None
    access: str
    seal: str
    seal_noted: bool
    drawn: str

    @property
    def outcome(self) -> str:
        """What became of the claim: not refuted, refuted, or open where it was not put to the test."""
        if self.claim is None:
            return OPEN
        if self.found.refutes(self.claim):
            return REFUTED
        return STANDS if self.found.could_refute(self.claim) else OPEN

    @property
    def exit_code(self) -> int:
        """0 not refuted, 1 refuted, 3 open."""
        return EXIT_CODES[self.outcome]


def judge(
    plan: Plan, scores: NDArray[np.float64], claim: float | None, access: str, *, seal_noted: bool = False
) -> Judgment:
    """Guess by the plan's rules, and see what that says.

    Args:
        plan: Opened, so its seal held.
        scores: (n,) one a canary in the plan's order; higher means more surely in training.
        claim: The epsilon that was claimed, at the plan's delta.
        access: What the scores were made from.
        seal_noted: Whether the seal was compared with one noted elsewhere.

    Raises:
        UsageError: The claim is negative or no number.
    """
    if claim is not None and not 0 <= claim < float("inf"):
        raise UsageError(f"epsilon must be 0 or more and finite, got {claim}")
    rules = plan.rules
    found = one_run_audit(scores, plan.coins, rules.said_in, rules.said_out, delta=rules.delta, level=rules.level)
    return Judgment(found, claim, access, plan.seal, seal_noted, plan.drawn)


def sentences(made: Judgment) -> tuple[str, ...]:
    """The answer, the claim, and what they are not."""
    found, sure = made.found, f"{100 * made.found.level:g} %"
    with_delta = f" (delta {found.delta:g})" if found.delta else ""
    bound = (
        f"A claim of epsilon < {found.epsilon_low:.2f}{with_delta} is refuted at {sure}."
        if found.epsilon_low > 0
        else f"No claim of epsilon{with_delta} is refuted at {sure}."
    )
    out = [
        f"{found.right} of {found.guesses} guesses were right, of {found.canaries} patients put into training or left "
        f"out by coins.",
        bound,
        f"The ceiling is {found.ceiling:.2f}: with every guess right, no larger claim would be refuted.",
        _on_the_claim(made),
        "A claim that is not refuted is not confirmed: another attack, or more canaries, may refute it.",
    ]
    if not found.by_coin:
        out.append("Approximate: the patients were split at random, not by independent coins.")
    if made.drawn != "secret":
        out.append("A rehearsal: the coins came from a seed, so whoever knew it knew them.")
    if not made.seal_noted:
        out.append("The seal was compared with the file beside the plan only, not with one noted before the training.")
    return tuple(out)


def _on_the_claim(made: Judgment) -> str:
    if made.claim is None:
        return "No epsilon was claimed, so nothing was judged; give --epsilon."
    p = made.found.p_value(made.claim)
    said = f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
    if made.outcome == REFUTED:
        return f"The claim of epsilon = {made.claim:g} is refuted ({said})."
    if made.outcome == OPEN:
        return (
            f"The claim of epsilon = {made.claim:g} is open: it lies above the ceiling, so these canaries could not "
            "have refuted it. More canaries are needed."
        )
    return f"The claim of epsilon = {made.claim:g} is not refuted ({said})."


def document(made: Judgment) -> dict[str, Any]:
    """The same for a program."""
    found = made.found
    return {
        "schema": SCHEMA,
        "outcome": made.outcome,
        "claim": made.claim,
        "p_value": None if made.claim is None else found.p_value(made.claim),
        "epsilon_low": found.epsilon_low,
        "ceiling": found.ceiling,
        "right": found.right,
        "guesses": found.guesses,
        "canaries": found.canaries,
        "delta": found.delta,
        "level": found.level,
        "assumption": "independent fair coins" if found.by_coin else "approximate",
        "access": made.access,
        "seal": made.seal,
        "seal_noted_elsewhere": made.seal_noted,
        "coins": made.drawn,
        "says": list(sentences(made)),
    }


def write_judgment(made: Judgment, out: Path) -> None:
    """Write the JSON and the page into a folder; both may leave the house.

    Raises:
        OutputError: One of them is there already.
    """
    out.mkdir(parents=True, exist_ok=True)
    if any((out / name).exists() for name in (JSON_FILE, MARKDOWN_FILE)):
        raise OutputError("the folder holds an audit of canaries already; choose another")
    (out / JSON_FILE).write_text(json.dumps(document(made), indent=2) + "\n", encoding="utf-8")
    text = "\n\n".join(sentences(made))
    page = f"# What canaries say of a claimed epsilon\n\n{text}\n\nLooked at: {made.access}. Seal: `{made.seal}`\n\n"
    page += "Method: Steinke, Nasr, Jagielski 2023, arXiv:2305.08846.\n"
    (out / MARKDOWN_FILE).write_text(page, encoding="utf-8")

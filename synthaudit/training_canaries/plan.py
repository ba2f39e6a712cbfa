"""Who is in training by a coin of their own, and how it will be judged: drawn once, sealed before training.

The seal is the SHA-256 of the plan with a random salt. Whoever is given the seal before the training can tell
afterwards that neither the coins nor the rules were changed once the results were known; the salt keeps the seal from
telling anything of the coins. A seal that only ever lay beside the plan proves less: both could have been replaced.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import InputError, NotEnoughData, OutputError, UsageError
from synthaudit.provenance import now
from synthaudit.statistics.one_run import LEVEL, epsilon_max

SCHEMA = "synthaudit/canary-plan/1"
COMMITMENT = "commitment.json"
INSTRUCTIONS = "instructions.md"
RESTRICTED = "restricted"
SEALED = "sealed_plan.json"
TRAIN_ON = "train_on.csv"


@dataclass(frozen=True, slots=True)
class Rules:
    """How the guesses will be made, fixed before the training.

    Attributes:
        said_in, said_out: Canaries with the highest scores that are said to be in training, with the lowest out.
        delta: Of the privacy that may be claimed.
        level: Confidence of the bound.
    """

    said_in: int
    said_out: int
    delta: float = 1e-5
    level: float = LEVEL

    @property
    def guesses(self) -> int:
        """All guesses."""
        return self.said_in + self.said_out

    def ceiling(self, canaries: int) -> float:
        """The largest epsilon that so many canaries can refute by these rules."""
        return epsilon_max(self.guesses, canaries, self.delta, self.level)


@dataclass(frozen=True, slots=True)
class Plan:
    """The coins and the rules.

    Attributes:
        patients: (n,) the canaries, sorted. Restricted.
        included: (n,) True where the coin says that the patient is trained on. Restricted.
        rules: How the guesses will be made.
        salt: 64 hex digits.
        drawn: "secret" or "seeded"; coins that a known seed gives are for rehearsals.
    """

    patients: tuple[str, ...] = field(repr=False)
    included: tuple[bool, ...] = field(repr=False)
    rules: Rules
    salt: str = field(repr=False)
    drawn: str

    @property
    def coins(self) -> NDArray[np.bool_]:
        """(n,) the same as an array."""
        return np.array(self.included, dtype=np.bool_)

    def sealed(self) -> bytes:
        """The file whose SHA-256 is the seal."""
        coins = dict(zip(self.patients, map(int, self.included), strict=True))
        content = {"schema": SCHEMA, "salt": self.salt, "drawn": self.drawn, "rules": asdict(self.rules)}
        return (json.dumps({**content, "coins": coins}, indent=1, sort_keys=True) + "\n").encode()

    @property
    def seal(self) -> str:
        """SHA-256 (hex) of the sealed plan."""
        return hashlib.sha256(self.sealed()).hexdigest()


def draw_plan(
    patients: Sequence[str],
    *,
    canaries: int | None = None,
    guesses: int | None = None,
    said_out: int | None = None,
    delta: float = 1e-5,
    seed: int | None = None,
) -> Plan:
    """An independent fair coin for each canary.

    Args:
        patients: Everybody who could be trained on.
        canaries: How many of them get a coin, drawn at random; the others are always in. All if None.
        guesses: Guesses that will be made, the surest first; half of the canaries if None.
        said_out: Guesses that say "out"; half of them if None.
        delta: Of the privacy that may be claimed.
        seed: For rehearsals; None draws from the operating system, and is what an audit needs.

    Raises:
        NotEnoughData: So few guesses refute nothing, even if all are right.
        UsageError: More canaries than patients, or more guesses than canaries.
    """
    everybody = sorted(set(patients))
    number = len(everybody) if canaries is None else canaries
    if not 1 <= number <= len(everybody):
        raise UsageError(f"canaries must be between 1 and the {len(everybody)} patients, got {number}")
    made = number // 2 if guesses is None else guesses
    out = made // 2 if said_out is None else said_out
    if not 0 <= out <= made <= number:
        raise UsageError(
            f"guesses must be at most the {number} canaries, and those that say out at most the guesses, got {made} "
            f"and {out}"
        )
    rules = Rules(made - out, out, delta)
    if made == 0 or rules.ceiling(number) == 0:
        raise NotEnoughData(
            f"{made} guesses refute no claim even if all are right; give at least 10 canaries (or more --guesses)"
        )
    # `default_rng(None)` is seeded from the operating system.
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(everybody))[:number])
    coins = rng.integers(0, 2, number) == 1
    salt = secrets.token_hex(32) if seed is None else rng.bytes(32).hex()
    named = tuple(everybody[i] for i in chosen)
    return Plan(named, tuple(map(bool, coins)), rules, salt, "secret" if seed is None else "seeded")


def write_plan(plan: Plan, patients: Sequence[str], cohort: Cohort | None, out: Path) -> Path:
    """Write the seal and the instructions, and below `restricted/` the sealed plan and whom to train on.

    Args:
        plan: What was drawn.
        patients: Everybody who could be trained on.
        cohort: Their images, listed file by file; None lists patients only.
        out: A new or empty folder.

    Raises:
        OutputError: The folder holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError("a plan needs a new or an empty folder, found one that holds something; choose another")
    restricted = out / RESTRICTED
    restricted.mkdir(parents=True)
    restricted.chmod(0o700)
    (restricted / SEALED).write_bytes(plan.sealed())
    _write_train_on(plan, patients, cohort, restricted / TRAIN_ON)
    public = {
        "schema": SCHEMA,
        "seal": plan.seal,
        "sealed_at": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "drawn": plan.drawn,
        "coins": "independent and fair, one for each patient",
        "canaries": len(plan.patients),
        "always_in": len(set(patients)) - len(plan.patients),
        "rules": asdict(plan.rules),
        "ceiling": round(plan.rules.ceiling(len(plan.patients)), 4),
    }
    (out / COMMITMENT).write_text(json.dumps(public, indent=2) + "\n", encoding="utf-8")
    (out / INSTRUCTIONS).write_text(_instructions(plan), encoding="utf-8")
    return out


def open_plan(folder: Path, noted: str | None = None) -> Plan:
    """The plan sealed in `folder`, if nobody has touched it.

    Args:
        folder: What `write_plan` wrote.
        noted: The seal as it was noted elsewhere before the training; None trusts the one beside the plan.

    Raises:
        InputError: There is no plan, or it is not the one that was sealed.
    """
    try:
        content = (folder / RESTRICTED / SEALED).read_bytes()
        committed = json.loads((folder / COMMITMENT).read_text(encoding="utf-8"))["seal"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"a plan needs {COMMITMENT} and {RESTRICTED}/{SEALED}, found not both; name the folder that canary make "
            "wrote"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != committed or (noted is not None and digest != noted.strip().lower()):
        raise InputError(
            "the plan must be the one that was sealed, got another digest; it was changed after it was sealed, so "
            "nothing follows from it"
        )
    try:
        return _parsed(json.loads(content))
    except (ValueError, KeyError, TypeError):
        raise InputError(f"a plan must be of schema {SCHEMA}, got something else") from None


def _parsed(content: Any) -> Plan:
    if content["schema"] != SCHEMA:
        raise ValueError
    coins = dict(sorted(content["coins"].items()))
    rules = Rules(**content["rules"])
    return Plan(tuple(coins), tuple(map(bool, coins.values())), rules, content["salt"], content["drawn"])


def _write_train_on(plan: Plan, patients: Sequence[str], cohort: Cohort | None, file: Path) -> None:
    """A table as an audit and a fit read it: rows of role `train` are trained on, those of role `holdout` left out."""
    left_out = {who for who, coin in zip(plan.patients, plan.included, strict=True) if not coin}

    def role(patient: str) -> str:
        return "holdout" if patient in left_out else "train"

    rows: list[tuple[str, ...]]
    if cohort is None:
        rows = [("patient_id", "role"), *((who, role(who)) for who in sorted(set(patients)))]
    else:
        images = zip(cohort.names, cohort.patients, strict=True)
        rows = [("file", "patient_id", "role"), *((name, who, role(who)) for name, who in images)]
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", newline="", encoding="utf-8") as to:
        csv.writer(to).writerows(rows)


def _instructions(plan: Plan) -> str:
    """What to do with the files, for the people who do it."""
    rules, number = plan.rules, len(plan.patients)
    rehearsal = (
        "" if plan.drawn == "secret" else "\nThe coins come from a seed: a rehearsal. Make a plan without a seed.\n"
    )
    return f"""# Training with canaries
{rehearsal}
Seal: `{plan.seal}`

1. Now: note the seal where it cannot be changed later (a signed mail, a registry, the minutes of a meeting).
2. Train on the rows of role `train` in `{RESTRICTED}/{TRAIN_ON}`, and on nothing of the patients of role `holdout`:
   not in the network, not in a scale, a latent space or a choice of settings. Nobody else may see the table.
3. Afterwards: `synthaudit canary audit` with this folder, the images, the samples or the checkpoint, and the seal.

{number} patients have a fair coin of their own. {rules.guesses} guesses will be made: the {rules.said_in} highest
scores are said to be in, the {rules.said_out} lowest out. Claims up to epsilon {rules.ceiling(number):.2f}
(delta {rules.delta:g}) can be refuted at {100 * rules.level:g} %; larger ones are out of reach.
"""

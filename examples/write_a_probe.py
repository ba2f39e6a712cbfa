"""Ask a question of your own: do the synthetic images lie closer to training images than to held-out ones?

    python examples/write_a_probe.py

A probe is a class with a name, a question, what it needs, and `run`. To install one for everybody, name it in an entry
point of the group `synthaudit.probes`; to try one, hand the object to `audit`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit import (
    Assumption,
    Audit,
    Direction,
    Evidence,
    Finding,
    Measure,
    Need,
    Policy,
    Role,
    Rule,
    audit,
)
from synthaudit.generators.controls import FreshPatients
from synthaudit.generators.made import images_cohort
from synthaudit.index.exact import top_k
from synthaudit.phantoms.chest import ChestPopulation


@dataclass(frozen=True, slots=True)
class TrainingProximity:
    """The share of patients attracting synthetic images who are training patients, against dealt labels."""

    name: ClassVar[str] = "training-proximity"
    question: ClassVar[str] = "Do synthetic images lie closer to training patients than to held-out ones?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HOLDOUT})
    draws: int = 999

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Counted by patient: one patient attracting ten images is one label, not ten."""
        pool, encoder = evidence.pool, evidence.matcher.spaces[0]
        synthetic = evidence.embeddings[encoder.encoder.name][Role.SYNTHETIC].vectors
        nearest = top_k(synthetic, encoder.vectors, 1).ids[:, 0]
        attracted = np.bincount(pool.patient[nearest], minlength=pool.n_patients)
        labels = pool.patient_is_train

        def share(is_train: np.ndarray) -> float:
            return float(attracted[is_train].sum() / attracted.sum())

        null = np.array([share(rng.permutation(labels)) for _ in range(self.draws)])
        p_value = float((1 + (null >= share(labels)).sum()) / (self.draws + 1))
        measure = Measure(
            "p",
            p_value,
            n_patients=pool.n_patients,
            n_images=len(synthetic),
            floor=float(null.mean()),
            p_value=p_value,
            direction=Direction.LOWER_IS_WORSE,
            assumption=Assumption.EXACT,
            note=f"Share of synthetic images nearest to a training image: {share(labels):.2f}.",
        )
        closer = "Yes" if p_value < 0.01 else "No more than chance allows"
        return Finding(self.name, self.question, f"{closer} (p = {p_value:.3f}).", (measure,))


POLICY = Policy(
    "own-rule",
    "A policy with one rule of our own.",
    (
        Rule(
            "no-pull",
            "training-proximity/p",
            "Synthetic images are not pulled toward training patients",
            "A generator that learned no one cannot tell them apart.",
            at_least=0.001,
            bound="value",
        ),
    ),
)


def main() -> Audit:
    """The audit of an oracle with this probe alone."""
    population = ChestPopulation(seed=5)
    result = audit(
        train=population.cohort(Role.TRAIN, range(40)),
        holdout=population.cohort(Role.HOLDOUT, range(100, 140)),
        synthetic=images_cohort(Role.SYNTHETIC, FreshPatients(population, first=500).sample(60, seed=2)),
        probes=[TrainingProximity()],
        policy=POLICY,
        cache=False,
    )
    print(f"{result.verdict}: {result.findings[0].answer}")
    return result


if __name__ == "__main__":
    main()

"""Test a claim of differential privacy: sealed coins before the training, guesses after it.

    python examples/canaries.py OUT

Simulated patients stand in for yours, and a density of principal components for a generator that claims epsilon 1: it
is fitted in no time, and knows whom it was fitted to. On the command line the same is

    synthaudit canary make --images data/images --metadata data/patients.csv --out OUT
    synthaudit generate fit ppca --train data/images --metadata OUT/restricted/train_on.csv --out MODEL
    synthaudit canary audit OUT --generator MODEL --images data/images --metadata data/patients.csv \
        --seal SEAL --epsilon 1 --out OUT/result
"""

import sys
from pathlib import Path

import numpy as np

from synthaudit import Role
from synthaudit.generators.ppca import Ppca, PpcaRecipe
from synthaudit.generators.protocol import Budget
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.training_canaries.judgment import Judgment, judge, sentences, write_judgment
from synthaudit.training_canaries.plan import draw_plan, open_plan, write_plan
from synthaudit.training_canaries.scores import scores_from_generator


def main(out: Path, patients: int = 60) -> Judgment:
    """The judgment of a claim of epsilon 1 on a fit that remembers."""
    cohort = ChestPopulation(seed=3, size=32).cohort(Role.TRAIN, range(patients))
    plan = draw_plan(cohort.patient_ids)
    write_plan(plan, cohort.patient_ids, cohort, out)
    seal = plan.seal  # noted where nobody can change it, before the training

    trained_on = {who for who, coin in zip(plan.patients, plan.included, strict=True) if coin}
    rows = np.flatnonzero([who in trained_on for who in cohort.patients])
    generator = Ppca(PpcaRecipe(size=32)).fit(cohort.subset(rows), Budget(steps=1), seed=1)

    opened = open_plan(out, seal)  # refused if anybody touched it
    scores = scores_from_generator(cohort, generator, seed=0)
    judgment = judge(opened, scores, 1.0, "checkpoint", seal_noted=True)
    write_judgment(judgment, out / "result")
    print("\n".join(sentences(judgment)))
    return judgment


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Let a training run go on only while its samples copy no one.

    python examples/gate_a_checkpoint.py

A generator is fitted on twelve patients, step by step; after each round its samples are audited against the
same patients, and training stops at the first FAIL. `Verdict.exit_code` is what a CI job would exit with.
"""

from synthaudit import Audit, Role, Settings, Verdict, audit
from synthaudit.generators.latent_diffusion import LatentDiffusion
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget
from synthaudit.phantoms.chest import ChestPopulation

QUICK = Settings(planted_decoys=4, planted_per_strength=0)
"""Training waits for the audit, so copies are planted at one strength each."""


def main(rounds: tuple[int, ...] = (5, 300), samples: int = 24) -> list[Audit]:
    """The audits of the checkpoints, in order; the last one is the first that failed, if any did."""
    population = ChestPopulation(seed=11)
    train = population.cohort(Role.TRAIN, range(12))
    holdout = population.cohort(Role.HOLDOUT, range(1000, 1060))
    audits: list[Audit] = []
    for steps in rounds:
        checkpoint = LatentDiffusion().fit(train, Budget(steps=steps), seed=0)
        synthetic = images_cohort(Role.SYNTHETIC, checkpoint.sample(samples, seed=0))
        audits.append(
            audit(train=train, holdout=holdout, synthetic=synthetic, policy="internal", settings=QUICK, cache=False)
        )
        print(f"{steps} steps: {audits[-1].verdict} (exit code {audits[-1].verdict.exit_code})")
        if audits[-1].verdict is Verdict.FAIL:
            break
    return audits


if __name__ == "__main__":
    main()

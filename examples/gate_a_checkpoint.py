"""Let checkpoints through only while their samples copy no one.

    python examples/gate_a_checkpoint.py

A generator is fitted briefly on a hundred patients, then at length on twelve of them. After each its samples are
audited against the patients it was fitted on, and the first FAIL stops. `Verdict.exit_code` is what a CI job would exit
with.
"""

from synthaudit import Audit, Role, Settings, Verdict, audit
from synthaudit.generators.latent_diffusion import LatentDiffusion
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget
from synthaudit.phantoms.chest import ChestPopulation

QUICK = Settings(planted_decoys=4, planted_per_strength=0)
"""Training waits for the audit, so copies are planted at one strength each."""


def main(rounds: tuple[tuple[int, int], ...] = ((100, 5), (12, 300)), samples: int = 24) -> list[Audit]:
    """The audits of the checkpoints, each of (patients, steps); the last one is the first that failed, if any did."""
    population = ChestPopulation(seed=11)
    holdout = population.cohort(Role.HOLDOUT, range(1000, 1060))
    audits: list[Audit] = []
    for patients, steps in rounds:
        train = population.cohort(Role.TRAIN, range(patients))
        checkpoint = LatentDiffusion().fit(train, Budget(steps=steps), seed=0)
        synthetic = images_cohort(Role.SYNTHETIC, checkpoint.sample(samples, seed=0))
        audits.append(
            audit(train=train, holdout=holdout, synthetic=synthetic, policy="internal", settings=QUICK, cache=False)
        )
        print(f"{patients} patients, {steps} steps: {audits[-1].verdict} (exit code {audits[-1].verdict.exit_code})")
        if audits[-1].verdict is Verdict.FAIL:
            break
    return audits


if __name__ == "__main__":
    main()

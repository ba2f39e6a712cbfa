"""Audit a generator that copies, and one that does not, without any data of your own.

    python examples/quickstart.py

Simulated patients stand in for real ones, and two generators whose truth is known for real generators: a photocopier
that mirrors its training images, and an oracle that draws patients nobody has seen.
"""

from synthaudit import Audit, Role, Settings, audit
from synthaudit.generators.controls import Copying, FreshPatients, Photocopier
from synthaudit.generators.made import images_cohort
from synthaudit.phantoms.chest import ChestPopulation

QUICK = Settings(planted_patients=10, planted_decoys=4, planted_per_strength=0)
"""Fewer planted copies, and at one strength each: what would have been found is then known less well."""


def main(patients: int = 60, samples: int = 40) -> dict[str, Audit]:
    """The audits of both generators."""
    population = ChestPopulation(seed=7)
    train = population.cohort(Role.TRAIN, range(patients))
    holdout = population.cohort(Role.HOLDOUT, range(1000, 1000 + patients))
    copier = Photocopier.of(train, 64, copying=Copying.MIRRORED)
    generators: dict[str, Photocopier | FreshPatients] = {
        "photocopier": copier,
        "oracle": FreshPatients(population, first=5000),
    }
    audits = {}
    for name, generator in generators.items():
        synthetic = images_cohort(Role.SYNTHETIC, generator.sample(samples, seed=1))
        audits[name] = audit(
            train=train, holdout=holdout, synthetic=synthetic, policy="internal", settings=QUICK, seed=1, cache=False
        )
        print(f"{name}: {audits[name].verdict}. {audits[name].reason}")
    return audits


if __name__ == "__main__":
    main()

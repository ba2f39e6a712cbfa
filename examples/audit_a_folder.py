"""Audit folders of images with one table of patients, and write every report.

    python examples/audit_a_folder.py OUT

Writes simulated patients as PNG first; put your own folders in their place. On the command line the same is

    synthaudit audit --train data/train --holdout data/holdout --synthetic data/synthetic \
        --metadata data/patients.csv --policy internal --out OUT
"""

import sys
from pathlib import Path

from synthaudit import Audit, Progress, Role, Settings, audit, check_output, write
from synthaudit.generators.controls import FreshPatients
from synthaudit.generators.made import images_cohort
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.folder import write_folder


def simulate(data: Path, patients: int = 60) -> None:
    """Folders train/, holdout/ and synthetic/, and patients.csv; two visits a patient."""
    population = ChestPopulation(seed=3)
    table = data / "patients.csv"
    write_folder(population.cohort(Role.TRAIN, range(patients), visits=2), data / "train", table)
    write_folder(population.cohort(Role.HOLDOUT, range(500, 500 + patients), visits=2), data / "holdout", table)
    samples = FreshPatients(population, first=900).sample(40, seed=1)
    write_folder(images_cohort(Role.SYNTHETIC, samples), data / "synthetic", None)


def main(out: Path, settings: Settings | None = None) -> Audit:
    """The audit, written to `out`; without settings, copies are planted in full, as on the command line."""
    check_output(out)  # before the long part
    data = out.parent / f"{out.name}-data"
    simulate(data)
    result = audit(
        train=data / "train",
        holdout=data / "holdout",
        synthetic=data / "synthetic",
        metadata=data / "patients.csv",
        policy="internal",
        settings=settings,
        progress=Progress(quiet=False),
        cache=False,
    )
    write(result, out)
    print(f"{result.verdict}: {result.reason}")
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Ten patients' images planted plain, and none: who is named, and how often is an honest set failed?

    python benchmarks/copied_patients.py --data FOLDER [--seeds 20] [--planted-seeds 5]

Real images, split by patient in three: one third is called training, one third holdout, and one third stands in for an
honest generator's output (other people, none of them copied). Then the images of ten training patients are added to the
stand-in, unchanged. FOLDER holds one folder a data set, each with images and a `metadata.csv`.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from synthaudit import Audit, Cohort, Role, audit, load_policy
from synthaudit.generators.made import images_cohort
from synthaudit.intake import load
from synthaudit.matching.memo import Memo


@dataclass(frozen=True)
class Dataset:
    """A data set of the benchmark, and the modality used ("" for all)."""

    name: str
    modality: str


DATASETS = (Dataset("nih_cxr", ""), Dataset("lgg_mri", "MR-FLAIR"))


def read(dataset: Dataset, data: Path) -> Cohort:
    """All images of a data set as one cohort."""
    folder = data / dataset.name
    cohort = load(train=folder, synthetic=_no_images(), metadata=folder / "metadata.csv").train
    wanted = cohort.attributes.get("modality", ("",) * len(cohort))
    return cohort.subset([i for i in range(len(cohort)) if dataset.modality in ("", wanted[i])])


def _no_images() -> Cohort:
    """A stand-in for synthetic images while only real ones are read."""
    return images_cohort(Role.SYNTHETIC, np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(1, 64, 64))


def thirds(cohort: Cohort, seed: int) -> tuple[Cohort, Cohort, Cohort]:
    """Training, holdout and stand-in for synthetic images; no patient in two of them."""
    parts = np.array_split(np.random.default_rng(seed).permutation(np.array(cohort.patient_ids)), 3)
    made = []
    for part, role in zip(parts, (Role.TRAIN, Role.HOLDOUT, Role.SYNTHETIC), strict=True):
        chosen = set(part)
        made.append(replace(cohort.subset([i for i, p in enumerate(cohort.patients) if p in chosen]), role=role))
    return made[0], made[1], made[2]


def joined(a: Cohort, b: Cohort) -> Cohort:
    """The images of both, with the role of the first; names made distinct."""
    return Cohort(
        role=a.role,
        names=a.names + tuple(f"planted/{name}" for name in b.names),
        sources=a.sources + b.sources,
        patients=a.patients + b.patients,
        known_patient=np.concatenate([a.known_patient, b.known_patient]),
        attributes={},
        pixel_digests=a.pixel_digests + b.pixel_digests,
    )


def plant(train: Cohort, synthetic: Cohort, n: int, seed: int) -> tuple[Cohort, set[str]]:
    """All images of `n` training patients among the synthetic ones, unchanged; and who they are."""
    chosen = {str(p) for p in np.random.default_rng([seed, 1]).choice(np.array(train.patient_ids), n, replace=False)}
    return joined(synthetic, train.subset([i for i, p in enumerate(train.patients) if p in chosen])), chosen


def named(result: Audit) -> set[str]:
    """The patients flagged in `exposures.csv`."""
    return {one.patient_id for finding in result.findings for one in finding.exposures if one.flagged}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--planted-seeds", type=int, default=5)
    parser.add_argument("--patients", type=int, default=10)
    parser.add_argument("--full", action="store_true", help="plant copies in every audit too (slower, same names)")
    arguments = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")
    print("| data | images | patients | planted | seed | verdict | named right | named wrong | global p | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for dataset in DATASETS:
        cohort, memo = read(dataset, arguments.data), Memo()
        for seed in range(max(arguments.seeds, arguments.planted_seeds)):
            for n in (0, arguments.patients):
                if seed < (arguments.planted_seeds if n else arguments.seeds):
                    row(dataset, cohort, n, seed, arguments.full, memo)


def row(dataset: Dataset, cohort: Cohort, n: int, seed: int, full: bool, memo: Memo) -> None:
    """Run one audit and print its line."""
    train, holdout, synthetic = thirds(cohort, seed)
    chosen: set[str] = set()
    if n:
        synthetic, chosen = plant(train, synthetic, n, seed)
    clock = time.perf_counter()
    policy = load_policy("controlled-release")
    if not full:
        asked = ("inputs/", "copies/")
        policy = replace(policy, rules=tuple(rule for rule in policy.rules if rule.measure.startswith(asked)))
    result = audit(
        train=train,
        holdout=holdout,
        synthetic=synthetic,
        policy=policy,
        probes=None if full else ("inputs", "copies"),
        seed=seed,
        cache=False,
        memo=memo,
    )
    found = named(result)
    copies = result.finding("copies")
    measure = copies.measure("global_p") if copies is not None else None
    p = "-" if measure is None or measure.value is None else f"{measure.value:.3f}"
    print(
        f"| {dataset.name} | {len(cohort)} | {cohort.n_patients} | {n} | {seed} | {result.verdict} "
        f"| {len(found & chosen)} | {len(found - chosen)} | {p} "
        f"| {time.perf_counter() - clock:.0f} |",
        flush=True,
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()

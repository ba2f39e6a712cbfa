"""What the measures of realism say of real images, and what they cost beside other programs.

    python -m benchmarks.realism --data DIR [--dataset NAME ...] [--seed N]
    python -m benchmarks.realism --speed [--rows N ...] [--runs N]

The first divides the patients of each data set in thirds: training, holdout, and a third that stands in for an honest
generator. The same third is then blurred a little, as a defect that is known. The floor stands beside every figure.

The second times the same computations here and elsewhere (prdc, torch-fidelity, scikit-learn) on random vectors of 512
dimensions: each in a process of its own, with two threads, one after the other in turn, so that what else the machine
does falls on all of them; the figures to trust are the ratios. What would not fit into memory is not run, and how much
it would need is said.
"""

# ruff: noqa: PLC0415 (each program is imported in the process that times it, and nowhere else)

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthaudit.cohort import Cohort, ImageSource, Role
from synthaudit.finding import Finding, Measure
from synthaudit.generators.made import anonymous_cohort
from synthaudit.intake import read_cohort
from synthaudit.run_audit import audit

DATASETS = ("nih_cxr", "lgg_mri", "mias_mammo", "ham10000_200px")
BLUR = 1 / 400
"""Standard deviation of the planted blur, in image widths: half a pixel at 200."""
DIM = 512
SUBSETS, SUBSET = 100, 1_000
GIB = 2**30

Vectors = NDArray[np.float32]
Timed = Callable[[Vectors, Vectors], object]


@dataclass(frozen=True, slots=True)
class Blurred:
    """An image out of focus."""

    source: ImageSource

    def read(self) -> NDArray[np.float32]:
        """The decoded image, blurred."""
        image = self.source.read()
        width = BLUR * max(image.shape[:2])
        return np.asarray(gaussian_filter(image, (width, width, *[0] * (image.ndim - 2)), mode="nearest"), np.float32)


def thirds(cohort: Cohort, seed: int) -> tuple[Cohort, Cohort, Cohort]:
    """Training, holdout and stand-in, by patient."""
    order = np.random.default_rng(seed).permutation(cohort.n_patients)
    third = np.empty(cohort.n_patients, dtype=np.intp)
    third[order] = np.arange(cohort.n_patients) * 3 // cohort.n_patients
    rows = [np.flatnonzero(third[cohort.patient_index] == one) for one in range(3)]
    train, holdout, made = (cohort.subset(some) for some in rows)
    return replace(train, role=Role.TRAIN), replace(holdout, role=Role.HOLDOUT), replace(made, role=Role.SYNTHETIC)


def judged(train: Cohort, holdout: Cohort, made: Cohort, seed: int) -> Finding:
    """What the probe says."""
    found = audit(train=train, holdout=holdout, synthetic=made, probes=["realism"], seed=seed, cache=False)
    return found.findings[0]


def measures(data: Path, datasets: list[str], seed: int) -> None:
    """Print a table for each data set."""
    for name in datasets:
        folder = data / name
        cohort, _ = read_cohort(folder, Role.TRAIN, metadata=folder / "metadata.csv")
        train, holdout, made = thirds(cohort, seed)
        blurred = replace(
            anonymous_cohort(Role.SYNTHETIC, tuple(Blurred(source) for source in made.sources)),
            patients=made.patients,
            known_patient=made.known_patient,
        )
        findings = [judged(train, holdout, one, seed) for one in (made, blurred)]
        print(f"\n{name}, seed {seed}: {train.n_patients} + {holdout.n_patients} + {made.n_patients} patients")
        for title, finding in zip(("another third", "the same, blurred"), findings, strict=True):
            print(f"- {title}: {finding.answer if finding.not_run is None else finding.not_run}")
        print("| measure | n | floor | another third | p | the same, blurred | p |\n|---|---|---|---|---|---|---|")
        for one in findings[0].measures:
            cells = [str(one.n_images), "" if one.floor is None else f"{one.floor:.4g}"]
            for finding in findings:
                other = finding.measure(one.name)
                cells += [_figure(other), "" if other is None or other.p_value is None else f"{other.p_value:.3f}"]
            print(f"| {one.name} | {' | '.join(cells)} |")


def _figure(one: Measure | None) -> str:
    if one is None or one.value is None:
        return "not measured"
    return f"{one.value:.4g}" if one.low is None else f"{one.value:.4g} ({one.low:.4g} to {one.high:.4g})"


def _ours_overlap(real: Vectors, made: Vectors) -> object:
    from synthaudit.statistics.manifold import overlap

    return overlap(real, made)


def _prdc(real: Vectors, made: Vectors) -> object:
    import contextlib
    import io

    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        return compute_prdc(real, made, nearest_k=5)


def _ours_frechet(real: Vectors, made: Vectors) -> object:
    from synthaudit.statistics.frechet_moments import GaussianReference

    return GaussianReference.of(real).distance(made)


def _torch_fidelity_frechet(real: Vectors, made: Vectors) -> object:
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    return fid_statistics_to_metric(
        *(fid_features_to_statistics(torch.from_numpy(one.astype(np.float64))) for one in (real, made)), verbose=False
    )


def _ours_kid(real: Vectors, made: Vectors) -> object:
    from synthaudit.statistics.kernel_distance import kid_of_subsets

    return kid_of_subsets(real, made, np.random.default_rng(0), subsets=SUBSETS, size=SUBSET)


def _torch_fidelity_kid(real: Vectors, made: Vectors) -> object:
    import torch
    from torch_fidelity.metric_kid import kid_features_to_metric

    return kid_features_to_metric(
        *(torch.from_numpy(one.astype(np.float64)) for one in (real, made)),
        kid_subsets=SUBSETS,
        kid_subset_size=SUBSET,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=0,
        verbose=False,
    )


def _scikit_learn_kid(real: Vectors, made: Vectors) -> object:
    from sklearn.metrics.pairwise import polynomial_kernel

    rng, found = np.random.default_rng(0), []
    for _ in range(SUBSETS):
        x, y = (one[rng.choice(len(one), SUBSET, replace=False)].astype(np.float64) for one in (real, made))
        within, across, beyond = (polynomial_kernel(a, b, degree=3, coef0=1) for a, b in ((x, x), (x, y), (y, y)))
        own = sum((one.sum() - np.trace(one)) / (SUBSET * (SUBSET - 1)) for one in (within, beyond))
        found.append(own - 2 * across.mean())
    return float(np.mean(found))


GROUPS: dict[str, dict[str, Timed]] = {
    "precision, recall, density, coverage (k = 5)": {"synthaudit": _ours_overlap, "prdc": _prdc},
    "Frechet distance": {"synthaudit": _ours_frechet, "torch-fidelity": _torch_fidelity_frechet},
    f"KID ({SUBSETS} subsets of {SUBSET:,})": {
        "synthaudit": _ours_kid,
        "torch-fidelity": _torch_fidelity_kid,
        "scikit-learn": _scikit_learn_kid,
    },
}


def needed_gib(program: str, group: str, rows: int) -> float:
    """Memory that the program cannot do without, in GiB: of prdc, all distances in float32 and their order in int64."""
    return 12.0 * rows**2 / GIB if program == "prdc" and group.startswith("precision") else 0.0


def timed(group: str, program: str, rows: int) -> None:
    """In a process of its own: print seconds, CPU seconds and peak memory."""
    rng = np.random.default_rng(0)
    real, made = (rng.standard_normal((rows, DIM), dtype=np.float32) for _ in range(2))
    compute = GROUPS[group][program]
    compute(real[:SUBSET], made[:SUBSET])  # imports, and threads that wait for work
    wall, busy = time.perf_counter(), time.process_time()
    compute(real, made)
    seconds, cpu = time.perf_counter() - wall, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak / 2**20}))


def speed(rows: list[int], runs: int) -> None:
    """Print the table."""
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    print(f"{DIM} dimensions, float32, two threads; least and median of {runs} runs, taken in turn")
    print("| what | rows | program | least s | median s | median CPU s | peak GiB |\n|---|---|---|---|---|---|---|")
    for group, programs in GROUPS.items():
        for n in rows:
            able = [one for one in programs if needed_gib(one, group, n) < 0.9 * memory]
            found: dict[str, list[dict[str, float]]] = {one: [] for one in able}
            for _ in range(runs):
                for program in able:
                    code = [sys.executable, "-m", "benchmarks.realism", "--one", group, program, str(n)]
                    done = subprocess.run(code, env=environment, check=True, capture_output=True, text=True)
                    found[program].append(json.loads(done.stdout.splitlines()[-1]))
            for program in programs:
                if program not in found:
                    need = needed_gib(program, group, n)
                    print(f"| {group} | {n:,} | {program} | not run: it needs {need:.0f} GiB of {memory:.0f} | | | |")
                    continue
                of = {key: [one[key] for one in found[program]] for key in found[program][0]}
                print(
                    f"| {group} | {n:,} | {program} | {min(of['seconds']):.2f} | {np.median(of['seconds']):.2f} | "
                    f"{np.median(of['cpu']):.2f} | {max(of['peak']):.2f} |",
                    flush=True,
                )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--dataset", nargs="+", default=list(DATASETS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000, 10_000, 50_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        timed(arguments.one[0], arguments.one[1], int(arguments.one[2]))
    elif arguments.speed:
        speed(arguments.rows, arguments.runs)
    elif arguments.data:
        measures(arguments.data, arguments.dataset, arguments.seed)
    else:
        parser.error("give --data DIR, or --speed")


if __name__ == "__main__":
    main()

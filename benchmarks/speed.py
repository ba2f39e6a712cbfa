"""Time and peak memory of one audit, stage by stage.

    python benchmarks/speed.py --data FOLDER [--dataset nih_cxr] [--seed 0]

Reads the images from disk as the command does (nothing cached), audits one third against another with the last third in
place of synthetic images, plants copies, and writes every report.
"""

from __future__ import annotations

import argparse
import csv
import platform
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from synthaudit import Progress, audit, write
from synthaudit.parallel import default_workers

T = TypeVar("T")


class Peaks(Progress):
    """Progress that remembers the process's peak memory at the end of each stage."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.peak_mb: dict[str, float] = {}

    def track(self, items: Iterable[T], stage: str, total: int) -> Iterator[T]:
        """As in Progress, with the peak so far noted at the end."""
        yield from super().track(items, stage, total)
        self.peak_mb[stage] = peak_mb()


def peak_mb() -> float:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def folders(source: Path, target: Path, seed: int) -> Path:
    """Links to the images in train/, holdout/ and synthetic/, by patient; gives the table."""
    rows = list(csv.DictReader((source / "metadata.csv").open(encoding="utf-8")))
    patients = np.random.default_rng(seed).permutation(sorted({row["patient_id"] for row in rows}))
    side = {
        p: name
        for name, part in zip(("train", "holdout", "synthetic"), np.array_split(patients, 3), strict=True)
        for p in part
    }
    table = target / "patients.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "patient_id", "sex", "age"])
        for row in rows:
            place = target / side[row["patient_id"]] / Path(row["file"]).name
            place.parent.mkdir(exist_ok=True)
            place.symlink_to((source / row["file"]).resolve())
            if place.parent.name != "synthetic":
                writer.writerow([str(place.relative_to(target)), row["patient_id"], row["sex"], row["age"]])
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dataset", default="nih_cxr")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary)
        table = folders(arguments.data / arguments.dataset, target, arguments.seed)
        progress, clock = Peaks(), time.perf_counter()
        result = audit(
            train=target / "train",
            holdout=target / "holdout",
            synthetic=target / "synthetic",
            metadata=table,
            seed=arguments.seed,
            cache=False,
            progress=progress,
        )
        computed = time.perf_counter()
        write(result, target / "out")
        written = time.perf_counter()
    images = sum(cohort.images for cohort in result.cohorts.values())
    print(f"{arguments.dataset}: {images} images, {platform.machine()}, {default_workers()} workers, {result.verdict}")
    print("| stage | s | peak MB so far |\n|---|---|---|")
    for stage, seconds in progress.seconds.items():
        print(f"| {stage} | {seconds:.1f} | {progress.peak_mb.get(stage, 0):.0f} |")
    print(f"| statistics and the rest | {computed - clock - sum(progress.seconds.values()):.1f} | |")
    print(f"| reports | {written - computed:.1f} | {peak_mb():.0f} |")
    print(f"| **all** | **{written - clock:.1f}** | **{peak_mb():.0f}** |")


if __name__ == "__main__":
    main()

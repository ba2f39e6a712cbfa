"""What makes a generator copy its patients, and what hides it?

    python -m benchmarks.generator_leaks --out results.jsonl [--only patients steps ...] [--seeds 3]
    python -m benchmarks.generator_leaks --out results.jsonl --print

Reference generators are fitted to simulated patients (64 px chest films, one each) under one change at a time: more
patients, more steps, augmentation, differential privacy, fewer sampler steps, another kind. Each is looked at from two
sides. From its samples: the share of training patients of whom the probe `copies` shows a copy, and of 256 samples that
are one; the AUC of "how near is the nearest sample" for training against held-out patients. With the checkpoint: the
AUC of its own score, or its critic's. Seeds change patients, training and samples. Results are appended one by one, and
what is there is not computed again.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.leak_trials import TRIALS, Fit, Trial
from synthaudit import Audit, Cohort, Kind, Progress, Role, audit
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Discriminates, Scores
from synthaudit.generators.threads import one_thread
from synthaudit.parallel import default_workers
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.roc import auc

SAMPLES, HOLDOUT = 256, 128
FIRST_HELD_OUT = 100_000
"""Patients from here on are held out: no training set is that large."""
LEVELS = 4

Images = NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """What one trial gave; shares and AUCs in [0, 1], nan where there is nothing to measure."""

    experiment: str
    setting: str
    seed: int
    patients: int
    copied_patients: float
    copies_among_samples: float
    sample_auc: float
    checkpoint_auc: float
    verdict: str
    fit_cpu_s: float
    audit_cpu_s: float
    machine: str


@dataclass
class Fitter:
    """Fits, and keeps the last fits of a seed for the trials that share them."""

    kept: dict[tuple[Fit, int, int], tuple[Any, float]]

    def fitted(self, trial: Trial, train: Cohort, seed: int) -> tuple[Any, float]:
        """The generator, and the CPU seconds that it took."""
        key = (trial.fit, trial.patients, seed)
        if key not in self.kept:
            clock = time.process_time()
            with one_thread():
                made = trial.fit(train, seed)
            self.kept[key] = made, round(time.process_time() - clock, 1)
        made, seconds = self.kept[key]
        return trial.altered(made), seconds


def with_label(cohort: Cohort, label: str) -> Cohort:
    """The images with the label; all for ""."""
    return cohort.subset([i for i, one in enumerate(cohort.attributes["label"]) if label in ("", one)])


def run(trial: Trial, seed: int, fitter: Fitter) -> Result:
    """Fit, sample, audit."""
    population = ChestPopulation(seed=seed, size=trial.size, rare=trial.rare)
    trained = population.cohort(Role.TRAIN, range(trial.patients))
    held_out = range(FIRST_HELD_OUT, FIRST_HELD_OUT + round(HOLDOUT * (4 if trial.rare else 1)))
    train, holdout = (with_label(c, trial.label) for c in (trained, population.cohort(Role.HOLDOUT, held_out)))
    fitted, fit_s = fitter.fitted(trial, trained, seed)
    with one_thread():
        samples = fitted.sample(SAMPLES, seed, {"label": trial.label} if trial.label else None)
        checkpoint = checkpoint_auc(fitted, images_of(train), images_of(holdout), seed)
    clock = time.process_time()
    found = audit(
        train=trained,
        holdout=holdout,
        synthetic=images_cohort(Role.SYNTHETIC, samples),
        probes=["inputs", "copies"],
        policy="internal",
        seed=seed,
        cache=False,
    )
    return Result(
        trial.experiment,
        trial.setting,
        seed,
        train.n_patients,
        len(copied(found) & set(train.patients)) / train.n_patients,
        copies_among_samples(found),
        sample_auc(images_of(train), images_of(holdout), samples),
        checkpoint,
        found.verdict.value,
        fit_s,
        round(time.process_time() - clock, 1),
        f"{platform.system()} {platform.machine()}, {default_workers()} processors",
    )


def images_of(cohort: Cohort) -> Images:
    """(n, h, w)."""
    return np.stack([source.read() for source in cohort.sources])


def copied(found: Audit) -> set[str]:
    """Training patients of whom a pair shows a copy."""
    finding = found.finding("copies")
    exposures = finding.exposures if finding else ()
    return {e.patient_id for e in exposures if e.flagged and e.kind is Kind.DIRECT and e.role is Role.TRAIN}


def copies_among_samples(found: Audit) -> float:
    """Share of the samples that are to be withheld because a pair shows whose image they are."""
    finding = found.finding("copies")
    direct = {one.synthetic_image for one in finding.withheld if one.kind is Kind.DIRECT} if finding else set()
    return len(direct) / SAMPLES


def sample_auc(train: Images, holdout: Images, samples: Images) -> float:
    """AUC of the nearest sample's similarity to the default encoder."""
    encoder = Descriptor()
    made = encoder.encode(samples)
    return auc(*((encoder.encode(real) @ made.T).max(axis=1).astype(np.float64) for real in (train, holdout)))


def checkpoint_auc(fitted: object, train: Images, holdout: Images, seed: int) -> float:
    """AUC of the generator's own score, averaged over levels, or of its critic; nan where it has neither."""
    if isinstance(fitted, Scores):
        return auc(*(-fitted.score(real, seed, LEVELS).mean(axis=1).astype(np.float64) for real in (train, holdout)))
    if isinstance(fitted, Discriminates):
        return auc(*(fitted.discriminate(real).astype(np.float64) for real in (train, holdout)))
    return float("nan")


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Markdown: a row a setting, means over seeds (range)."""
    columns = ("copied_patients", "copies_among_samples", "sample_auc", "checkpoint_auc", "fit_cpu_s", "audit_cpu_s")
    yield f"| experiment | setting | seeds | verdicts | {' | '.join(name.replace('_', ' ') for name in columns)} |"
    yield f"|---|---|---|---|{'---|' * len(columns)}"
    for trial in TRIALS:
        mine = [x for x in lines if (x["experiment"], x["setting"]) == (trial.experiment, trial.setting)]
        if mine:
            verdicts = ", ".join(sorted({x["verdict"] for x in mine}))
            cells = [_cell(np.array([x[name] for x in mine], dtype=float)) for name in columns]
            yield f"| {trial.experiment} | {trial.setting} | {len(mine)} | {verdicts} | {' | '.join(cells)} |"


def _cell(values: NDArray[np.float64]) -> str:
    if np.isnan(values).all():
        return "-"
    digits = 0 if values.max() > 2 else 3
    return f"{values.mean():.{digits}f} ({values.min():.{digits}f}-{values.max():.{digits}f})"


def main() -> None:
    """Run what is missing, or print what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", help="Experiments whose name begins so.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--print", action="store_true", dest="show")
    asked = parser.parse_args()
    lines = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.exists() else []
    if not asked.show:
        there = {(x["experiment"], x["setting"], x["seed"]) for x in lines}
        wanted = [t for t in TRIALS if not asked.only or t.experiment.startswith(tuple(asked.only))]
        todo = [(t, s) for s in range(asked.seeds) for t in wanted if (t.experiment, t.setting, s) not in there]
        fitter = Fitter({})
        for trial, seed in Progress(quiet=False).track(todo, "trials", len(todo)):
            result = asdict(run(trial, seed, fitter))
            with asked.out.open("a") as handle:
                handle.write(json.dumps(result) + "\n")
            lines.append(result)
    print("\n".join(table(lines)))


if __name__ == "__main__":
    main()

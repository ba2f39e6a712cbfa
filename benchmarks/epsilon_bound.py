"""Is the bound on epsilon from one run ever above the epsilon that a private training has?

    python -m benchmarks.epsilon_bound --runs 50 --out runs.jsonl
    python -m benchmarks.epsilon_bound --runs 50 --no-privacy --out open.jsonl

Each run draws a coin for each simulated patient, fits the private latent diffusion to those who are in, scores all of
them by the generator's loss, and bounds epsilon. Bounds are of 95 % confidence, so up to one run in twenty may be above
the truth. The same fit without noise or clipping shows whether the audit can see anything at all: a bound of 0 on a
training that cannot leak says little. Finished runs are kept in OUT, so an interrupted benchmark goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.generators.made import images_cohort
from synthaudit.generators.private_diffusion import PrivateLatentDiffusion
from synthaudit.generators.private_recipe import PrivateRecipe
from synthaudit.generators.protocol import Budget
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.one_run import one_run_audit
from synthaudit.statistics.roc import auc

SIZE, CANARIES, GUESSES, DELTA = 16, 100, 50, 1e-5
PRIVATE = PrivateRecipe(
    size=SIZE,
    components=16,
    texture=8,
    width=128,
    depth=1,
    patients_a_step=50,
    draws=4,
    epsilon=2.0,
    delta=DELTA,
    learning_rate=1e-2,
    checkpoint_every=10**6,
)
OPEN = replace(PRIVATE, epsilon=None, noise_multiplier=0.0, clip=1e9)
"""The same fit without noise, and without a clip that anybody reaches."""


def canary_images(run: int) -> NDArray[np.float32]:
    """(CANARIES, SIZE, SIZE) simulated patients of this run's own population."""
    population = ChestPopulation(seed=10_000 + run, size=SIZE)
    return np.stack([population.image(patient) for patient in range(CANARIES)])


def public_images() -> Cohort:
    """Simulated patients of another population, for the latent space."""
    population = ChestPopulation(seed=1, size=SIZE)
    return images_cohort(Role.REFERENCE, np.stack([population.image(patient) for patient in range(256)]))


def one_run(run: int, recipe: PrivateRecipe, steps: int, public: Cohort) -> dict[str, Any]:
    """Coins, fit, scores, bound; the run's number is the seed of all of them."""
    started = time.process_time()
    images = canary_images(run)
    coins = np.random.default_rng([run, 7]).random(CANARIES) < 0.5
    fitted = PrivateLatentDiffusion(recipe, public=public).fit(
        images_cohort(Role.TRAIN, images[coins]), Budget(steps=steps), seed=run
    )
    scores = -fitted.score(images, run, 6).mean(axis=1).astype(np.float64)
    found = one_run_audit(scores, coins, GUESSES // 2, GUESSES // 2, delta=DELTA)
    return {
        "run": run,
        "true_epsilon": fitted.card.facts["privacy"]["epsilon"],
        "bound": found.epsilon_low,
        "ceiling": found.ceiling,
        "right": found.right,
        "auc": auc(scores[coins], scores[~coins]),
        "cpu_seconds": round(time.process_time() - started, 2),
    }


def main() -> None:
    """Runs, and what they say together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="Number of the first run.")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--no-privacy", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    recipe = OPEN if given.no_privacy else PRIVATE
    asked = {"noise_multiplier": recipe.noise_multiplier, "epsilon": recipe.epsilon, "steps": given.steps}
    done = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    if any({name: row[name] for name in asked} != asked for row in done):
        parser.error("--out holds runs of other settings; name another file")
    public = public_images()
    for run in sorted(set(range(given.first, given.first + given.runs)) - {row["run"] for row in done}):
        row = {**asked, **one_run(run, recipe, given.steps, public)}
        with given.out.open("a") as handle:
            handle.write(json.dumps(row) + "\n")
        done.append(row)
        print(
            f"run {run}: {row['right']} of {GUESSES} right, AUC {row['auc']:.3f}, bound {row['bound']:.3f}", flush=True
        )
    _summary(done)


def _summary(done: list[dict[str, Any]]) -> None:
    bounds = np.array([row["bound"] for row in done])
    cpu = sum(row["cpu_seconds"] for row in done)
    truths = [row["true_epsilon"] for row in done]
    print(
        f"\n{len(done)} runs (seeds {min(r['run'] for r in done)} to {max(r['run'] for r in done)}), "
        f"{CANARIES} canaries, {GUESSES} guesses, {cpu:.0f} CPU seconds"
    )
    print(f"AUC by loss, mean: {np.mean([row['auc'] for row in done]):.3f}")
    print(f"bound: median {np.median(bounds):.3f}, largest {bounds.max():.3f}, ceiling {done[0]['ceiling']:.3f}")
    if None in truths:
        print("no privacy: there is no true epsilon")
    else:
        above = sum(row["bound"] > row["true_epsilon"] for row in done)
        print(f"true epsilon {max(truths):.3f}; bounds above it: {above} of {len(done)}")


if __name__ == "__main__":
    main()

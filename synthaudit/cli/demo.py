"""`synthaudit demo`: two generators of simulated patients, one of which leaks, and the two audits that tell them apart.

Both are the same latent diffusion, trained for the same number of steps. One saw 64 patients and gives many of them
back; the other saw 2048 and makes new ones. The patients are simulated, so the truth is known and no one is exposed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthaudit import __version__

if TYPE_CHECKING:
    from synthaudit.audit_record import Audit
    from synthaudit.cohort import Cohort
    from synthaudit.policy import Verdict
    from synthaudit.progress import Progress

INTERRUPTED = 130
STAMP = "demo.json"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much the demo makes: patients (one image each), synthetic images, training steps."""

    leaky_patients: int = 64
    safe_patients: int = 2048
    holdout_patients: int = 512
    samples: int = 400
    steps: int = 600
    image_px: int = 64


@dataclass(frozen=True, slots=True)
class Twin:
    """One of the two generators.

    Attributes:
        leaks: Whether its audit must FAIL; that of the other must not.
        folder: Where its patients, its checkpoint, its images and its audit go.
    """

    name: str
    patients: int
    leaks: bool
    folder: Path

    @property
    def audit(self) -> Path:
        """The output folder of its audit."""
        return self.folder / "audit"

    def keeps_the_promise(self, verdict: Verdict) -> bool:
        """Whether the verdict is the one that the truth calls for."""
        return (verdict.value == "FAIL") == self.leaks


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for all of it.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--overwrite", is_flag=True, help="Begin anew, in place of the demo that the folder holds.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def demo(ctx: click.Context, *, out: Path, seed: int, overwrite: bool, quiet: bool) -> None:
    """Audit a leaky and a safe generator.

    Patients are simulated, the same generator is trained on few and on many of them, and both are audited. Takes some
    minutes; an interrupted demo goes on where it was.

    Exit code 0 if the leaky generator was caught and the safe one was not accused, else 1.
    """
    from synthaudit.progress import Progress

    sizes, progress = Sizes(), Progress(quiet=quiet)
    twins = (
        Twin("leaky", sizes.leaky_patients, True, out / "leaky"),
        Twin("safe", sizes.safe_patients, False, out / "safe"),
    )
    try:
        claim(out, {"version": __version__, "seed": seed}, overwrite)
        audits = [audited(twin, sizes, seed, out / "cache", progress) for twin in twins]
    except KeyboardInterrupt:
        click.echo("\ninterrupted; what was made is kept; run the same command to go on", err=True)
        ctx.exit(INTERRUPTED)
    kept = [twin.keeps_the_promise(audit.verdict) for twin, audit in zip(twins, audits, strict=True)]
    for twin, audit in zip(twins, audits, strict=True):
        click.echo(_line(twin, audit))
    click.echo(
        "As it should be: the leaky generator was caught, and the safe one was not accused."
        if all(kept)
        else "NOT as it should be: the leaky generator must FAIL, and the safe one must not. Please report this."
    )
    ctx.exit(0 if all(kept) else 1)


def claim(out: Path, made_with: dict[str, str | int], overwrite: bool) -> None:
    """Make `out` the folder of this demo.

    Raises:
        OutputError: It holds another demo (and `overwrite` is off), or other files.
    """
    from synthaudit.errors import OutputError

    stamp, asked = out / STAMP, json.dumps(made_with) + "\n"
    held = stamp.read_text(encoding="utf-8", errors="replace") if stamp.is_file() else None
    if held is None and out.is_dir() and any(out.iterdir()):
        raise OutputError(f"folder {out.name!r} must be empty or hold a demo, found other files; choose another folder")
    if overwrite:
        for part in ("leaky", "safe", "cache"):
            shutil.rmtree(out / part, ignore_errors=True)
    elif held not in (None, asked):
        raise OutputError(
            f"folder {out.name!r} must hold no demo of another seed or version, found one; choose another folder, or "
            "add --overwrite"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        stamp.write_text(asked, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"folder {out.name!r} must be writable, got {error.strerror}; choose another place") from None


def audited(twin: Twin, sizes: Sizes, seed: int, cache: Path, progress: Progress) -> Audit:
    """The audit of one generator, made from the patients up; what is there already is used, except the audit itself."""
    import synthaudit
    from synthaudit.embedding_cache import EmbeddingCache

    progress.note(f"{twin.name} generator: {twin.patients} patients")
    patients = whole(twin.folder / "patients", lambda folder: _write_patients(folder, twin, sizes, seed, progress))
    images = whole(twin.folder / "synthetic", lambda folder: _write_samples(folder, twin, sizes, seed, progress))
    audit = synthaudit.audit(
        train=patients / "train",
        holdout=patients / "holdout",
        synthetic=images,
        metadata=patients / "patients.csv",
        seed=seed,
        cache=EmbeddingCache(cache),
        progress=progress,
    )
    synthaudit.write(audit, twin.audit, overwrite=True)
    return audit


def whole(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder; if it is not there, `make` fills it under another name first, so that it never holds a part."""
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        unfinished.rename(folder)
    return folder


def _write_patients(folder: Path, twin: Twin, sizes: Sizes, seed: int, progress: Progress) -> None:
    from synthaudit.cohort import Role
    from synthaudit.phantoms.chest import ChestPopulation
    from synthaudit.phantoms.folder import write_folder

    population = ChestPopulation(seed=seed, size=sizes.image_px)
    # Held-out patients come after the most that any of the two was trained on.
    first = max(sizes.leaky_patients, sizes.safe_patients)
    numbers = {Role.TRAIN: range(twin.patients), Role.HOLDOUT: range(first, first + sizes.holdout_patients)}
    for role, some in numbers.items():
        cohort = population.cohort(role, some, progress=progress)
        write_folder(cohort, folder / role.value, folder / "patients.csv", progress=progress)


def _write_samples(folder: Path, twin: Twin, sizes: Sizes, seed: int, progress: Progress) -> None:
    """Fit the generator, or take up a fit that was interrupted, and write what it makes."""
    from synthaudit.cohort import Role
    from synthaudit.generators.latent_diffusion import LatentDiffusion
    from synthaudit.generators.made import images_cohort
    from synthaudit.generators.protocol import Budget
    from synthaudit.generators.recipe import Recipe
    from synthaudit.generators.threads import one_thread
    from synthaudit.phantoms.folder import write_folder

    generator, budget = LatentDiffusion(Recipe(size=sizes.image_px)), Budget(steps=sizes.steps)
    train = _training_cohort(twin.folder / "patients", progress)
    with one_thread():
        fitted = generator.fit(train, budget, seed, folder=twin.folder / "checkpoint", progress=progress)
        progress.note(f"sampling {sizes.samples} images")
        images = fitted.sample(sizes.samples, seed)
    write_folder(images_cohort(Role.SYNTHETIC, images), folder, None, progress=progress)


def _training_cohort(patients: Path, progress: Progress) -> Cohort:
    """The training patients as they were written."""
    import numpy as np

    from synthaudit.cohort import Role
    from synthaudit.generators.made import images_cohort
    from synthaudit.intake import load

    # An audit always has synthetic images; a fit has none yet.
    none_yet = images_cohort(Role.SYNTHETIC, np.zeros((1, 8, 8), dtype=np.float32))
    return load(train=patients / "train", synthetic=none_yet, progress=progress).train


def _line(twin: Twin, audit: Audit) -> str:
    report = click.format_filename(twin.audit / "report.pdf")
    return f"{twin.name} generator ({twin.patients:,} patients): {audit.verdict.value}, see {report}"

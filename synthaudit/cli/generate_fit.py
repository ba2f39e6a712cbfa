"""`synthaudit generate fit`: train a reference generator on a folder of images."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthaudit.cli.images_option import IMAGES

if TYPE_CHECKING:
    from synthaudit.cohort import Cohort
    from synthaudit.progress import Progress

FOLDER = click.Path(path_type=Path, file_okay=False)
INTERRUPTED = 130


@click.command()
@click.argument("name")
@click.option("--train", type=IMAGES, required=True, help="Training images, as an audit takes them.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the checkpoint; an interrupted fit resumes there.")
@click.option("--metadata", type=click.Path(path_type=Path, dir_okay=False), help="Table with file and patient_id.")
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="A setting of its recipe; see list.")
@click.option("--budget-seconds", type=float, help="Train for about this long.")
@click.option(
    "--steps", type=int, help="Train for exactly this many steps; reproducible, unlike seconds. [default: 600]"
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="Threads that read images. [default: all processors]")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def fit(
    ctx: click.Context,
    /,
    *,
    name: str,
    train: Path | str,
    out: Path,
    metadata: Path | None,
    settings: tuple[str, ...],
    budget_seconds: float | None,
    steps: int | None,
    seed: int,
    device: str,
    workers: int | None,
    quiet: bool,
) -> None:
    """Fit the generator NAME to a folder of images and keep its checkpoint.

    The checkpoint may remember patients: keep it as you keep the images.
    """
    from synthaudit.generators.protocol import Budget
    from synthaudit.generators.recipe import REFERENCE_STEPS
    from synthaudit.progress import Progress

    if budget_seconds is None and steps is None:
        steps = REFERENCE_STEPS
    budget = Budget(steps=steps, seconds=budget_seconds)
    generator = _untrained(name, device, settings)
    progress = Progress(quiet=quiet)
    cohort = _training_cohort(train, metadata, workers, progress, whole_volumes=len(generator.spec.shape) == 3)
    try:
        card = generator.fit(cohort, budget, seed, folder=out, progress=progress).card
    except KeyboardInterrupt:
        click.echo(f"\ninterrupted {_so_far(out)}; run the same command to go on", err=True)
        ctx.exit(INTERRUPTED)
    click.echo(
        f"{name}: {card.train_images} images of {card.train_patients} patients, {card.steps} steps, "
        f"{card.seconds:.1f} s, checkpoint {card.weights_digest[:16]}"
    )


def _untrained(name: str, device: str, settings: tuple[str, ...]) -> Any:
    """A fresh generator with these settings; its own code is arbitrary, so only its protocol is known here."""
    from synthaudit import registry
    from synthaudit.generators.recipe_settings import recipe_with

    there = registry.generators()
    if name not in there:
        close = difflib.get_close_matches(name, there, n=1)
        hint = f"; did you mean {close[0]}" if close else ""
        raise click.BadParameter(f"must be one of {', '.join(there)}, got {name}{hint}", param_hint="NAME")
    generator: Any = there[name].from_spec("", device=device)
    return replace(generator, recipe=recipe_with(generator.recipe, settings)) if settings else generator


def _training_cohort(
    train: Path | str, metadata: Path | None, workers: int | None, progress: Progress, *, whole_volumes: bool
) -> Cohort:
    """The training images; what was left out of them is said on standard error."""
    from synthaudit.cohort import Role
    from synthaudit.intake import read_cohort

    cohort, issues = read_cohort(
        train, Role.TRAIN, metadata=metadata, workers=workers, progress=progress, whole_volumes=whole_volumes
    )
    for issue in issues:
        # One table may serve all roles, so rows without a file here are no fault of it.
        if issue.role == Role.TRAIN:
            progress.note(f"{issue.count} x {issue.reason}: {issue.says}")
    return cohort


def _so_far(out: Path) -> str:
    """How far the fit in the folder is, as far as it is kept."""
    from synthaudit.errors import InputError
    from synthaudit.generators.checkpoint import load_card

    try:
        card = load_card(out)
    except InputError:
        return "before the first checkpoint"
    return f"after {card.steps} of {card.planned_steps} steps that are kept"

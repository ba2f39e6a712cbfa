"""`synthaudit generate`: fit a reference generator, sample from it, make simulated patients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthaudit.cli.phantoms import phantoms

if TYPE_CHECKING:
    from synthaudit.cohort import Cohort
    from synthaudit.generators.protocol import Generator
    from synthaudit.progress import Progress

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def generate() -> None:
    """Fit reference generators, sample from them, and make simulated patients."""


@generate.command()
@click.argument("name")
@click.option("--train", type=FOLDER, required=True, help="Folder of training images.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the checkpoint; an interrupted fit resumes there.")
@click.option("--metadata", type=click.Path(path_type=Path, dir_okay=False), help="Table with file and patient_id.")
@click.option("--budget-seconds", type=float, help="Train for about this long.")
@click.option(
    "--steps", type=int, help="Train for exactly this many steps; reproducible, unlike seconds. [default: 600]"
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="Threads that read images. [default: all processors]")
@click.option("--quiet", is_flag=True, help="No progress.")
def fit(
    *,
    name: str,
    train: Path,
    out: Path,
    metadata: Path | None,
    budget_seconds: float | None,
    steps: int | None,
    seed: int,
    device: str,
    workers: int | None,
    quiet: bool,
) -> None:
    """Fit the generator NAME to a folder of images and keep its checkpoint."""
    from synthaudit import registry
    from synthaudit.generators.protocol import Budget
    from synthaudit.generators.recipe import REFERENCE_STEPS
    from synthaudit.progress import Progress

    # A generator's own code is arbitrary, so only its protocol is known here.
    untrained = registry.generators()
    if name not in untrained:
        raise click.BadParameter(f"must be one of {', '.join(untrained)}, got {name}", param_hint="NAME")
    if budget_seconds is None and steps is None:
        steps = REFERENCE_STEPS
    budget = Budget(steps=steps, seconds=budget_seconds)
    generator = untrained[name].from_spec("", device=device)
    progress = Progress(quiet=quiet)
    cohort = _training_cohort(train, metadata, workers, progress)
    fitted = generator.fit(cohort, budget, seed, folder=out, progress=progress)
    card = fitted.card
    click.echo(
        f"{name}: {card.train_images} images of {card.train_patients} patients, {card.steps} steps, "
        f"{card.seconds:.1f} s, checkpoint {card.weights_digest[:16]}"
    )


@generate.command()
@click.argument("checkpoint", type=FOLDER)
@click.option("--n", type=click.IntRange(min=1), required=True, help="How many images.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the images; none of theirs may be there.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--quiet", is_flag=True, help="No progress.")
def sample(*, checkpoint: Path, n: int, out: Path, seed: int, device: str, quiet: bool) -> None:
    """Write N images made by the generator kept in the folder CHECKPOINT."""
    from synthaudit.cohort import Role
    from synthaudit.generators.made import images_cohort
    from synthaudit.phantoms.folder import write_folder
    from synthaudit.progress import Progress

    images = _loaded(checkpoint, device).sample(n, seed)
    write_folder(images_cohort(Role.SYNTHETIC, images), out, None, progress=Progress(quiet=quiet))
    click.echo(f"{n} images written")


generate.add_command(phantoms)


def _loaded(checkpoint: Path, device: str) -> Generator:
    """The generator in a checkpoint folder, whichever it is."""
    from synthaudit import registry
    from synthaudit.errors import InputError
    from synthaudit.generators.checkpoint import load_card

    there, name = registry.generators(), load_card(checkpoint).name
    if name not in there:
        raise InputError(f"the checkpoint must be of one of {', '.join(there)}, got {name}")
    loaded: Generator = there[name].from_spec(str(checkpoint), device=device)
    return loaded


def _training_cohort(train: Path, metadata: Path | None, workers: int | None, progress: Progress) -> Cohort:
    """The training images of a folder, read as an audit reads them: a `role` column in the table is heeded."""
    import numpy as np

    from synthaudit.cohort import Role
    from synthaudit.generators.made import images_cohort
    from synthaudit.intake import load

    # An audit always has synthetic images; a fit has none yet.
    none_yet = images_cohort(Role.SYNTHETIC, np.zeros((1, 8, 8), dtype=np.float32))
    return load(train=train, synthetic=none_yet, metadata=metadata, workers=workers, progress=progress).train

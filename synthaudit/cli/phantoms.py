"""`synthaudit generate phantoms`: simulated patients, and a table of who they are."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--patients", type=click.IntRange(min=1), required=True, help="How many patients.")
@click.option("--visits", type=click.IntRange(min=1), default=1, show_default=True, help="Images of each patient.")
@click.option("--size", type=click.IntRange(16, 512), default=64, show_default=True, help="Side, in pixels.")
@click.option("--out", type=FOLDER, required=True, help="Folder for images/ and metadata.csv.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the population.")
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True, help="Number of the first patient.")
@click.option("--role", type=click.Choice(["train", "holdout", "reference"]), default="train", show_default=True)
@click.option("--imbalance", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of the groups.")
@click.option("--bits", type=click.Choice(["8", "16"]), default="8", show_default=True, help="A pixel, in the PNG.")
@click.option("--quiet", is_flag=True, help="No progress.")
def phantoms(
    *,
    patients: int,
    visits: int,
    size: int,
    out: Path,
    seed: int,
    first: int,
    role: str,
    imbalance: float,
    bits: str,
    quiet: bool,
) -> None:
    """Write chest radiographs of simulated patients, and a table of who they are."""
    from synthaudit.cohort import Role
    from synthaudit.phantoms.chest import ChestPopulation
    from synthaudit.phantoms.folder import write_folder
    from synthaudit.progress import Progress

    progress = Progress(quiet=quiet)
    population = ChestPopulation(seed=seed, size=size, imbalance=imbalance)
    cohort = population.cohort(Role(role), range(first, first + patients), visits, progress)
    write_folder(cohort, out / "images", out / "metadata.csv", int(bits), progress)
    click.echo(f"{len(cohort)} images of {patients} simulated patients written")

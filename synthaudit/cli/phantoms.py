"""`synthaudit generate phantoms`: simulated patients, and a table of who they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from synthaudit.phantoms.brain_contrast import Contrast
    from synthaudit.phantoms.phantom_folder import Format
    from synthaudit.phantoms.sources import PhantomSource

FOLDER = click.Path(path_type=Path, file_okay=False)
SHARE = click.FloatRange(0, 1)
CONTRASTS = ("t1", "t2", "flair", "t1c", "ct")


@click.command()
@click.option("--anatomy", type=click.Choice(["chest", "brain"]), default="chest", show_default=True)
@click.option("--patients", type=click.IntRange(min=1), required=True, help="How many patients.")
@click.option("--visits", type=click.IntRange(min=1), default=1, show_default=True, help="Studies of each patient.")
@click.option("--years", type=click.FloatRange(0, 30, min_open=True), help="Between visits. [default: 20 to 500 days]")
@click.option("--contrast", "contrasts", type=click.Choice(CONTRASTS), multiple=True, help="Brain. [default: t1]")
@click.option("--volumes", is_flag=True, help="Brain: whole volumes instead of one axial image.")
@click.option("--slices", type=click.IntRange(8, 128), help="Of a volume, over 12 cm. [default: 32]")
@click.option("--lesions", type=SHARE, help="Share of patients with lesions of each kind. [default: by age and sex]")
@click.option("--rare", type=SHARE, default=0, show_default=True, help="Share of the rare class: cavity, or cyst.")
@click.option("--size", type=click.IntRange(16, 512), default=64, show_default=True, help="Side, in pixels.")
@click.option("--out", type=FOLDER, required=True, help="Folder for images/ and metadata.csv.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the population.")
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True, help="Number of the first patient.")
@click.option("--role", type=click.Choice(["train", "holdout", "reference"]), default="train", show_default=True)
@click.option("--imbalance", type=SHARE, default=0.5, show_default=True, help="Of the groups.")
@click.option("--format", "format_", type=click.Choice(["png", "dicom", "nifti"]), default="png", show_default=True)
@click.option("--bits", type=click.Choice(["8", "16"]), help="A pixel, in a PNG. [default: 8]")
@click.option("--masks", is_flag=True, help="Write masks of the lesions under masks/.")
@click.option("--quiet", is_flag=True, help="No progress.")
def phantoms(*, out: Path, quiet: bool, **wanted: Any) -> None:
    """Write images of simulated patients, and a table of who they are.

    An interrupted command goes on where it was when it is given again. An audit reads PNG and DICOM; NIfTI is for other
    programs.
    """
    from synthaudit.cohort import Role
    from synthaudit.phantoms.phantom_folder import PhantomSet, write_phantoms
    from synthaudit.progress import Progress

    wish = _Wish(**wanted)
    wish.refuse_contradictions()
    sources = wish.sources()
    chosen = PhantomSet(sources, Role(wish.role), wish.format_, int(wish.bits or 8), wish.masks, asdict(wish))
    written = write_phantoms(chosen, out, Progress(quiet=quiet))
    click.echo(f"{len(sources)} images of {wish.patients} simulated patients: {written} files written")


@dataclass(frozen=True, slots=True)
class _Wish:
    """The options that say what is to be made; together they name one set of files."""

    anatomy: Literal["chest", "brain"]
    patients: int
    visits: int
    years: float | None
    contrasts: tuple[Contrast, ...]
    volumes: bool
    slices: int | None
    lesions: float | None
    rare: float
    size: int
    seed: int
    first: int
    role: str
    imbalance: float
    format_: Format
    bits: str | None
    masks: bool

    def refuse_contradictions(self) -> None:
        """Raise a usage error for options that cannot stand together."""
        chest, png = self.anatomy == "chest", self.format_ == "png"
        for message, applies in (
            ("--contrast is for --anatomy brain", chest and bool(self.contrasts)),
            ("--volumes is for --anatomy brain: a radiograph has no slices", chest and self.volumes),
            ("--slices is for --volumes", self.slices is not None and not self.volumes),
            ("--years needs --visits 2 or more: it is the time between visits", bool(self.years) and self.visits < 2),
            ("--bits is for --format png: DICOM and NIfTI hold what a scanner stores", bool(self.bits) and not png),
            ("--masks is for --format png or nifti: a mask is not written as DICOM",
             self.masks and self.format_ == "dicom"),
        ):  # fmt: skip
            if applies:
                raise click.UsageError(message)

    def sources(self) -> tuple[PhantomSource, ...]:
        """The images, none rendered yet."""
        from synthaudit.phantoms.brain import BrainPopulation
        from synthaudit.phantoms.chest import ChestPopulation

        chosen = range(self.first, self.first + self.patients)
        if self.anatomy == "chest":
            chest = ChestPopulation(self.seed, self.size, self.imbalance, self.lesions, self.rare, self.years)
            return chest.sources(chosen, self.visits)
        brain = BrainPopulation(
            self.seed, self.size, self.imbalance, self.lesions, self.rare, self.years, slices=self.slices or 32
        )
        contrasts: tuple[Contrast, ...] = tuple(dict.fromkeys(self.contrasts)) or ("t1",)
        return brain.sources(chosen, self.visits, contrasts=contrasts, volumes=self.volumes)

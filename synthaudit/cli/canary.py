"""`synthaudit canary`: put patients into training by sealed coin flips, and see afterwards whether it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthaudit.cli.images_option import IMAGES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from synthaudit.progress import Progress
    from synthaudit.training_canaries.plan import Plan

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def canary() -> None:
    """Test a claim of differential privacy: who is trained on is decided by sealed coins, then guessed."""


@canary.command()
@click.option("--images", type=IMAGES, help="Images that could be trained on, as an audit takes them.")
@click.option("--metadata", type=FILE, help="Table with file and patient_id.")
@click.option("--patients", type=FILE, help="Instead of images: CSV with the column patient_id.")
@click.option("--canaries", type=click.IntRange(min=1), help="Patients who get a coin; others are in. [default: all]")
@click.option("--guesses", type=click.IntRange(min=1), help="Guesses to be made. [default: half of the canaries]")
@click.option("--guesses-out", type=click.IntRange(min=0), help="Of these, how many say out. [default: half]")
@click.option("--delta", type=click.FloatRange(0, 1, max_open=True), default=1e-5, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), help="For rehearsals only. [default: the system's entropy]")
@click.option("--workers", type=click.IntRange(min=1), help="Threads that read images. [default: all processors]")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--out", type=FOLDER, required=True, help="A new folder for the plan.")
def make(
    *,
    images: Path | str | None,
    metadata: Path | None,
    patients: Path | None,
    canaries: int | None,
    guesses: int | None,
    guesses_out: int | None,
    delta: float,
    seed: int | None,
    workers: int | None,
    quiet: bool,
    out: Path,
) -> None:
    """Decide by coin flips which patients are trained on, and seal it before the training."""
    from synthaudit.cohort import Role
    from synthaudit.intake import read_cohort
    from synthaudit.progress import Progress
    from synthaudit.training_canaries.plan import COMMITMENT, INSTRUCTIONS, draw_plan, write_plan
    from synthaudit.training_canaries.scores import patients_in

    if (images is None) == (patients is None):
        raise click.UsageError("give either --images or --patients")
    cohort = None
    if images is not None:
        cohort, _ = read_cohort(images, Role.TRAIN, metadata=metadata, workers=workers, progress=Progress(quiet=quiet))
    everybody = cohort.patient_ids if cohort is not None else patients_in(patients or Path())
    plan = draw_plan(everybody, canaries=canaries, guesses=guesses, said_out=guesses_out, delta=delta, seed=seed)
    write_plan(plan, everybody, cohort, out)
    if cohort is not None and not cohort.known_patient.all():
        unsure = int((~cohort.known_patient).sum())
        click.echo(f"{unsure} images are of no known patient, and count as one patient each.", err=True)
    ceiling = plan.rules.ceiling(len(plan.patients))
    click.echo(
        f"{len(plan.patients)} of {len(everybody)} patients have a coin; {plan.rules.guesses} guesses will be made. "
        f"Claims up to epsilon {ceiling:.2f} can be refuted."
    )
    click.echo(f"Seal: {plan.seal}")
    click.echo(f"Note the seal before the training; {INSTRUCTIONS} says what to do, {COMMITMENT} may be handed out.")


@canary.command()
@click.argument("plan", type=FOLDER)
@click.option("--synthetic", type=IMAGES, help="Images that the generator made.")
@click.option("--generator", metavar="URI", help="Instead: its checkpoint, as for audit --generator.")
@click.option("--scores", type=FILE, help="Instead: CSV with patient_id and score; higher = more surely in training.")
@click.option("--images", type=IMAGES, help="The images that the plan was made from.")
@click.option("--metadata", type=FILE, help="The table that the plan was made from.")
@click.option("--epsilon", type=click.FloatRange(min=0), help="The claim, at the plan's delta.")
@click.option("--seal", help="As it was noted before the training.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the loss's noise.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--trust-code", is_flag=True, help="Let code that comes with the generator run.")
@click.option("--workers", type=click.IntRange(min=1), help="Threads. [default: all processors]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the result.")
@click.pass_context
def audit(
    ctx: click.Context,
    /,
    *,
    plan: Path,
    synthetic: Path | str | None,
    generator: str | None,
    scores: Path | None,
    images: Path | str | None,
    metadata: Path | None,
    epsilon: float | None,
    seal: str | None,
    seed: int,
    device: str,
    trust_code: bool,
    workers: int | None,
    as_json: bool,
    quiet: bool,
    out: Path,
) -> None:
    """Guess the coins of the plan in the folder PLAN, and see which claims of epsilon that refutes.

    Exit codes: 0 the claim is not refuted, 1 it is, 2 wrong use, 3 it was not put to the test (or none was made).
    """
    from synthaudit import registry
    from synthaudit.progress import Progress
    from synthaudit.training_canaries.judgment import document, judge, sentences, write_judgment
    from synthaudit.training_canaries.plan import open_plan
    from synthaudit.training_canaries.scores import scores_from_table

    if sum(given is not None for given in (synthetic, generator, scores)) != 1:
        raise click.UsageError("give one of --synthetic, --generator and --scores")
    opened = open_plan(plan, seal)
    if scores is not None:
        access, values = "scores", scores_from_table(scores, opened.patients)
    elif images is None:
        raise click.UsageError("--synthetic and --generator need --images, those that the plan was made from")
    else:
        progress = Progress(quiet=quiet)
        made_by = None if generator is None else registry.generator(generator, device=device, trust_code=trust_code)
        access = "samples" if made_by is None else "checkpoint"
        values = _scored(opened, images, metadata, synthetic, made_by, seed, workers, progress)
    made = judge(opened, values, epsilon, access, seal_noted=seal is not None)
    write_judgment(made, out)
    click.echo(json.dumps(document(made), indent=2) if as_json else "\n".join(sentences(made)))
    ctx.exit(made.exit_code)


def _scored(
    plan: Plan,
    images: Path | str,
    metadata: Path | None,
    synthetic: Path | str | None,
    generator: object,
    seed: int,
    workers: int | None,
    progress: Progress,
) -> NDArray[np.float64]:
    """The canaries' scores from the samples, or from the generator where there is one."""
    from synthaudit import registry
    from synthaudit.cohort import Role
    from synthaudit.embeddings import PixelEncoder
    from synthaudit.generators.protocol import Generator
    from synthaudit.intake import read_cohort
    from synthaudit.training_canaries.scores import canary_rows, scores_from_generator, scores_from_samples

    everybody, _ = read_cohort(images, Role.TRAIN, metadata=metadata, workers=workers, progress=progress)
    canaries = canary_rows(everybody, plan.patients)
    if isinstance(generator, Generator):
        return scores_from_generator(canaries, generator, seed)
    samples, _ = read_cohort(synthetic or Path(), Role.SYNTHETIC, workers=workers, progress=progress)
    encoder = registry.encoder("descriptor")
    if not isinstance(encoder, PixelEncoder):
        raise TypeError("the descriptor is a PixelEncoder")
    return scores_from_samples(canaries, samples, encoder, workers=workers or 1)

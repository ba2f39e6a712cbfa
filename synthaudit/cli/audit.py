"""`synthaudit audit`: from folders of images to a verdict and its reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from synthaudit.cli.images_option import ACCEPTED_IN_SHORT, IMAGES

FOLDER = click.Path(path_type=Path, file_okay=False)
INTERRUPTED = 130


@click.command(epilog=ACCEPTED_IN_SHORT)
@click.option("--train", type=IMAGES, required=True, help="Images that the generator was trained on.")
@click.option("--synthetic", type=IMAGES, required=True, help="Images that the generator made.")
@click.option("--holdout", type=IMAGES, help="Real images of the same source, of patients never trained on.")
@click.option("--reference", type=IMAGES, help="Real images of another source, to calibrate on.")
@click.option(
    "--metadata",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV or Parquet table with the columns file and patient_id.",
)
@click.option("--split", metavar="patients:SHARE", help="Hold out that share of the training folder's patients.")
@click.option("--slices", metavar="all|every:N", help="Look at every N-th synthetic slice. [default: all]")
@click.option("--neighbors", is_flag=True, help="Show encoders each slice between its neighbors: for volumes only.")
@click.option("--generator", metavar="URI", help="The generator itself, to ask what its checkpoint remembers.")
@click.option("--trust-code", is_flag=True, help="Load a generator even if that executes code of its own.")
@click.option("--reference-models", type=click.IntRange(min=2), metavar="K", help="Train K like it, to compare with.")
@click.option("--encoder", "encoders", metavar="NAME", multiple=True, help="May be repeated. [default: descriptor]")
@click.option("--probe", "probes", metavar="NAME", multiple=True, help="May be repeated. [default: all]")
@click.option("--policy", metavar="FILE|PRESET", default="controlled-release", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="Threads. [default: all processors]")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--cache", type=FOLDER, help="Where embeddings are kept. [default: the user's cache folder]")
@click.option("--no-cache", is_flag=True, help="Keep no embeddings.")
@click.option("--allow-download", is_flag=True, help="Let encoders download their weights.")
@click.option("--overwrite", is_flag=True, help="Replace the audit that the output folder holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the evidence as JSON, and nothing else.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the reports.")
@click.pass_context
def audit(ctx: click.Context, /, *, out: Path, overwrite: bool, as_json: bool, **asked: Any) -> None:
    """Audit synthetic images, and write the reports.

    Without --holdout or --split there is nothing to compare with, and most questions stay open.
    """
    import synthaudit
    from synthaudit.cli.verdict_text import audit_text
    from synthaudit.evidence_file import dump

    _check_apart(out, [asked[role] for role in ("train", "synthetic", "holdout", "reference")])
    arguments = _engine_arguments(**asked)
    synthaudit.check_output(out, overwrite=overwrite)
    try:
        made = synthaudit.audit(**arguments)
        synthaudit.write(made, out, overwrite=overwrite)
    except KeyboardInterrupt:
        kept = "" if asked["no_cache"] else "what was embedded is kept; "
        click.echo(f"\ninterrupted; {kept}run the same command to go on", err=True)
        ctx.exit(INTERRUPTED)
    if as_json:
        click.echo(dump(made), nl=False)
    else:
        click.echo(audit_text(made, out))
    ctx.exit(made.verdict.exit_code)


def _engine_arguments(
    *,
    encoders: tuple[str, ...],
    probes: tuple[str, ...],
    cache: Path | None,
    no_cache: bool,
    allow_download: bool,
    reference_models: int | None,
    quiet: bool,
    **same: Any,
) -> dict[str, Any]:
    """The options as `synthaudit.audit` takes them; those in `same` bear the same names and values there."""
    from synthaudit.embedding_cache import EmbeddingCache
    from synthaudit.probe import Settings
    from synthaudit.progress import Progress

    if reference_models and same["generator"] is None:
        raise click.UsageError("--reference-models are compared with the generator; name it with --generator")
    if cache is not None and no_cache:
        raise click.UsageError("--cache names a place for embeddings, and --no-cache keeps none; give one of them")
    return {
        **same,
        "encoders": encoders or ("descriptor",),
        "probes": probes or None,
        "cache": False if no_cache else None if cache is None else EmbeddingCache(cache),
        "offline": not allow_download,
        "settings": Settings(reference_models=reference_models or 0),
        "progress": Progress(quiet=quiet),
    }


def _check_apart(out: Path, given: list[Path | str | None]) -> None:
    """Refuse an output folder among the images: the next audit would take the pictures in it for input."""
    place = out.resolve()
    for folder in given:
        if isinstance(folder, Path) and folder.resolve() in (place, *place.parents):
            raise click.UsageError("--out must lie outside the folders of images; choose another folder")

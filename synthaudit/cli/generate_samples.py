"""`synthaudit generate sample` and `translate`: images of any generator that can be opened, numbered."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from synthaudit.generators.protocol import Generator, Images
    from synthaudit.progress import Progress
    from synthaudit.readers.scan import ScannedImage

FOLDER = click.Path(path_type=Path, file_okay=False)
INTERRUPTED = 130

BLOCK = 256
"""Images made at a time: what an interruption loses, and what memory must hold."""

RESTRICTED = "restricted"


def _openable(command: Callable[..., None]) -> Callable[..., None]:
    """The options by which a generator is opened."""
    for option in (
        click.option("--quiet", is_flag=True, help="No progress."),
        click.option("--trust-code", is_flag=True, help="Open a generator even if that executes code of its own."),
        click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
        click.option("--out", type=FOLDER, required=True, help="Folder for the images; goes on where it stopped."),
        click.argument("checkpoint", metavar="CHECKPOINT|URI"),
    ):
        command = option(command)
    return command


@click.command()
@_openable
@click.option("--n", type=click.IntRange(min=1), required=True, help="How many images.")
@click.option("--condition", "conditions", metavar="NAME=VALUE", multiple=True, help="What to make. May be repeated.")
@click.pass_context
def sample(
    ctx: click.Context,
    /,
    *,
    checkpoint: str,
    n: int,
    out: Path,
    seed: int,
    conditions: tuple[str, ...],
    device: str,
    trust_code: bool,
    quiet: bool,
) -> None:
    """Write N images made by the generator in the folder CHECKPOINT, or named by a URI; volumes as NIfTI.

    Image i depends on the generator, the seed and i, never on N: asking for more adds to those that are there.
    """
    from synthaudit import registry
    from synthaudit.generators.protocol import Capability

    generator = registry.generator(checkpoint, device=device, trust_code=trust_code)
    can = generator.capabilities()
    _require(Capability.SAMPLE, generator)
    condition = _condition(conditions)
    job = {**_job(generator, seed), "made": "samples", "condition": condition}
    # Another's generator may do with a seed what it likes; only from ours may blocks have seeds of their own.
    block = BLOCK if Capability.FIT in can else n

    def make(first: int, number: int) -> Images:
        return generator.sample(number, _block_seed(seed, first // block), condition or None)

    _write_all(ctx, out, job, n, block, make, generator, quiet)


@click.command()
@_openable
@click.option("--in", "inputs", type=FOLDER, required=True, help="Folder of the images to translate.")
@click.pass_context
def translate(
    ctx: click.Context,
    /,
    *,
    checkpoint: str,
    inputs: Path,
    out: Path,
    seed: int,
    device: str,
    trust_code: bool,
    quiet: bool,
) -> None:
    """Translate each image of a folder by the generator in the folder CHECKPOINT, or named by a URI.

    A translated image shows the patient of its input: handle it as that patient's image. Images are numbered; which was
    made of which file is in restricted/inputs.csv.
    """
    from synthaudit import registry
    from synthaudit.generators.protocol import Capability
    from synthaudit.progress import Progress

    generator: Any = registry.generator(checkpoint, device=device, trust_code=trust_code)
    _require(Capability.TRANSLATE, generator)
    images = _inputs(inputs, Progress(quiet=quiet))
    digests = "\n".join(image.checked.digest for image in images)
    job = {**_job(generator, seed), "made": "translations", "inputs": hashlib.sha256(digests.encode()).hexdigest()}
    size = generator.spec.shape[-1]

    def make(first: int, number: int) -> Images:
        import numpy as np

        from synthaudit.pixels import canvas

        x = np.stack([canvas(image.source.read(), size) for image in images[first : first + number]])
        made: Images = generator.translate(x, _block_seed(seed, first // BLOCK))
        return made

    _write_all(ctx, out, job, len(images), BLOCK, make, generator, quiet, [image.name for image in images])


def _write_all(
    ctx: click.Context,
    out: Path,
    job: dict[str, Any],
    n: int,
    block: int,
    make: Callable[[int, int], Images],
    generator: Generator,
    quiet: bool,
    inputs: list[str] | None = None,
) -> None:
    from synthaudit.cli.numbered_images import claim_folder, write_images
    from synthaudit.progress import Progress

    claim_folder(out, job)
    if inputs is not None:
        _write_inputs(out / RESTRICTED, inputs)
    try:
        spec, progress = generator.spec, Progress(quiet=quiet)
        kept = write_images(out, n, block, make, spec.value_range, progress, axes=len(spec.shape))
    except KeyboardInterrupt:
        click.echo("\ninterrupted; what was made is kept, run the same command to go on", err=True)
        ctx.exit(INTERRUPTED)
    what = "volumes" if len(generator.spec.shape) == 3 else "images"
    click.echo(f"{n - kept} {what} written" + (f", {kept} were there" if kept else ""))


def _inputs(folder: Path, progress: Progress) -> tuple[ScannedImage, ...]:
    """Every image of the folder, in the order of their names; one that cannot be read stops the command."""
    from synthaudit.errors import InputError
    from synthaudit.parallel import default_workers
    from synthaudit.readers.folder import existing_folders
    from synthaudit.readers.scan import scan_folder

    scanned = scan_folder(existing_folders({"--in": folder})["--in"], "reading", default_workers(), progress, None)
    if scanned.rejected or not scanned.images:
        raise InputError(
            f"every input must be an image that can be read, found {len(scanned.images)} that can and "
            f"{len(scanned.rejected)} that cannot; repair these files or take them away"
        )
    return tuple(scanned.images)


def _write_inputs(folder: Path, names: list[str]) -> None:
    """Which file each number was made of. Restricted: names of files can name patients."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    with (folder / "inputs.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(("file", "made_of"))
        writer.writerows((f"{number:06d}.png", name) for number, name in enumerate(names))


def _require(capability: str, generator: Generator) -> None:
    from synthaudit.errors import UsageError

    if capability not in (can := generator.capabilities()):
        raise UsageError(
            f"generator {generator.spec.name} must be able to {capability}, found that it can "
            f"{', '.join(sorted(map(str, can))) or 'do nothing'}"
        )


def _job(generator: Generator, seed: int) -> dict[str, Any]:
    spec = generator.spec
    return {"generator": spec.name, "checkpoint_digest": spec.checkpoint_digest, "seed": seed}


def _condition(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if any(not equals for _, equals, _ in pairs):
        raise click.BadParameter("must be given as NAME=VALUE", param_hint="--condition")
    return {name: value for name, _, value in pairs}


def _block_seed(seed: int, block: int) -> int:
    """The first block has the seed that was given, so that it is what `sample(n, seed)` makes."""
    import numpy as np

    if block == 0:
        return seed
    return int(np.random.SeedSequence([seed, block]).generate_state(1, np.uint64)[0] >> np.uint64(1))

"""Images that a command makes, numbered, a block at a time: an interrupted command goes on where it stopped.

Numbers, because a name of an input could name a patient. The folder says in a hidden file what its images are; another
command does not add to them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthaudit.errors import OutputError, UsageError

if TYPE_CHECKING:
    from synthaudit.generators.protocol import Images
    from synthaudit.progress import Progress

IMAGE_SUFFIX, VOLUME_SUFFIX = ".png", ".nii.gz"
NOTE = ".synthaudit-made.json"
"""What the images of a folder are; readers of images pass over hidden files."""


def claim_folder(out: Path, job: Mapping[str, Any]) -> None:
    """Make `out` the folder of this job's images.

    Raises:
        OutputError: It holds something else already.
    """
    out.mkdir(parents=True, exist_ok=True)
    note, text = out / NOTE, json.dumps(job, sort_keys=True, indent=2) + "\n"
    if note.exists():
        if note.read_text(encoding="utf-8") != text:
            raise OutputError(
                "the output folder holds images made otherwise (of another generator, seed, condition or input); "
                "choose an empty folder"
            )
        return
    if any(out.iterdir()):
        raise OutputError("the output folder holds other files; choose an empty folder")
    note.write_text(text, encoding="utf-8")


def write_images(
    out: Path,
    n: int,
    block: int,
    make: Callable[[int, int], Images],
    low_high: tuple[float, float],
    progress: Progress,
    *,
    axes: int = 2,
) -> int:
    """Write images 0 to `n` - 1 as files of that number, those that are missing; returns how many were there.

    Images are PNG, volumes NIfTI.

    Args:
        out: A folder that `claim_folder` has given.
        n: How many.
        block: How many are made at a time.
        make: (first, number) -> (number, h, w) images or (number, slices, h, w) volumes, as the generator's `shape`
            says; asked for whole blocks, and for the rest at the end.
        low_high: Least and greatest value.
        progress: Told about each image.
        axes: 2 for images, 3 for volumes.

    Raises:
        UsageError: The generator makes something else.
    """
    files = [out / f"{number:06d}{VOLUME_SUFFIX if axes == 3 else IMAGE_SUFFIX}" for number in range(n)]
    missing = [number for number, file in enumerate(files) if not file.exists()]
    done = dict[int, "Images"]()
    low, high = low_high
    for number in progress.track(missing, "making", len(missing)):
        first = number // block * block
        if first not in done:
            done = {first: make(first, min(block, n - first))}
            if axes not in (2, 3) or done[first].ndim != axes + 1:
                raise UsageError(
                    f"images must be (n, h, w), or volumes (n, slices, h, w), to be written, got "
                    f"{done[first].ndim - 1} axes each"
                )
        _write(files[number], (done[first][number - first] - low) / (high - low))
    return n - len(missing)


def _write(file: Path, image: Images) -> None:
    """Put the image there in one step, or not at all."""
    from synthaudit.phantoms.folder import write_png
    from synthaudit.phantoms.nifti_file import volume_bytes

    partial = file.with_name(f".partial-{file.name}")
    partial.unlink(missing_ok=True)
    values = np.asarray(image, dtype=np.float32)
    try:
        if values.ndim == 3:
            partial.write_bytes(volume_bytes(values))
        else:
            write_png(values, partial)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)

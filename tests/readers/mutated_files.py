"""A process of its own that reads files broken at random, and tells how it went: run by test_fuzz.py.

Each line of its output is JSON, flushed before it goes on: {"file"} before a file is read, {"said"} after it, and at
last {"peak_bytes"}. So whoever reads it knows at which file it died.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.progress import Progress
from synthaudit.readers.folder import FoundFile, Kind
from synthaudit.readers.items import Item, items_in
from synthaudit.readers.rejection import REASONS, Rejected

DICOM_BASES = (
    *(
        "CT_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
    ),
    *(
        "MR_small_jpeg_ls_lossless.dcm",
        "JPEG2000.dcm",
        "JPGExtended.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
    ),
    *("SC_rgb_rle_2frame.dcm", "SC_rgb_jls_lossy_line.dcm", "image_dfl.dcm", "examples_palette.dcm"),
)
GIANTS = {
    "Rows": 65535,
    "Columns": 65535,
    "NumberOfFrames": "2147483647",
    "BitsAllocated": 64,
    "SamplesPerPixel": 65535,
}
MEMORY_BYTES = 2**31


def base_files() -> dict[str, bytes]:
    from pydicom.data import get_testdata_file

    files = {name: Path(str(get_testdata_file(name, download=False))).read_bytes() for name in DICOM_BASES}
    rng = np.random.default_rng(0)
    for name, shape, kind in (("a.nii", (20, 18, 9), "<i2"), ("b.nii.gz", (12, 14, 8, 3), "<f4")):
        files[name] = nifti((rng.random(shape) * 900).astype(kind), packed=name.endswith(".gz"))
    return files


def nifti(voxels: NDArray[Any], *, packed: bool) -> bytes:
    import gzip

    import nibabel

    made: Any = nibabel.Nifti1Image
    content: bytes = made(voxels, np.eye(4)).to_bytes()
    return gzip.compress(content, mtime=0) if packed else content


def flipped(content: bytes, rng: np.random.Generator, end: int) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(0, min(end, len(changed)), rng.integers(1, 17)):
        changed[place] = int(rng.choice([0, 255, 1, 127, 128, int(rng.integers(256))]))
    return bytes(changed)


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(1, len(content)))]


def spliced(content: bytes, rng: np.random.Generator) -> bytes:
    a, b, n = (int(x) for x in rng.integers(0, len(content), 3))
    return content[:a] + content[b : b + n] + content[a:]


def claims_more(content: bytes, rng: np.random.Generator) -> bytes:
    """A DICOM object whose header states what cannot be."""
    from pydicom import dcmread, dcmwrite

    dataset = dcmread(io.BytesIO(content))
    for keyword in rng.choice(list(GIANTS), rng.integers(1, 4), replace=False):
        setattr(dataset, str(keyword), GIANTS[str(keyword)])
    stream = io.BytesIO()
    dcmwrite(stream, dataset)
    return stream.getvalue()


def mutations(count: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """(what was done, name, content) of `count` broken files, the base files in turn."""
    bases = list(base_files().items())
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        name, content = bases[number % len(bases)]
        ways: dict[str, Callable[[], bytes]] = {
            "header": lambda c=content, r=rng: flipped(c, r, 2000),  # type: ignore[misc]
            "anywhere": lambda c=content, r=rng: flipped(c, r, len(c)),  # type: ignore[misc]
            "cut": lambda c=content, r=rng: cut(c, r),  # type: ignore[misc]
            "spliced": lambda c=content, r=rng: spliced(c, r),  # type: ignore[misc]
        }
        if name.endswith(".dcm"):
            ways["claims"] = lambda c=content, r=rng: claims_more(c, r)  # type: ignore[misc]
        way = str(rng.choice(list(ways)))
        yield f"{number} {way} {name}", name, ways[way]()


def outcome(file: FoundFile) -> str:
    """The reason of the first refusal, or the shape of the last image; at most 20 images of a file are decoded."""
    said = "nothing"
    for number, item in enumerate(items_in([file], "headers", Progress())):
        if isinstance(item, Rejected):
            assert item.reason in REASONS, item.reason
            return item.reason
        assert isinstance(item, Item)
        if number < 20:
            said = read(item)
            if said in REASONS:
                return said
    return said


def read(item: Item) -> str:
    try:
        return str(item.source.read().shape)
    except UnreadableImage as error:
        return error.reason


def main() -> None:
    """Arguments: how many files, the seed, the folder to write in, the first that counts."""
    count, seed, folder, first = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    resource.setrlimit(resource.RLIMIT_AS, (2 * MEMORY_BYTES, 2 * MEMORY_BYTES))  # what is mapped, not what is used
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of what this file breaks on purpose
        for number, (what, name, content) in enumerate(mutations(count, seed)):
            if number < first:
                continue
            print(json.dumps({"file": what}), flush=True)
            path = folder / name
            path.write_bytes(content)
            kind = Kind.DICOM if name.endswith(".dcm") else Kind.NIFTI
            print(json.dumps({"said": outcome(FoundFile(path, name, kind))}), flush=True)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            print(json.dumps({"peak_bytes": int(line.split()[1]) * 1024}), flush=True)


if __name__ == "__main__":
    main()

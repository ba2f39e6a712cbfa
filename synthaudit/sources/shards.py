"""A set of images in several archives: `shard-{000..003}.tar`, or a folder that holds nothing but archives."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from synthaudit.errors import InputError
from synthaudit.readers.folder import FoundFile, Listing
from synthaudit.readers.rejection import Rejected
from synthaudit.sources.opened import Opened

MAX_SHARDS = 100_000
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".parquet")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def is_pattern(text: str) -> bool:
    """Whether the text stands for several files, by a range such as {000..003}."""
    return _RANGE.search(text) is not None


def expanded(pattern: str) -> list[Path]:
    """The files that a pattern stands for, in order.

    >>> [path.name for path in expanded("chest-{08..10}.tar")]
    ['chest-08.tar', 'chest-09.tar', 'chest-10.tar']

    Raises:
        InputError: A range runs backwards, or there are too many.
    """
    pieces = _RANGE.split(pattern)
    ranges = [(int(a), int(b), len(a)) for a, b in zip(pieces[1::3], pieces[2::3], strict=True)]
    count = 1
    for low, high, _ in ranges:
        count *= max(0, high - low + 1)
    if not 0 < count <= MAX_SHARDS:
        raise InputError(
            f"a range of shards must run upwards and stand for at most {MAX_SHARDS:,} files, as {{000..003}} does"
        )
    numbers = itertools.product(*([f"{i:0{width}d}" for i in range(low, high + 1)] for low, high, width in ranges))
    texts = pieces[0::3]
    return [Path(texts[0] + "".join(n + text for n, text in zip(row, texts[1:], strict=True))) for row in numbers]


def shards_in(folder: Path) -> list[Path]:
    """The archives directly in a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.name.lower().endswith(ENDINGS) and path.is_file())


def shard_name(path: Path) -> str:
    """What goes before the names of a shard's members: its own, without the ending."""
    ending = next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), "")
    return path.name[: len(path.name) - len(ending)]


def joined(place: Path, paths: Sequence[Path], open_one: Callable[[Path], Opened]) -> Opened:
    """The images of all shards, each named `shard/member`.

    Raises:
        InputError: One cannot be read, or two bear one name but for their endings.
    """
    prefixes = [shard_name(path) for path in paths]
    if len(set(prefixes)) < len(prefixes):
        raise InputError("archives given together must differ in name, found two that differ in their ending only")
    files: list[FoundFile] = []
    passed_over: list[Rejected] = []
    columns: dict[str, Mapping[str, str]] = {}
    for prefix, path in zip(prefixes, paths, strict=True):
        one = open_one(path)
        files += [FoundFile(f.path, f"{prefix}/{f.name}", f.kind) for f in one.listing.files]
        passed_over += [Rejected(f"{prefix}/{r.name}", r.reason, r.detail) for r in one.listing.passed_over]
        columns |= {f"{prefix}/{name}": cells for name, cells in one.columns.items()}
    files.sort(key=lambda file: file.name)
    return Opened(place, Listing(tuple(files), tuple(passed_over)), columns)

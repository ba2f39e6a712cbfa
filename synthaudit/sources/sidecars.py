"""WebDataset: a tar in which the files of one sample share a key, such as 0001.png and 0001.json.

What the .json says of a sample counts as a row of a table would: `patient_id`, `sex`, `age`, `label` and so on. A .cls
is its label. Only a tar is read in this way, as only there the convention holds; in a folder, a .json beside an image
may be anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from synthaudit.readers.stored import StoredFile, opened
from synthaudit.readers.table import cell_text

LARGEST_SIDECAR_BYTES = 2**20


def sample_key(name: str) -> str:
    """What the files of one sample share: the path up to the first dot of its last part.

    >>> sample_key("chest.v2/0001.seg.png")
    'chest.v2/0001'
    """
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.split(".", 1)[0]


def sidecar_columns(files: Iterable[tuple[str, StoredFile]]) -> dict[str, dict[str, str]]:
    """Name of a file -> column -> text, for each file whose sample has a .json or a .cls.

    Values that are lists or objects are left out, and so are sidecars that cannot be read.
    """
    listed = list(files)
    by_key: dict[str, dict[str, str]] = {}
    for name, stored in listed:
        if name == sample_key(name) + ".json":
            by_key[sample_key(name)] = by_key.get(sample_key(name), {}) | _of_json(_content(stored))
        elif name == sample_key(name) + ".cls":
            text = _content(stored).decode("utf-8", "replace").strip()
            by_key[sample_key(name)] = {"label": text} | by_key.get(sample_key(name), {})
    return {
        name: found
        for name, _ in listed
        if not name.endswith((".json", ".cls")) and (found := by_key.get(sample_key(name)))
    }


def _content(stored: StoredFile) -> bytes:
    with opened(stored) as stream:
        found = stream.read(LARGEST_SIDECAR_BYTES + 1)
    return found if len(found) <= LARGEST_SIDECAR_BYTES else b""


def _of_json(content: bytes) -> dict[str, str]:
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        str(name).strip().lower(): cell_text(value)
        for name, value in found.items()
        if isinstance(value, str | int | float) and str(name).strip().lower() != "file"
    }

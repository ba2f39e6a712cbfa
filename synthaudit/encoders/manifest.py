"""MANIFEST.json: what a folder of weights holds, each file with its SHA-256, and how far the weights were checked.

It shows that nothing has changed since the weights were added: a damaged disk, a file mixed up. It is no protection
from someone who can write to the folder, since they can write the manifest too; for that, compare the digest that
`encoders list` prints with the publisher's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from synthaudit.encoders.weights import WeightsCheck, file_sha256
from synthaudit.errors import EncoderError

FILE = "MANIFEST.json"
SCHEMA = "synthaudit/encoder/1"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REMEDY = "add the encoder again"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A folder of weights.

    Attributes:
        name: Of the encoder, as in `--encoder`.
        weights: Name of the weight file.
        check: How the weights were checked when they were added.
        trusts_code: True if the user said that the program in the file may run.
        source: Where the weights come from, in the user's words.
        added: ISO 8601, UTC, to the second.
        files: Name -> SHA-256 (hex) of every file beside the manifest.
    """

    name: str
    weights: str
    check: WeightsCheck
    trusts_code: bool
    source: str
    added: str
    files: Mapping[str, str]

    @property
    def weights_sha256(self) -> str:
        """SHA-256 (hex) of the weight file, as it was added."""
        return self.files[self.weights]


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a folder.

    Raises:
        EncoderError: There is none, or it does not say what it must.
    """
    try:
        told: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if told.pop("schema") != SCHEMA:
            raise ValueError("it is of another version")
        files = told["files"]
        if told["weights"] not in files or not all(
            Path(name).name == name and _DIGEST.fullmatch(digest) for name, digest in files.items()
        ):
            raise ValueError("files must be names with SHA-256 digests, the weights among them")
        return Manifest(**{**told, "check": WeightsCheck(told["check"]), "trusts_code": told["trusts_code"] is True})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise EncoderError(
            f"encoder folder {folder.name} needs a {FILE} that says what is in it, found {type(error).__name__}; "
            f"{_REMEDY}"
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Hash every file of the folder, and write the manifest beside them; the manifest as written."""
    files = {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.name != FILE}
    made = replace(manifest, files=files)
    (folder / FILE).write_text(json.dumps({"schema": SCHEMA, **asdict(made)}, indent=2) + "\n", encoding="utf-8")
    return made


def changes(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """What is not as the manifest says, each as a few words; empty if all is."""
    there = {path.name for path in folder.iterdir() if path.name != FILE}
    found = [f"{name} is missing" for name in manifest.files if name not in there]
    found += [f"{name} was added" for name in sorted(there - manifest.files.keys())]
    found += [
        f"{name} was changed"
        for name, digest in manifest.files.items()
        if name in there and ((folder / name).is_symlink() or file_sha256(folder / name) != digest)
    ]
    return tuple(found)

"""Which file holds an encoder's weights, and how far can it be trusted?

A weight file decides every score, so a verdict is no better than the knowledge that the file is the one it is taken
for. That knowledge has grades (`WeightsCheck`), and without any the engine gives no PASS. A file is looked for where
the caller says, then in the store of this machine, then on the hub; the last only if downloads are allowed, or if the
hub's cache has it already.

Only formats that hold numbers are read. A pickle can run any program when it is loaded: it is refused by its name and
by its first bytes, and never opened by anything that would obey it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from synthaudit.encoders.about import About
from synthaudit.errors import EncoderError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".tar", ".joblib")


class WeightsCheck(StrEnum):
    """How it is known that a weight file is the one it is taken for."""

    NONE = "none"
    """There is no file to check: nothing was fitted, or on this audit's images, or the vectors come from elsewhere."""
    PUBLISHED = "published"
    """Its SHA-256 is one that this package knows."""
    GIVEN = "given"
    """Its SHA-256 is the one that the user gave when it was added."""
    VOUCHED = "vouched"
    """The user vouched for the file when it was added, without a digest from elsewhere."""
    UNVERIFIED = "unverified"
    """Nobody said that this is the right file."""


def check_of(encoder: object) -> WeightsCheck:
    """How the weights of an encoder were checked, as its attribute `weights_check` says; NONE if it has none.

    Whatever an encoder from elsewhere says that is none of the grades counts as unverified.
    """
    said = getattr(encoder, "weights_check", WeightsCheck.NONE)
    try:
        return WeightsCheck(said)
    except ValueError:
        return WeightsCheck.UNVERIFIED


@dataclass(frozen=True, slots=True)
class Weights:
    """A weight file, its SHA-256 (hex), how it was checked, and the folder of the store that it lies in, if any."""

    file: Path
    sha256: str
    check: WeightsCheck
    bundle: Path | None = None
    trusts_code: bool = False
    """True if the user said that the program in it may run."""


def find_weights(name: str, about: About, file: str = "", *, offline: bool = True) -> Weights:
    """The weights of the encoder `name`.

    Args:
        name: As in `--encoder`, without a file: "rad-dino", "timm:resnet18".
        about: What its file must be.
        file: Path of a weight file; empty to look in the store, then on the hub.
        offline: Read the hub's cache only.

    Raises:
        EncoderError: There is none, it is a pickle, or it is not the file that was added.
    """
    from synthaudit.encoders import store

    if file:
        path = Path(file).expanduser()
        check_format(name, path, about)
        digest = file_sha256(path)
        return Weights(path, digest, WeightsCheck.PUBLISHED if digest in about.published else WeightsCheck.UNVERIFIED)
    kept = store.opened(name)
    if kept is not None:
        check_format(name, kept.file, about)
        if kept.check is WeightsCheck.PUBLISHED and kept.sha256 not in about.published:
            raise EncoderError(
                f"encoder {name} needs weights of a SHA-256 that is known here, as its manifest says they are, found "
                f"another: the manifest was changed, or made by another version. Add the weights again"
            )
        return kept
    if about.hub is not None:
        path = _from_hub(name, about, offline=offline)
        digest = file_sha256(path)
        return Weights(path, digest, WeightsCheck.PUBLISHED if digest in about.published else WeightsCheck.UNVERIFIED)
    raise EncoderError(f"encoder {name} needs its weights on this machine, found none. {how_to_get(name, about)}")


def how_to_get(name: str, about: About) -> str:
    """What to do to have the weights, in one or two sentences."""
    return (
        f"Get {about.weights}; then run: synthaudit encoders add {name} --from FILE --sha256 DIGEST "
        "(the publisher's digest; --vouch instead if there is none)"
    )


def check_format(name: str, file: Path, about: About) -> None:
    """Raise EncoderError unless the file is there and is of a format that this encoder reads."""
    ending = file.name.lower()
    if ending.endswith(PICKLES) and not ending.endswith(about.suffixes):
        raise EncoderError(
            f"encoder {name} needs weights as {' or '.join(about.suffixes)}, got {file.name}: a pickle can run any "
            f"program when it is loaded. Convert it once, on a machine where that would do no harm: "
            f"{conversion(file.name)}"
        )
    if not ending.endswith(about.suffixes):
        raise EncoderError(f"encoder {name} needs weights as {' or '.join(about.suffixes)}, got {file.name}")
    if not file.is_file():
        raise EncoderError(f"encoder {name} needs a weight file, found no file {file.name} where it should be")


def conversion(file: str) -> str:
    """A command that turns a pickled state dict into a safetensors file."""
    return (
        'python -c "import torch, safetensors.torch as s; '
        f"w = torch.load('{file}', map_location='cpu', weights_only=True); w = w.get('state_dict', w); "
        "s.save_file({k: v.contiguous().clone() for k, v in w.items()}, 'model.safetensors')\""
    )


def file_sha256(file: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _from_hub(name: str, about: About, *, offline: bool) -> Path:
    """The safetensors file in the hub's cache, downloaded first if that is allowed."""
    assert about.hub is not None  # noqa: S101  (the caller looked)
    if offline:
        # Before the hub library is imported; set later, it tries for 25 seconds to reach the network.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError, OfflineModeIsEnabled

    repository, file = about.hub
    try:
        return Path(hf_hub_download(repository, file, local_files_only=offline))
    except (OSError, EntryNotFoundError, HFValidationError, OfflineModeIsEnabled) as error:
        found = "none (nothing was downloaded: offline)" if offline else f"none on the hub ({type(error).__name__})"
        raise EncoderError(
            f"encoder {name} needs its weights on this machine, found {found}. {how_to_get(name, about)}"
            + ("; or allow downloads (--allow-download)" if offline else "")
        ) from error

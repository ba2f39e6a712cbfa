"""The weights that this machine keeps: one folder for each encoder, with a manifest.

    STORE/rad-dino/model.safetensors  preprocessing.json  LICENSE  MANIFEST.json

STORE is what SYNTHAUDIT_ENCODERS names, else a folder of the user's. Such a folder can be carried to a machine without
a network and added there. Every file is hashed again each time an encoder is loaded.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synthaudit.encoders import manifest as manifests
from synthaudit.encoders.about import About
from synthaudit.encoders.manifest import Manifest, changes, read_manifest, write_manifest
from synthaudit.encoders.preprocessing import FILE as PREPROCESSING_FILE
from synthaudit.encoders.weights import PICKLES, Weights, WeightsCheck, check_format, file_sha256
from synthaudit.errors import EncoderError, UsageError

VARIABLE = "SYNTHAUDIT_ENCODERS"
"""Environment variable that names the folder of the store."""
BESIDE = ("config.json", "open_clip_config.json", "preprocessor_config.json", PREPROCESSING_FILE)
"""Files that are kept beside the weights, and those whose name starts with LICENSE."""

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_NAME = re.compile(f"{_PART}(:{_PART})?")


def location() -> Path:
    """The folder of the store; it need not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("synthaudit", appauthor=False)) / "encoders"


def folder_of(name: str) -> Path:
    """Where the store keeps, or would keep, the encoder of that name.

    Raises:
        UsageError: It is no name that a folder could have.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"an encoder is kept under NAME or KIND:NAME, of letters, digits, . _ and -, got {name!r}")
    return location() / name.replace(":", "--")


def kept() -> dict[str, Path]:
    """Name -> folder of every encoder in the store, sorted."""
    if not location().is_dir():
        return {}
    found = {}
    for folder in location().iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            found[folder.name.replace("--", ":", 1)] = folder
    return dict(sorted(found.items()))


def opened(name: str) -> Weights | None:
    """The weights that are kept under that name, if they are as they were added; None if there are none.

    Raises:
        EncoderError: Something in the folder has changed since.
    """
    if not _NAME.fullmatch(name) or not folder_of(name).is_dir():
        return None
    folder = folder_of(name)
    told = read_manifest(folder)
    changed = [f"it is the folder of {told.name}"] if told.name != name else list(changes(folder, told))
    if changed:
        raise EncoderError(
            f"encoder {name} needs its files as they were added, found that {', '.join(changed)}; add it again "
            "(synthaudit encoders add --replace), and find out why"
        )
    return Weights(folder / told.weights, told.weights_sha256, told.check, folder, told.trusts_code)


def problems(name: str) -> tuple[str, ...]:
    """What is wrong with what is kept under that name, each as a few words; empty if nothing is.

    Raises:
        UsageError: Nothing is kept under that name.
    """
    folder = folder_of(name)
    if not folder.is_dir():
        raise UsageError(f"encoder must be one that is kept here ({', '.join(kept()) or 'there is none'}), got {name}")
    try:
        told = read_manifest(folder)
    except EncoderError:
        return (f"{manifests.FILE} is missing or damaged",)
    wrong = (f"{manifests.FILE} is that of {told.name}",) if told.name != name else ()
    return (*wrong, *changes(folder, told))


def add(
    name: str,
    about: About,
    source: Path,
    *,
    sha256: str = "",
    vouched: bool = False,
    trusts_code: bool = False,
    preprocessing: Path | None = None,
    license_file: Path | None = None,
    told_source: str = "",
    replace: bool = False,
    load: Callable[[], Any],
) -> Manifest:
    """Copy weights into the store, and keep them only if they are what they should be and can be loaded.

    Args:
        name: As in `--encoder`.
        about: What the file must be.
        source: A weight file, or a folder with one and what belongs to it.
        sha256: SHA-256 (hex) that the weight file must have.
        vouched: The user vouches for the file without a digest.
        trusts_code: The program in the file may run.
        preprocessing, license_file: Kept beside the weights: how images are prepared, and the terms.
        told_source: Where the weights come from, in the user's words.
        replace: Replace what is kept under the name.
        load: Loads the encoder from the store; what it raises is raised here, and the store is then as before.

    Raises:
        EncoderError: A pickle, another digest, or not the weights of this architecture.
        UsageError: Something is kept under the name, or the digest is none.
    """
    place = folder_of(name)
    if place.exists() and not replace:
        raise UsageError(f"encoder {name} is kept here already; add --replace to replace it")
    weights = _weight_file(name, about, source)
    location().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".adding-", dir=location()) as temporary:
        new, old = Path(temporary) / "new", Path(temporary) / "old"
        new.mkdir()
        _copy(weights, source, new)
        for file, kept_as in ((preprocessing, PREPROCESSING_FILE), (license_file, "LICENSE")):
            if file is not None:
                shutil.copyfile(file, new / kept_as)
        check = _check(name, about, new / weights.name, sha256, vouched=vouched)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made = Manifest(name, weights.name, check, trusts_code, told_source or weights.name, now, {})
        made = write_manifest(new, made)
        return _put(new, old, place, made, load)


def _put(new: Path, old: Path, place: Path, made: Manifest, load: Callable[[], Any]) -> Manifest:
    """The manifest, once the folder `new` is in its place and could be loaded; else all is as it was before."""
    if place.exists():
        place.rename(old)
    new.rename(place)
    try:
        prepared = getattr(load(), "preprocessing", None)
        if prepared is not None and not (place / PREPROCESSING_FILE).exists():
            (place / PREPROCESSING_FILE).write_text(prepared.to_json(), encoding="utf-8")
            made = write_manifest(place, made)
    except BaseException:
        shutil.rmtree(place)
        if old.exists():
            old.rename(place)
        raise
    return made


def _weight_file(name: str, about: About, source: Path) -> Path:
    """The one weight file that `source` is or holds."""
    if not source.is_dir():
        check_format(name, source, about)
        return source
    found = sorted(path for path in source.iterdir() if path.name.lower().endswith(about.suffixes))
    if len(found) == 1:
        check_format(name, found[0], about)
        return found[0]
    pickles = sorted(path for path in source.iterdir() if path.name.lower().endswith(PICKLES))
    if pickles and not found:
        check_format(name, pickles[0], about)
    raise EncoderError(
        f"encoder {name} needs a folder with one file {' or '.join('*' + s for s in about.suffixes)}, found "
        f"{len(found)}; name the file itself"
    )


def _copy(weights: Path, source: Path, into: Path) -> None:
    """The weights and what belongs to them; only files that are known by name."""
    beside = source if source.is_dir() else None
    files = [weights]
    if beside is not None:
        if (beside / manifests.FILE).exists() and (changed := changes(beside, read_manifest(beside))):
            raise EncoderError(
                f"the folder needs its files as its {manifests.FILE} lists them, found that {', '.join(changed)}"
            )
        files += [
            path
            for path in sorted(beside.iterdir())
            if path.is_file() and (path.name in BESIDE or path.name.upper().startswith("LICENSE"))
        ]
    else:
        own = weights.with_name(weights.name + ".json")
        if own.is_file():
            shutil.copyfile(own, into / PREPROCESSING_FILE)
    for file in files:
        shutil.copyfile(file, into / file.name)


def _check(name: str, about: About, weights: Path, sha256: str, *, vouched: bool) -> WeightsCheck:
    """How far these weights can be trusted; an error if they are not those that were asked for."""
    asked = sha256.lower().removeprefix("sha256:")
    if asked and not re.fullmatch(r"[0-9a-f]{64}", asked):
        raise UsageError(f"sha256 must be 64 hexadecimal digits, got {sha256!r}")
    digest = file_sha256(weights)
    if asked and digest != asked:
        raise EncoderError(
            f"encoder {name} needs weights of SHA-256 {asked}, got a file of {digest}; it is another file, or was "
            "damaged on its way: fetch it again"
        )
    if digest in about.published:
        return WeightsCheck.PUBLISHED
    if asked:
        return WeightsCheck.GIVEN
    return WeightsCheck.VOUCHED if vouched else WeightsCheck.UNVERIFIED

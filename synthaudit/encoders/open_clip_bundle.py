"""Where a pretrained open_clip model lies, and what it says of itself: a file, a folder, or a place on the hub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthaudit.errors import EncoderError

CONFIG_FILE = "open_clip_config.json"
WEIGHT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "model.safetensors")
"""Names that a bundle may give its weights, the preferred one first."""
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npz")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model: what it is called, what it is, and where its weights lie."""

    name: str
    model: Mapping[str, Any]
    """open_clip's `model_cfg`."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: Path


def from_file(architecture: str, file: Path) -> Bundle:
    """An architecture of open_clip with weights from a file, normalized as most of its published weights are."""
    _refuse_pickle(file)
    import open_clip

    model = open_clip.get_model_config(architecture) if architecture in open_clip.list_models() else None
    if model is None:
        raise EncoderError(
            f"openclip needs an architecture that open_clip knows (open_clip.list_models()), got "
            f"{architecture}; for another one, make a bundle and give openclip:local-dir:FOLDER"
        )
    published = Counter(
        (tuple(config["mean"]), tuple(config["std"]))
        for tag in open_clip.list_pretrained_tags_by_model(architecture)
        if (config := open_clip.get_pretrained_cfg(architecture, tag)).get("mean") and config.get("std")
    )
    published.setdefault((open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD), 0)
    mean, std = published.most_common(1)[0][0]
    return Bundle(architecture, model, mean, std, file)


def from_folder(folder: Path) -> Bundle:
    """The bundle in a folder: open_clip_config.json and open_clip_model.safetensors."""
    return _read_bundle(folder.name, folder / CONFIG_FILE, _weights_in(folder))


def _read_bundle(name: str, config_file: Path, weights: Path) -> Bundle:
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
        preprocess = config["preprocess_cfg"]
        mean, std = tuple(map(float, preprocess["mean"])), tuple(map(float, preprocess["std"]))
        model = config["model_cfg"]
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError("mean and std must be three numbers each")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EncoderError(
            f"openclip bundle {name} needs a {CONFIG_FILE} with model_cfg and preprocess_cfg (mean and std, three "
            f"numbers each), found {type(error).__name__}: {error.strerror if isinstance(error, OSError) else error}"
        ) from error
    return Bundle(name, model, mean, std, weights)


def _weights_in(folder: Path) -> Path:
    """The weight file of a bundle."""
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name
    pickles = sorted(path for path in folder.glob("*") if path.suffix in PICKLES)
    if pickles:
        _refuse_pickle(pickles[0])
    raise EncoderError(f"openclip bundle {folder.name} needs a {WEIGHT_FILES[0]} beside its {CONFIG_FILE}, found none")


def from_hub(identifier: str, *, offline: bool) -> Bundle:
    """The bundle that the hub, or its cache on this machine, has as ORG/NAME or ORG/NAME@REVISION."""
    repository, _, revision = identifier.partition("@")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError, OfflineModeIsEnabled

    def fetched(name: str) -> Path:
        return Path(hf_hub_download(repository, name, revision=revision or None, local_files_only=offline))

    def first_of(names: tuple[str, ...]) -> Path:
        for name in names[:-1]:
            try:
                return fetched(name)
            except EntryNotFoundError:
                continue
        return fetched(names[-1])

    try:
        return _read_bundle(f"hf-hub:{identifier}", fetched(CONFIG_FILE), first_of(WEIGHT_FILES))
    except (OSError, EntryNotFoundError, HFValidationError, OfflineModeIsEnabled) as error:
        where = "in the hub's cache on this machine (nothing was downloaded: offline)" if offline else "on the hub"
        raise EncoderError(
            f"openclip:hf-hub:{identifier} needs {CONFIG_FILE} and {WEIGHT_FILES[0]} {where}, found "
            f"{type(error).__name__}. Allow downloads, or copy both files from a machine that has them into a folder "
            f"and give openclip:local-dir:FOLDER; if the hub has a pickle only, convert it: {_conversion('FILE.bin')}"
        ) from error


def _conversion(file: str) -> str:
    return (
        'python -c "import torch, safetensors.torch as s; '
        f"w = torch.load('{file}', map_location='cpu', weights_only=True); w = w.get('state_dict', w); "
        f"s.save_file({{k: v.contiguous().clone() for k, v in w.items()}}, '{WEIGHT_FILES[0]}')\""
    )


def _refuse_pickle(file: Path) -> None:
    if file.suffix.lower() in PICKLES:
        raise EncoderError(
            f"openclip needs weights as .safetensors, got {file.name}: a pickle can run any program when it is loaded. "
            f"Convert it once: {_conversion(file.name)}"
        )
    if not file.is_file():
        raise EncoderError(f"openclip needs a weight file, found no file {file.name} where it should be")

"""Pretrained image encoders in open_clip's format: CLIP, BiomedCLIP, SigLIP and their kin.

Of such a model only the vision tower is built and loaded; what its text tower would need (`transformers`, a tokenizer)
is not. Images go through this package's canvas, padded to a square, never center-cropped as open_clip's own transform
does: a crop could cut away the marker that identifies someone.

Nothing is downloaded unless the caller allows it, and only safetensors files are read: loading a pickle can run any
program. A fingerprint covers the weight file's SHA-256, the architecture and the preprocessing, not open_clip's
version.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthaudit.encoders import store
from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import full_precision, own_randomness, torch_device
from synthaudit.encoders.open_clip_bundle import Bundle, from_file, from_folder, from_hub
from synthaudit.encoders.weights import WeightsCheck, file_sha256
from synthaudit.errors import EncoderError, UsageError

PREPROCESSING = "canvas-1"
"""Version of what happens to pixels before the model; a change of `pixels.canvas` is a change of this."""
BATCH = 64
"""Images that go through the model at once, however many are given."""

_FORMS = (
    "openclip:ARCHITECTURE@WEIGHTS.safetensors, openclip:local-dir:FOLDER, openclip:hf-hub:ORG/NAME, or "
    "openclip:NAME once it was added"
)
# open_clip builds both towers; this text tower is as small as it can be, and thrown away.
_NO_TEXT = {"context_length": 2, "vocab_size": 2, "width": 8, "heads": 1, "layers": 1}


class OpenClip:
    """A vision tower of open_clip, frozen, in float32.

    Attributes:
        name: "openclip:" and the architecture, the bundle folder's own name, or the hub's name; never a path.
        dim: Length of its vectors.
        fingerprint: SHA-256 (hex) over weight file, architecture and preprocessing.
        weights_sha256: SHA-256 (hex) of the weight file, to compare with its publisher's.
        weights_check: How the file was checked.
        input_size: Side of the canvas, in pixels.
        channels: 3.
        fast: False: queries are looked up as they are and mirrored only.
    """

    about: ClassVar[About] = About(
        what="The vision tower of a model in open_clip's format: CLIP, SigLIP and their kin.",
        license="that of the weights",
        input="as the bundle says, RGB",
        dim=None,
        weights="a folder with open_clip_config.json and open_clip_model.safetensors",
        takes_any=True,
    )
    channels: Literal[3] = 3
    fast: bool = False

    def __init__(
        self, bundle: Bundle, device: str, name: str = "", check: WeightsCheck = WeightsCheck.UNVERIFIED
    ) -> None:
        import torch

        self.name = name or f"openclip:{bundle.name}"
        self.weights_check = check
        self.input_size = _square(bundle)
        with own_randomness():
            visual = _vision_tower(bundle)
        visual.load_state_dict(_vision_weights(bundle, visual.state_dict()))
        self._visual = visual.to(torch_device(device)).eval().requires_grad_(requires_grad=False)
        self.dim = int(bundle.model["embed_dim"])
        self.weights_sha256 = file_sha256(bundle.weights)
        self.fingerprint = _fingerprint(bundle, self.weights_sha256)
        self._device = device
        self._mean, self._std = (torch.tensor(x, device=device).view(1, 3, 1, 1) for x in (bundle.mean, bundle.std))

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> OpenClip:
        """The encoder that `argument` names.

        Args:
            argument: One of four. `ViT-B-32@FILE.safetensors`: an architecture of open_clip (for OpenAI's own weights
                one that ends in -quickgelu) and its weights, normalized as most published weights of that architecture
                are. `local-dir:FOLDER`: a bundle of open_clip_config.json and open_clip_model.safetensors, which says
                itself how to normalize. `hf-hub:ORG/NAME`, or `hf-hub:ORG/NAME@REVISION`: such a bundle on the hub.
                `NAME`: a bundle that was added as openclip:NAME.
            device: "cpu", "cuda" or "cuda:i".
            offline: Read the hub's cache only. Holds for the whole process: the hub library looks once, when imported.

        Raises:
            EncoderError: The weights are missing, a pickle, or not of this architecture.
            UsageError: The argument or the device is none.
        """
        if offline:
            # Before the hub library is imported; set later, it tries for 25 seconds to reach the network.
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        if argument.startswith("local-dir:"):
            folder = Path(argument.removeprefix("local-dir:")).expanduser().resolve()
            return cls(from_folder(folder), device)
        if argument.startswith("hf-hub:"):
            return cls(from_hub(argument.removeprefix("hf-hub:"), offline=offline), device)
        kept = store.opened(f"openclip:{argument}")
        if kept is not None:
            bundle = replace(from_folder(kept.file.parent), weights=kept.file)
            return cls(bundle, device, f"openclip:{argument}", kept.check)
        architecture, at, file = argument.partition("@")
        if not (architecture and at and file):
            raise UsageError(f"openclip must be given as {_FORMS}, got openclip:{architecture}")
        return cls(from_file(architecture, Path(file).expanduser()), device)

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, dim) float32 rows of unit length, for (n, s, s, 3) RGB canvases in [0, 1]."""
        import torch

        side = self.input_size
        if images.ndim != 4 or images.shape[1:] != (side, side, 3):
            raise UsageError(f"images must be of shape (n, {side}, {side}, 3), got {images.shape}")
        out = np.empty((len(images), self.dim), dtype=np.float32)
        with torch.inference_mode(), full_precision(), torch.autocast(self._device.partition(":")[0], enabled=False):
            for start in range(0, len(images), BATCH):
                part = np.ascontiguousarray(images[start : start + BATCH].transpose(0, 3, 1, 2), dtype=np.float32)
                features = self._visual((torch.from_numpy(part).to(self._device) - self._mean) / self._std)
                # Towers made for captioning (CoCa) give the tokens besides.
                pooled = features[0] if isinstance(features, tuple) else features
                out[start : start + BATCH] = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        return out


def _square(bundle: Bundle) -> int:
    """Side of the canvas the model wants."""
    vision = bundle.model.get("vision_cfg")
    size = vision.get("image_size", 224) if isinstance(vision, Mapping) else None
    sides = size if isinstance(size, list | tuple) else [size, size]
    if len(sides) != 2 or sides[0] != sides[1] or not isinstance(sides[0], int) or "embed_dim" not in bundle.model:
        raise EncoderError(
            f"openclip:{bundle.name} needs a model_cfg with embed_dim and a vision_cfg for square images, "
            f"got image_size {size}"
        )
    return sides[0]


def _vision_tower(bundle: Bundle) -> Any:
    """The model's vision tower, its weights yet random."""
    import open_clip

    vision = dict(bundle.model["vision_cfg"])
    if vision.get("timm_model_name"):
        vision["timm_model_pretrained"] = False  # else building it downloads
    try:
        model = open_clip.CLIP(
            int(bundle.model["embed_dim"]), vision, _NO_TEXT, quick_gelu=bool(bundle.model.get("quick_gelu", False))
        )
    except Exception as error:
        raise EncoderError(
            f"openclip:{bundle.name} needs a vision_cfg that open_clip can build, got {type(error).__name__}: {error}"
        ) from error
    return model.visual


def _vision_weights(bundle: Bundle, expected: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of the weight file that belong to the vision tower: all that are expected, and no others."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(bundle.weights, framework="pt") as file:
            keys = {key.removeprefix("module."): key for key in file.keys()}  # noqa: SIM118 (not a mapping)
            found = {name[7:]: file.get_tensor(key) for name, key in keys.items() if name.startswith("visual.")}
    except (SafetensorError, OSError) as error:
        raise EncoderError(
            f"openclip:{bundle.name} needs a whole safetensors file, {bundle.weights.name} is none: {error}"
        ) from error
    missing = sorted(expected.keys() - found.keys())
    surplus = sorted(found.keys() - expected.keys())
    unlike = sorted(key for key in expected.keys() & found.keys() if expected[key].shape != found[key].shape)
    if missing or surplus or unlike:
        example = (missing or unlike or surplus)[0]
        raise EncoderError(
            f"openclip:{bundle.name} needs weights of its architecture under open_clip's names (visual.*), got "
            f"{bundle.weights.name} with {len(found)} such tensors: {len(missing)} missing, {len(unlike)} of another "
            f"shape, {len(surplus)} too many, for example visual.{example}"
        )
    return found


def _fingerprint(bundle: Bundle, weights_sha256: str) -> str:
    vision = {key: value for key, value in bundle.model["vision_cfg"].items() if key != "timm_model_pretrained"}
    what = {
        "encoder": "openclip",
        "preprocessing": PREPROCESSING,
        "mean": [float(x) for x in bundle.mean],
        "std": [float(x) for x in bundle.std],
        "embed_dim": bundle.model["embed_dim"],
        "quick_gelu": bool(bundle.model.get("quick_gelu", False)),
        "vision": vision,
        "weights": weights_sha256,
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

"""DINOv2 and RAD-DINO: vision transformers trained without labels, on photographs and on chest radiographs.

The vector is the class token after the last normalization. Reference: Oquab et al. 2023, arXiv 2304.07193; Perez-Garcia
et al. 2025, doi 10.1038/s42256-024-00965-w (RAD-DINO).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork
from synthaudit.encoders.named import named_encoder
from synthaudit.encoders.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from synthaudit.encoders.timm_models import timm_network
from synthaudit.errors import UsageError

SIDE = 518
PATCH = 14
RAD_DINO_MEAN, RAD_DINO_STD = (0.5307,) * 3, (0.2583,) * 3
"""From the preprocessor_config.json that is published with the weights."""

_TRANSFORMERS_TO_TIMM = (
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^layernorm\.", "norm."),
    (r"^encoder\.layer\.(\d+)\.layer_scale([12])\.lambda1$", r"blocks.\1.ls\2.gamma"),
    (r"^encoder\.layer\.(\d+)\.attention\.output\.dense\.", r"blocks.\1.attn.proj."),
    (r"^encoder\.layer\.(\d+)\.", r"blocks.\1."),
)


class DinoV2Small:
    """The encoder `dinov2-vits14`; `dinov2-vits14:224` shows it smaller images, in a sixth of the time."""

    about: ClassVar[About] = About(
        what="DINOv2 ViT-S/14: a vision transformer trained on photographs, without labels.",
        license="Apache-2.0",
        input="518 x 518 RGB, or dinov2-vits14:224",
        dim=384,
        weights="model.safetensors of timm/vit_small_patch14_dinov2.lvd142m on huggingface.co",
        hub=("timm/vit_small_patch14_dinov2.lvd142m", "model.safetensors"),
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty, a SIDE in pixels, a FILE, or SIDE@FILE."""
        return _dinov2("dinov2-vits14", "vit_small_patch14_dinov2", cls.about, argument, device, offline=offline)


class DinoV2Base:
    """The encoder `dinov2-vitb14`; `dinov2-vitb14:224` shows it smaller images."""

    about: ClassVar[About] = About(
        what="DINOv2 ViT-B/14: a vision transformer trained on photographs, without labels.",
        license="Apache-2.0",
        input="518 x 518 RGB, or dinov2-vitb14:224",
        dim=768,
        weights="model.safetensors of timm/vit_base_patch14_dinov2.lvd142m on huggingface.co",
        hub=("timm/vit_base_patch14_dinov2.lvd142m", "model.safetensors"),
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty, a SIDE in pixels, a FILE, or SIDE@FILE."""
        return _dinov2("dinov2-vitb14", "vit_base_patch14_dinov2", cls.about, argument, device, offline=offline)


class DinoV2Large:
    """The encoder `dinov2-vitl14`; `dinov2-vitl14:224` shows it smaller images."""

    about: ClassVar[About] = About(
        what="DINOv2 ViT-L/14: a large vision transformer trained on photographs, without labels.",
        license="Apache-2.0",
        input="518 x 518 RGB, or dinov2-vitl14:224",
        dim=1024,
        weights="model.safetensors of timm/vit_large_patch14_dinov2.lvd142m on huggingface.co",
        hub=("timm/vit_large_patch14_dinov2.lvd142m", "model.safetensors"),
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty, a SIDE in pixels, a FILE, or SIDE@FILE."""
        return _dinov2("dinov2-vitl14", "vit_large_patch14_dinov2", cls.about, argument, device, offline=offline)


class RadDino:
    """The encoder `rad-dino`."""

    about: ClassVar[About] = About(
        what="RAD-DINO: DINOv2 ViT-B/14 trained further on chest radiographs, without labels.",
        license="MIT (before 2025 the Microsoft Research License; check the file that you have)",
        input="518 x 518 RGB (gray repeated), or rad-dino:224",
        dim=768,
        weights="model.safetensors of microsoft/rad-dino on huggingface.co",
        hub=("microsoft/rad-dino", "model.safetensors"),
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty, a SIDE in pixels, a FILE, or SIDE@FILE."""
        normalization = (RAD_DINO_MEAN, RAD_DINO_STD)
        return _dinov2(
            "rad-dino", "vit_base_patch14_dinov2", cls.about, argument, device, normalization, offline=offline
        )


def _dinov2(
    name: str,
    architecture: str,
    about: About,
    argument: str,
    device: str,
    normalization: tuple[tuple[float, ...], tuple[float, ...]] = (IMAGENET_MEAN, IMAGENET_STD),
    *,
    offline: bool,
) -> FrozenNetwork:
    side, file = side_and_file(name, argument)
    # Positions are learned for 37 x 37 patches. For smaller images timm interpolates them, not quite as the authors do:
    # the vectors then differ in the second digit from those of other programs. At 518 pixels they agree.
    return named_encoder(
        name,
        about,
        file,
        build=lambda: timm_network(name, architecture, dynamic_img_size=True),
        preprocessing=Preprocessing(side, 3, *normalization),
        device=device,
        offline=offline,
        translate=to_timm,
        spare=("mask_token",),
        architecture=f"timm:{architecture}",
        shown_as=name if side == SIDE else f"{name}:{side}",
    )


def side_and_file(name: str, argument: str) -> tuple[int, str]:
    """(side in pixels, path of a file or "") from "", SIDE, FILE or SIDE@FILE."""
    told = re.fullmatch(r"(\d+)(?:@(.+))?", argument)
    if not told:
        return SIDE, argument
    side = int(told[1])
    if side % PATCH or not PATCH <= side <= SIDE:
        raise UsageError(
            f"{name} needs a side that is a multiple of {PATCH}, from {PATCH} to {SIDE} pixels, got {side}"
        )
    return side, told[2] or ""


def to_timm(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Weights of this family under timm's keys, from the keys of transformers or of the authors' own code."""
    import torch

    if "embeddings.cls_token" not in tensors:
        return dict(tensors)
    found, parts = {}, {}
    for key, value in tensors.items():
        if part := re.fullmatch(r"encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(weight|bias)", key):
            parts[part.groups()] = value
        else:
            found[_translated(key)] = value
    for layer, _, kind in [groups for groups in parts if groups[1] == "query"]:
        three = [parts[layer, which, kind] for which in ("query", "key", "value") if (layer, which, kind) in parts]
        found[f"blocks.{layer}.attn.qkv.{kind}"] = torch.cat(three)
    return found


def _translated(key: str) -> str:
    if key == "embeddings.mask_token":
        return "mask_token"
    for pattern, replacement in _TRANSFORMERS_TO_TIMM:
        translated, times = re.subn(pattern, replacement, key)
        if times:
            return translated
    return key

"""BiomedCLIP's vision tower: a ViT-B/16 trained on figures of articles and their captions.

A bundle in open_clip's format; of what is published, the weights are to be had as safetensors. Reference: Zhang et al.
2023, arXiv 2303.00915.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from synthaudit.encoders.about import About
from synthaudit.encoders.open_clip import OpenClip
from synthaudit.encoders.open_clip_bundle import from_folder
from synthaudit.encoders.weights import find_weights
from synthaudit.errors import EncoderError

TOWER = "vit_base_patch16_224"


class BiomedClip:
    """The encoder `biomedclip`."""

    about: ClassVar[About] = About(
        what="BiomedCLIP: a ViT-B/16 trained on figures of biomedical articles and their captions.",
        license="MIT",
        input="224 x 224 RGB",
        dim=512,
        weights=(
            "open_clip_config.json and open_clip_model.safetensors (converted from the .bin) of "
            "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224 on huggingface.co, in one folder"
        ),
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> OpenClip:
        """The encoder; `argument` is empty, or the weight FILE of a bundle."""
        weights = find_weights("biomedclip", cls.about, argument, offline=offline)
        bundle = replace(from_folder(weights.file.parent), weights=weights.file)
        vision = bundle.model.get("vision_cfg")
        tower = vision.get("timm_model_name") if isinstance(vision, Mapping) else None
        if tower != TOWER or bundle.model.get("embed_dim") != cls.about.dim:
            raise EncoderError(
                f"encoder biomedclip needs a bundle with {TOWER} and {cls.about.dim} numbers an image, got {tower} and "
                f"{bundle.model.get('embed_dim')}; add another model as openclip:NAME"
            )
        return OpenClip(bundle, device, name="biomedclip", check=weights.check)

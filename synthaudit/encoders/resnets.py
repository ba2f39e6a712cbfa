"""SSCD and RadImageNet: two networks of the ResNet-50 kind, one made to find copies, one trained on radiology.

SSCD averages its last maps by a generalized mean and projects them to 512 numbers. RadImageNet's is a plain ResNet-50
without its classifier, shown pixels from -1 to 1. No encoder is trusted by name: RadImageNet distances were found
volatile (Woodland et al. 2024, arXiv 2311.13717).

Reference: Pizzi et al. 2022, arXiv 2202.10261; Mei et al. 2022, doi 10.1148/ryai.210315.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork
from synthaudit.encoders.named import named_encoder
from synthaudit.encoders.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

SSCD_SIDE = 288
SSCD_POWER = 3.0
"""Of the generalized mean."""
SSCD_FLOOR = 1e-6
"""Below which it raises activations, so that their power has a root."""
_CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
"""Places in the nn.Sequential that RadImageNet's weights were saved from."""


class Sscd:
    """The encoder `sscd`."""

    about: ClassVar[About] = About(
        what="SSCD disc_mixup: a ResNet-50 made to find copies of photographs.",
        license="MIT or CC BY-NC 4.0, by release; check the file that you have",
        input="288 x 288 RGB",
        dim=512,
        weights=(
            "sscd_disc_mixup.torchvision.pt from github.com/facebookresearch/sscd-copy-detection and convert it to "
            "model.safetensors"
        ),
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty or a FILE."""
        return named_encoder(
            "sscd",
            cls.about,
            argument,
            build=_sscd,
            preprocessing=Preprocessing(SSCD_SIDE, 3, IMAGENET_MEAN, IMAGENET_STD),
            device=device,
            offline=offline,
            translate=lambda tensors: {key.removeprefix("backbone."): value for key, value in tensors.items()},
        )


class RadImageNetResNet50:
    """The encoder `radimagenet-resnet50`."""

    about: ClassVar[About] = About(
        what="RadImageNet's ResNet-50, trained on CT, MR and ultrasound images.",
        license="asks for agreement to its own terms; check them",
        input="224 x 224 RGB (gray repeated), -1 to 1",
        dim=2048,
        weights=(
            "the PyTorch ResNet50.pt of RadImageNet (github.com/BMEII-AI/RadImageNet) and convert it to "
            "model.safetensors"
        ),
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty or a FILE."""
        return named_encoder(
            "radimagenet-resnet50",
            cls.about,
            argument,
            build=_headless,
            preprocessing=Preprocessing(224, 3, (0.5,) * 3, (0.5,) * 3),
            device=device,
            offline=offline,
            translate=_by_name,
            spare=("fc.",),
        )


def _headless() -> Any:
    from torch import nn
    from torchvision.models import resnet50

    network = resnet50(weights=None)
    network.fc = nn.Identity()
    return network


def _sscd() -> Any:
    import torch
    from torch import nn
    from torchvision.models import resnet50

    class GeneralizedMean(nn.Module):
        """The mean of the activations' powers, and its root."""

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            mean = maps.clamp(min=SSCD_FLOOR).pow(SSCD_POWER).mean(dim=(-2, -1), keepdim=True)
            return mean.pow(1 / SSCD_POWER)

    network = resnet50(weights=None, num_classes=512)
    network.avgpool = GeneralizedMean()
    return network


def _by_name(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Keys as torchvision has them, from "backbone.4.0.conv1.weight" and its like."""
    found = {}
    for key, value in tensors.items():
        place, _, rest = key.removeprefix("backbone.").partition(".")
        found[f"{_CHILDREN.get(place, place)}.{rest}" if rest else key] = value
    return found

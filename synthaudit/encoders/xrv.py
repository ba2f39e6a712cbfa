"""torchxrayvision's DenseNet-121: a network for chest radiographs, trained on seven public sets of them.

Gray images of 224 pixels whose values run from -1024 to 1024. The vector is the average of the last feature maps, after
the rectifier. Reference: Cohen et al. 2022, arXiv 2111.00595; Huang et al. 2017, arXiv 1608.06993.
"""

from __future__ import annotations

from typing import Any, ClassVar

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork
from synthaudit.encoders.named import named_encoder
from synthaudit.encoders.preprocessing import Preprocessing

# (pixel - .5) / (1 / 2048) runs from -1024 to 1024 for pixels from 0 to 1.
PREPROCESSING = Preprocessing(224, 1, (0.5,), (1 / 2048,))


class XrvDenseNet121:
    """The encoder `xrv-densenet121`."""

    about: ClassVar[About] = About(
        what="torchxrayvision's DenseNet-121 for chest radiographs.",
        license="Apache-2.0 (the code; check the data sets' own terms)",
        input="224 x 224 gray, -1024 to 1024",
        dim=1024,
        weights="densenet121-res224-all of torchxrayvision and save its state_dict() as model.safetensors",
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty or a FILE."""
        return named_encoder(
            "xrv-densenet121",
            cls.about,
            argument,
            build=_network,
            preprocessing=PREPROCESSING,
            device=device,
            offline=offline,
            spare=("classifier.", "op_threshs"),
        )


def _network() -> Any:
    """A DenseNet-121 of torchvision for one channel; its layers are named as torchxrayvision names them."""
    from torch import nn
    from torchvision.models import densenet121

    network = densenet121(weights=None)
    network.features.conv0 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    network.classifier = nn.Identity()
    return network

"""The Inception-v3 that the Frechet Inception distance is defined by, so that such distances compare with others'.

It is not torchvision's: its weights were carried over from TensorFlow, whose average pooling leaves the padding out,
and whose last block takes a maximum instead. Pixels run from -1 to 1. Its features are those of photographs; on medical
images a distance in them says little by itself.

Reference: Heusel et al. 2017, arXiv 1706.08500; Szegedy et al. 2016, arXiv 1512.00567.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork
from synthaudit.encoders.named import named_encoder
from synthaudit.encoders.preprocessing import Preprocessing

AVERAGING = ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7b")
"""Blocks whose average leaves the padding out."""
MAXIMUM = "Mixed_7c"


class InceptionFid:
    """The encoder `inception-fid`."""

    about: ClassVar[About] = About(
        what="Inception-v3 as the Frechet Inception distance is defined by it, for comparison with published numbers.",
        license="Apache-2.0",
        input="299 x 299 RGB, -1 to 1",
        dim=2048,
        weights=(
            "pt_inception-2015-12-05-6726825d.pth from github.com/mseitzer/pytorch-fid (releases) and convert it to "
            "model.safetensors"
        ),
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty or a FILE."""
        return named_encoder(
            "inception-fid",
            cls.about,
            argument,
            build=inception_fid,
            preprocessing=Preprocessing(299, 3, (0.5,) * 3, (0.5,) * 3),
            device=device,
            offline=offline,
            spare=("fc.",),
        )


def inception_fid() -> Any:
    """The Inception-v3 of torchvision with TensorFlow's pooling and without a classifier, its weights yet random."""
    from torch import nn
    from torch.nn.functional import avg_pool2d, max_pool2d
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, aux_logits=False, transform_input=False, init_weights=False)
    network.fc = nn.Identity()
    inside = partial(avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
    for name in AVERAGING:
        block = getattr(network, name)
        block.forward = partial(_pooled_by, block, inside)
    last = getattr(network, MAXIMUM)
    last.forward = partial(_pooled_by, last, partial(max_pool2d, kernel_size=3, stride=1, padding=1))
    return network


def _pooled_by(block: Any, pool: Any, maps: Any) -> Any:
    """What the block gives, with its pooling branch, the last of its branches, pooled by `pool`."""
    import torch

    *branches, _ = block._forward(maps)
    return torch.cat([*branches, block.branch_pool(pool(maps))], 1)

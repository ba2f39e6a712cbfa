"""Any classifier of torchvision, with weights from a safetensors file, as an encoder.

The vectors are what its last linear layer is given. torchvision publishes pickles, so its files must be converted once;
size, mean and deviation are those of its default weights, unless a preprocessing.json beside the weights says
otherwise.
"""

from __future__ import annotations

from typing import Any, ClassVar

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork, own_randomness
from synthaudit.encoders.preprocessing import Preprocessing, preprocessing_beside
from synthaudit.encoders.tensors import fill, read_tensors
from synthaudit.encoders.weights import find_weights
from synthaudit.errors import EncoderError, UsageError

HEADS = ("fc", "classifier", "heads", "head")
"""What torchvision calls its classifiers."""
AUXILIARY = ("AuxLogits", "aux1", "aux2")
"""Classifiers that served training only."""
RESCALING = ("inception_v3", "googlenet")
"""Networks whose published weights expect the pixels to be rescaled within the network."""


class Torchvision:
    """The encoders `torchvision:ARCHITECTURE` and `torchvision:ARCHITECTURE@FILE.safetensors`."""

    about: ClassVar[About] = About(
        what="Any classifier of torchvision (torchvision.models.list_models()), with its weights as safetensors.",
        license="BSD-3-Clause; that of the weights",
        input="as torchvision says for the architecture's default weights",
        dim=None,
        weights="the architecture's .pth from download.pytorch.org and convert it to model.safetensors",
        takes_any=True,
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder of that architecture.

        Args:
            argument: `ARCHITECTURE`, its weights from the store, or `ARCHITECTURE@FILE`.
            device: "cpu", "cuda" or "cuda:i".
            offline: Changes nothing: torchvision publishes pickles only.

        Raises:
            EncoderError: There is no such architecture, or its weights are missing, unsafe or others.
            UsageError: No architecture is named, or there is no such device.
        """
        architecture, _, file = argument.partition("@")
        if not architecture:
            raise UsageError(
                "torchvision must be given as torchvision:ARCHITECTURE or torchvision:ARCHITECTURE@FILE, got "
                f"torchvision:{argument}"
            )
        name = f"torchvision:{architecture}"
        published = _preprocessing(architecture)
        weights = find_weights(name, cls.about, file, offline=offline)
        network, head = without_head(name, _network(architecture))
        fill(name, network, read_tensors(name, weights.file), spare=(head, *(f"{one}." for one in AUXILIARY)))
        preprocessing = preprocessing_beside(name, weights) or published
        return FrozenNetwork(name, network, name, preprocessing, weights, device)


def without_head(name: str, network: Any) -> tuple[Any, str]:
    """The network with its last linear layer taken out, and the beginning of that layer's keys."""
    from torch import nn

    for attribute in HEADS:
        head = getattr(network, attribute, None)
        if isinstance(head, nn.Linear):
            setattr(network, attribute, nn.Identity())
            return network, f"{attribute}."
        if isinstance(head, nn.Sequential):
            linear = [key for key, layer in head.named_children() if isinstance(layer, nn.Linear)]
            if linear:
                setattr(head, linear[-1], nn.Identity())
                return network, f"{attribute}.{linear[-1]}."
    raise EncoderError(f"encoder {name} needs a network that ends with a linear layer, which {name} does not")


def _network(architecture: str) -> Any:
    """The network of torchvision, its weights yet random, without the classifiers that served training only."""
    from torchvision import models

    options: dict[str, Any] = {}
    if architecture in RESCALING:
        options = {"init_weights": False, "transform_input": True}
    with own_randomness():
        network = models.get_model(architecture, weights=None, **options)
    for auxiliary in AUXILIARY:
        if hasattr(network, auxiliary):
            setattr(network, auxiliary, None)
    return network


def _preprocessing(architecture: str) -> Preprocessing:
    """What torchvision's default weights of the architecture were trained on."""
    from torchvision import models

    if architecture not in models.list_models(module=models):
        raise EncoderError(
            "encoder torchvision needs a classifier that torchvision knows (torchvision.models.list_models()), got "
            f"{architecture}"
        )
    transform = models.get_model_weights(architecture).DEFAULT.transforms()
    return Preprocessing(transform.crop_size[0], 3, tuple(transform.mean), tuple(transform.std))

"""Any architecture of timm, with weights from a safetensors file, as an encoder.

The vectors are what the network gives before its classifier. Size, mean and deviation are those that timm keeps for
the architecture's tag; a preprocessing.json beside the weights says otherwise. timm's center crop is left out: the
canvas holds the whole image.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork, own_randomness
from synthaudit.encoders.preprocessing import Preprocessing, preprocessing_beside
from synthaudit.encoders.tensors import fill, read_tensors
from synthaudit.encoders.weights import Weights, find_weights
from synthaudit.errors import EncoderError, UsageError


class Timm:
    """The encoders `timm:ARCHITECTURE` and `timm:ARCHITECTURE@FILE.safetensors`."""

    about: ClassVar[About] = About(
        what="Any architecture of timm (timm.list_models()), with its weights as safetensors.",
        license="that of the weights",
        input="as timm says for the architecture's tag",
        dim=None,
        weights="model.safetensors of timm/ARCHITECTURE.TAG on huggingface.co",
        takes_any=True,
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder of that architecture.

        Args:
            argument: `ARCHITECTURE[.TAG]`, its weights from the store or the hub, or `ARCHITECTURE[.TAG]@FILE`.
            device: "cpu", "cuda" or "cuda:i".
            offline: Download nothing.

        Raises:
            EncoderError: There is no such architecture, or its weights are missing, unsafe or others.
            UsageError: No architecture is named, or there is no such device.
        """
        architecture, _, file = argument.partition("@")
        if not architecture or architecture.startswith(("hf", "local-dir")):
            raise UsageError(f"timm must be given as timm:ARCHITECTURE or timm:ARCHITECTURE@FILE, got timm:{argument}")
        config = _config(architecture)
        about = replace(cls.about, hub=(config.hf_hub_id, "model.safetensors") if config.hf_hub_id else None)
        name = f"timm:{architecture}"
        weights = find_weights(name, about, file, offline=offline)
        return timm_encoder(name, architecture, config, weights, device)


def timm_encoder(name: str, architecture: str, config: Any, weights: Weights, device: str) -> FrozenNetwork:
    """The encoder, from weights that were found; `config` is timm's own of the architecture."""
    preprocessing = preprocessing_beside(name, weights)
    if preprocessing is None:
        channels, side, width = config.input_size
        if side != width or channels not in (1, 3):
            raise EncoderError(f"encoder {name} needs an architecture for square images, got {config.input_size}")
        preprocessing = Preprocessing(side, channels, tuple(config.mean)[:channels], tuple(config.std)[:channels])
    network = timm_network(name, architecture, in_chans=preprocessing.channels)
    classifier = (config.classifier,) if isinstance(config.classifier, str) else tuple(config.classifier or ())
    fill(name, network, read_tensors(name, weights.file), spare=tuple(f"{one}." for one in classifier))
    return FrozenNetwork(name, network, f"timm:{architecture}", preprocessing, weights, device)


def timm_network(name: str, architecture: str, **more: Any) -> Any:
    """The network of timm without a classifier, its weights yet random."""
    import timm

    try:
        with own_randomness():
            return timm.create_model(architecture, pretrained=False, num_classes=0, **more)
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        raise EncoderError(
            f"encoder {name} needs an architecture that timm can build without its classifier, got "
            f"{type(error).__name__}: {error}"
        ) from error


def _config(architecture: str) -> Any:
    import timm

    try:
        config = timm.get_pretrained_cfg(architecture) if timm.is_model(architecture) else None
    except RuntimeError:  # a tag that the architecture does not have
        config = None
    if config is None:
        raise EncoderError(
            "encoder timm needs an architecture that timm knows (timm.list_models(), timm.list_pretrained()), got "
            f"{architecture}"
        )
    return config

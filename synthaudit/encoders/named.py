"""An encoder that is known by its name: its own architecture and preprocessing, and weights from where they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork, own_randomness
from synthaudit.encoders.preprocessing import Preprocessing, preprocessing_beside
from synthaudit.encoders.tensors import fill, read_tensors
from synthaudit.encoders.weights import find_weights
from synthaudit.errors import EncoderError

Tensors = Mapping[str, Any]


def named_encoder(
    name: str,
    about: About,
    file: str,
    *,
    build: Callable[[], Any],
    preprocessing: Preprocessing,
    device: str,
    offline: bool,
    translate: Callable[[Tensors], Tensors] = dict,
    spare: tuple[str, ...] = (),
    architecture: str = "",
    shown_as: str = "",
) -> FrozenNetwork:
    """The encoder `name`.

    Args:
        name: As in `--encoder`.
        about: What its file must be.
        file: Path of a safetensors file; empty to look in the store, then on the hub.
        build: Makes its network, with random weights.
        preprocessing: What it was trained on.
        device: "cpu", "cuda" or "cuda:i".
        offline: Download nothing.
        translate: From the publisher's keys to those of the network.
        spare: Beginnings of keys that the file may have and the network has not.
        architecture: What the fingerprint calls it; the name, if empty.
        shown_as: Its name in reports, where a setting belongs to it; the name, if empty.

    Raises:
        EncoderError: The weights are missing, unsafe, or not of this architecture.
        UsageError: There is no such device.
    """
    weights = find_weights(name, about, file, offline=offline)
    said = preprocessing_beside(name, weights)
    # The side may be chosen anew each time; the rest belongs to the weights.
    if said is not None and replace(said, input_size=preprocessing.input_size) != preprocessing:
        raise EncoderError(
            f"encoder {name} needs its images prepared in its own way, found a preprocessing.json that says another; "
            "use it, or add it, without that file"
        )
    with own_randomness():
        network = build()
    fill(name, network, translate(read_tensors(name, weights.file)), spare=spare)
    return FrozenNetwork(shown_as or name, network, architecture or name, preprocessing, weights, device)

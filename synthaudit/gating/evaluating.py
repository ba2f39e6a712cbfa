"""A network in evaluation mode for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def evaluating(network: nn.Module | None) -> Iterator[None]:
    """Evaluation mode without gradients; each part of the network is as it was afterwards. None is let alone."""
    import torch

    modes = [] if network is None else [(part, part.training) for part in network.modules()]
    try:
        if network is not None:
            network.eval()
        with torch.no_grad():
            yield
    finally:
        for part, was_training in modes:
            part.training = was_training

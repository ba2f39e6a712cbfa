"""A torch network, frozen, as an encoder: canvases in, vectors of unit length out, in float32."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthaudit.encoders.preprocessing import VERSION, Preprocessing
from synthaudit.encoders.weights import Weights
from synthaudit.errors import EncoderError, UsageError

BATCH = 64
"""Images of 224 pixels that go through a network at once; larger ones go fewer at a time."""


class FrozenNetwork:
    """A network that was trained elsewhere.

    Attributes:
        name: As the user asked for it, without any path.
        dim: Length of its vectors.
        fingerprint: SHA-256 (hex) over weights, architecture and preprocessing.
        weights_sha256: SHA-256 (hex) of the weight file, to compare with its publisher's.
        weights_check: How the file was checked.
        preprocessing: What happens to a canvas first.
    """

    fast: bool = False

    def __init__(
        self, name: str, network: Any, architecture: str, preprocessing: Preprocessing, weights: Weights, device: str
    ) -> None:
        """Freeze `network`, a torch module from (n, channels, s, s) to (n, dim).

        Raises:
            EncoderError: The network does not take such images, or gives something else than one vector for each.
            UsageError: There is no such device.
        """
        self.name = name
        self.preprocessing = preprocessing
        self.weights_sha256, self.weights_check = weights.sha256, weights.check
        self.fingerprint = fingerprint(architecture, preprocessing, weights.sha256)
        self._device = torch_device(device)
        self._network = network.to(self._device).eval()
        for parameter in self._network.parameters():
            parameter.requires_grad = False
        self.dim = self._measured_dim()

    @property
    def input_size(self) -> int:
        """Side of the canvas, in pixels."""
        return self.preprocessing.input_size

    @property
    def channels(self) -> Literal[1, 3]:
        """1 for gray, 3 for RGB."""
        return self.preprocessing.channels

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, dim) float32 rows of unit length, for (n, s, s) gray or (n, s, s, 3) RGB canvases in [0, 1]."""
        import torch

        tensors = normalized(images, self.preprocessing)
        out = np.empty((len(images), self.dim), dtype=np.float32)
        batch = max(1, BATCH * 224**2 // self.input_size**2) if self.input_size > 224 else BATCH
        with torch.inference_mode(), full_precision(), torch.autocast(self._device.type, enabled=False):
            for start in range(0, len(images), batch):
                shown = torch.from_numpy(tensors[start : start + batch]).to(self._device)
                rows = torch.nn.functional.normalize(self._network(shown), dim=-1)
                out[start : start + batch] = rows.cpu().numpy()
        return out

    def _measured_dim(self) -> int:
        """Length of the vectors, by showing the network one gray image."""
        import torch

        side, channels = self.input_size, self.channels
        shown = torch.zeros((1, channels, side, side), device=self._device)
        try:
            with torch.inference_mode(), full_precision():
                given = self._network(shown)
        except (RuntimeError, ValueError, AssertionError, TypeError, LookupError, AttributeError) as error:
            raise EncoderError(
                f"encoder {self.name} needs a network for images of {side} x {side} pixels and {channels} channels, "
                f"got one that stops at them with {type(error).__name__}"
            ) from error
        if not isinstance(given, torch.Tensor) or given.ndim != 2 or given.shape[0] != 1:
            shape = tuple(given.shape) if isinstance(given, torch.Tensor) else type(given).__name__
            raise EncoderError(f"encoder {self.name} needs a network that gives one vector an image, got {shape}")
        return int(given.shape[1])


def normalized(images: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """(n, channels, s, s) float32 as a network takes them, for canvases in [0, 1].

    Raises:
        UsageError: The images are of another shape than the preprocessing says.
    """
    side, channels = preprocessing.input_size, preprocessing.channels
    shape = (side, side) if channels == 1 else (side, side, 3)
    if images.shape[1:] != shape:
        raise UsageError(f"images must be of shape (n, {', '.join(map(str, shape))}), got {images.shape}")
    stacked = images[:, None] if channels == 1 else images.transpose(0, 3, 1, 2)
    mean, std = (np.asarray(x, np.float32).reshape(1, channels, 1, 1) for x in (preprocessing.mean, preprocessing.std))
    return np.ascontiguousarray((stacked - mean) / std, dtype=np.float32)


def fingerprint(architecture: str, preprocessing: Preprocessing, weights_sha256: str) -> str:
    """SHA-256 (hex) over weights, architecture and preprocessing."""
    what = {
        "architecture": architecture,
        "preprocessing": {"version": VERSION, **asdict(preprocessing)},
        "weights": weights_sha256,
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def torch_device(device: str) -> Any:
    """The torch device of that name.

    Raises:
        UsageError: There is none.
    """
    import torch

    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"device must be cpu, cuda or cuda:i, got {device}") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {device} needs a CUDA device that torch can use, found none; use device cpu")
    return found


@contextmanager
def full_precision() -> Iterator[None]:
    """Float32 as float32 (no TF32), and the same bits each time."""
    import torch

    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


@contextmanager
def own_randomness() -> Iterator[None]:
    """Building a network draws random weights; nobody else's draws are to change by that."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield

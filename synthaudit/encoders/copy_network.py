"""A small network fitted at audit time on the real images themselves, to know an image again after alterations.

`copynet` tells every image from every other, those of the same patient included; `copynet:reidentify` brings the
images of one patient together; `copynet:FILE.safetensors` takes a network that was fitted before. The fit asks for no
label, no download and no other data, and sees all real images without their roles: who was trained on changes nothing.

What a file was fitted on is only known from its card. One fitted on training images alone would favor them: take a
file only of a fit on data from elsewhere, or of an audit of these very images.

How well a fitted network tells apart the very images it was fitted on says little of images it never saw: on one X-ray
set `copynet:reidentify` had a same-patient AUC of 1.00 on its own patients and of .88 on others.

Like the descriptor it serves to *find* candidates; registration decides. Reference: after Pizzi et al. 2022 (SSCD),
arXiv 2202.10261; for re-identification after Packhaeuser et al. 2022, doi 10.1038/s41598-022-19045-3.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from synthaudit.encoders import copy_network_file as files
from synthaudit.encoders.copy_network_file import Card
from synthaudit.encoders.weights import WeightsCheck
from synthaudit.errors import EncoderError, OutputError, UsageError

if TYPE_CHECKING:
    from synthaudit.embeddings import RealImages
    from synthaudit.encoders.copy_network_training import Recipe
    from synthaudit.progress import Progress

TASKS = ("copy", "reidentify")
BATCH = 26
"""Images that go through the network at once: the views of one query."""


class CopyNetwork:
    """A fitted copy network, frozen.

    Attributes:
        name: "copynet", with what follows the colon; of a file its name only.
        dim: Length of its vectors.
        fingerprint: SHA-256 (hex) over weights, sizes and preprocessing.
        input_size: Side of the canvas, in pixels.
        channels: 1.
        fast: True.
        card: What it was fitted for, and on how much.
        weights_check: NONE if an audit fitted it on its own images; UNVERIFIED if a file was named, for nobody here
            knows on whose images that was fitted.
    """

    channels: Literal[1] = 1
    fast: bool = True

    def __init__(self, name: str, card: Card, arrays: files.Arrays, device: str = "cpu") -> None:
        """A network from its card and tensors.

        Raises:
            EncoderError: They do not go together.
        """
        from synthaudit.encoders.copy_network_model import CopyNet
        from synthaudit.encoders.copy_network_training import set_weights, weights

        sizes = files.architecture(card, name)
        with _seeded():
            network = CopyNet(sizes)
        files.check_tensors(arrays, weights(network), name)
        set_weights(network, arrays)
        self._network = network.to(device).eval().requires_grad_(requires_grad=False)
        self._arrays, self._device = dict(arrays), device
        self.name, self.card, self.dim, self.input_size = name, card, sizes.dim, sizes.side
        self.weights_check = WeightsCheck.NONE
        what = {"format": card.format, "preprocessing": card.preprocessing, "sizes": asdict(sizes)}
        self.fingerprint = hashlib.sha256(json.dumps({**what, "weights": card.weights}).encode()).hexdigest()

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> CopyNetwork | CopyNetworkToFit:  # noqa: ARG003
        """A fitted network from a file, or one that is to be fitted.

        Args:
            argument: "" or "copy", "reidentify", or the path of a safetensors file that `save` wrote.
            device: "cpu", "cuda" or "cuda:i".
            offline: Changes nothing; there is nothing to download.

        Raises:
            EncoderError: The file is none of ours.
            UsageError: The argument or the device is none.
        """
        _check_device(device)
        if argument in ("", *TASKS):
            from synthaudit.encoders.copy_network_training import Recipe

            task = cast(Literal["copy", "reidentify"], argument or "copy")
            return CopyNetworkToFit(replace(Recipe(), task=task), device)
        path = Path(argument).expanduser()
        if not path.suffix:
            forms = "copynet, copynet:reidentify or copynet:FILE.safetensors"
            raise UsageError(f"copynet must be given as {forms}, got copynet:{argument}")
        if path.suffix != ".safetensors":
            raise EncoderError(
                f"copynet needs weights as .safetensors, got {path.name}: other formats can run any program when loaded"
            )
        card, arrays = files.read(path)
        made = cls(f"copynet:{path.name}", card, arrays, device)
        made.weights_check = WeightsCheck.UNVERIFIED
        return made

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, dim) float32 rows of unit length, for (n, s, s) gray canvases in [0, 1]."""
        import torch

        side = self.input_size
        if images.ndim != 3 or images.shape[1:] != (side, side):
            raise UsageError(f"images must be of shape (n, {side}, {side}), got {images.shape}")
        out = np.empty((len(images), self.dim), dtype=np.float32)
        with torch.inference_mode(), one_thread(), full_precision():
            for start in range(0, len(images), BATCH):
                part = images[start : start + BATCH]
                # Kernels are chosen by shape: a vector should not depend on how many images were left over.
                padded = np.zeros((BATCH, 1, side, side), dtype=np.float32)
                padded[: len(part), 0] = part
                vectors = self._network(torch.from_numpy(padded).to(self._device))
                out[start : start + BATCH] = vectors[: len(part)].cpu().numpy()
        return out

    def save(self, path: Path) -> None:
        """Write the network to a new safetensors file, for `copynet:FILE`. It was fitted on patients: guard it as such.

        Raises:
            OutputError: There is something already, or the file cannot be written.
        """
        if path.exists():
            raise OutputError(f"weights must go to a new file, {path.name} is there already")
        try:
            files.write(path, self._arrays, self.card)
        except OSError as error:
            raise OutputError(f"weights must go where a file can be written, got {error.strerror}") from error


class CopyNetworkToFit:
    """A copy network that the real images of an audit are yet to make.

    Attributes:
        name: "copynet" or "copynet:reidentify".
        recipe: How it will be fitted.
    """

    def __init__(self, recipe: Recipe, device: str = "cpu") -> None:
        self.name = "copynet" if recipe.task == "copy" else f"copynet:{recipe.task}"
        self.recipe, self._device = recipe, device

    def fitted(
        self, images: RealImages, *, seed: int, folder: Path | None, workers: int, progress: Progress
    ) -> CopyNetwork:
        """The network, fitted on all real images; read instead if an earlier audit fitted the same.

        Interrupted, a fit goes on where it was if there is a `folder`, and ends with the very same weights.

        Args:
            images: Training and holdout together, sorted by digest.
            seed: Of every random choice.
            folder: Where fits are kept; None keeps nothing.
            workers: Threads that decode.
            progress: Told about every step.

        Raises:
            EncoderError: There are too few images, or too few patients with several for re-identification.
        """
        from synthaudit.encoders.copy_network_fit import fit

        card, arrays = fit(
            images, self.recipe, seed=seed, device=self._device, folder=folder, workers=workers, progress=progress
        )
        return CopyNetwork(self.name, card, arrays, self._device)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch: two on busy cores wait for each other at every layer, and change the last bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
def _seeded() -> Iterator[None]:
    """Leaves torch's own random numbers as they were: building a network draws from them."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield


def _check_device(device: str) -> Any:
    import torch

    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"device must be cpu, cuda or cuda:i, got {device}") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {device} needs a CUDA device that torch can use, found none; use device cpu")
    return found

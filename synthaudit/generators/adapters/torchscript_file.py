"""A scripted network (n, z) -> images as a generator: `torchscript:FILE?z=64&range=-1,1`.

A TorchScript file holds a network and its program. The program runs only operations of PyTorch, and its loader knows no
arbitrary classes, but these operations can read and write files, and the loader is written in C++ and was never meant
for files of strangers. So it runs in a process of its own, and only with your word.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthaudit.errors import InputError
from synthaudit.generators.adapters.remote import OPTIONS, Remote, remote_generator
from synthaudit.generators.adapters.serve import command
from synthaudit.generators.adapters.torch_rows import channels_last, digest_of, existing_file, on_device, through
from synthaudit.generators.adapters.uri import Uri, must_trust
from synthaudit.generators.protocol import Capability, Condition, GeneratorSpec, Images
from synthaudit.generators.seeding import item_normals


class TorchScriptFile:
    """The adapter `torchscript:FILE?z=DIM`."""

    @classmethod
    def from_uri(cls, argument: str, *, device: str, trust_code: bool) -> Remote:
        """The generator in the file.

        Raises:
            UsageError: It may not run, or `z` is missing.
            InputError: There is no such file, or it holds something else.
        """
        uri = Uri.parse("torchscript", argument, (*OPTIONS, "z"), "FILE")
        width, file = uri.whole("z"), existing_file("torchscript", uri.target)
        must_trust(uri, trust_code, f"the program in {file.name}")
        return remote_generator(command(opened, {"file": str(file), "z": width, "device": device}), uri)


@dataclass(frozen=True, slots=True, eq=False)
class Scripted:
    """A network that turns normal numbers into images.

    Attributes:
        network: (n, width) tensor in, (n, h, w), (n, 1, h, w) or (n, 3, h, w) out.
        width: Numbers that an image is made from.
        made: What it is.
        device: Where it runs.
    """

    network: Any
    width: int
    made: GeneratorSpec
    device: str

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return self.made

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return frozenset({Capability.SAMPLE})

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) or (n, h, w, 3) images in its own range; image i depends on `seed` and i only."""
        del condition
        return channels_last(through(self.network, item_normals(n, self.width, seed), self.device))


def opened(arguments: Mapping[str, Any]) -> Scripted:
    """The generator in the file `file`; called in a process of its own.

    Raises:
        InputError: The file holds something else, or the network takes another number of numbers.
    """
    import torch

    device, file, width = on_device(arguments["device"]), Path(arguments["file"]), arguments["z"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # PyTorch would rather have other files, but here is this one
            network: Any = torch.jit.load(str(file), map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise InputError("FILE must be written by torch.jit.save, got something else") from error
    network.eval()
    try:
        trial = channels_last(through(network, np.zeros((1, width), dtype=np.float32), device))
    except RuntimeError as error:
        last = str(error).strip().splitlines()[-1:]
        raise InputError(f"the network must take (n, {width}) numbers, as z says, got {''.join(last)}") from error
    spec = GeneratorSpec("torchscript", trial.shape[1:3], checkpoint_digest=digest_of([file]))
    return Scripted(network, width, spec, device)

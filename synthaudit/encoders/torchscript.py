"""A TorchScript file as an encoder: a network together with the program that runs it.

Such a file is code: its program can read and write files. So it runs only when someone says that it may, by
`encoders add --trust-code` or by SYNTHAUDIT_TRUST_CODE=1; wherever the weights can be had as safetensors, those are
the better choice. How its images are prepared is not in the file, so a preprocessing.json must say it.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any, ClassVar

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork
from synthaudit.encoders.preprocessing import preprocessing_needed
from synthaudit.encoders.weights import Weights, conversion, find_weights
from synthaudit.errors import EncoderError, UsageError

TRUST_VARIABLE = "SYNTHAUDIT_TRUST_CODE"
"""Environment variable: 1 lets the programs in TorchScript files run."""


class TorchScript:
    """The encoders `torchscript:FILE` and, once added, `torchscript:NAME`."""

    about: ClassVar[About] = About(
        what="A TorchScript file: a network and the program that runs it. It runs only when told that it may.",
        license="that of the file",
        input="as FILE.json says",
        dim=None,
        weights="a file written by torch.jit.save",
        suffixes=(".torchscript", ".ts", ".pt", ".pth"),
        runs_code=True,
        takes_any=True,
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder in that file, or kept under that name.

        Args:
            argument: Path of a file, with FILE.json beside it, or the NAME of `encoders add torchscript:NAME`.
            device: "cpu", "cuda" or "cuda:i".
            offline: Changes nothing: nothing is downloaded.

        Raises:
            EncoderError: It may not run, is a pickle, or is no such network.
            UsageError: Nothing is named, or there is no such device.
        """
        name, weights = named_or_file("torchscript", argument, cls.about, offline=offline)
        _refuse_pickle(name, weights.file)
        if not weights.trusts_code and os.environ.get(TRUST_VARIABLE) != "1":
            raise EncoderError(
                f"encoder {name} needs your word that the program in {weights.file.name} may run, as it could do "
                f"anything that you can: add it with --trust-code, or set {TRUST_VARIABLE}=1, if you trust who made it"
            )
        preprocessing = preprocessing_needed(name, weights)
        return FrozenNetwork(name, _network(name, weights.file), "torchscript", preprocessing, weights, device)


def named_or_file(kind: str, argument: str, about: About, *, offline: bool) -> tuple[str, Weights]:
    """(name, weights) for `kind:FILE` or `kind:NAME`; a file that is there goes first. A name carries no path."""
    if not argument:
        raise UsageError(f"{kind} must be given as {kind}:FILE or {kind}:NAME, got neither")
    path = Path(argument).expanduser()
    if path.is_file() or path.name.lower().endswith(about.suffixes):
        name = f"{kind}:{path.name}"
        return name, find_weights(name, about, argument, offline=offline)
    return f"{kind}:{argument}", find_weights(f"{kind}:{argument}", about, offline=offline)


def _refuse_pickle(name: str, file: Path) -> None:
    """A pickled state dict ends with .pt as well; TorchScript is an archive with a folder `code`."""
    try:
        with zipfile.ZipFile(file) as archive:
            inside = archive.namelist()
    except zipfile.BadZipFile:
        inside = []
    if not any("/code/" in entry for entry in inside):
        raise EncoderError(
            f"encoder {name} needs a file written by torch.jit.save, got {file.name}, which is none: a pickle can run "
            f"any program when it is loaded. If it holds weights, convert them once: {conversion(file.name)}"
        )


def _network(name: str, file: Path) -> Any:
    import warnings

    import torch

    try:
        with warnings.catch_warnings():
            for category in (DeprecationWarning, FutureWarning):  # torch: others should be written from now on
                warnings.simplefilter("ignore", category)
            load: Any = torch.jit.load  # untyped
            return load(io.BytesIO(file.read_bytes()), map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise EncoderError(
            f"encoder {name} needs a TorchScript file that this torch can load, got {type(error).__name__}"
        ) from error

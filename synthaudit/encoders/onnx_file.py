"""An ONNX file as an encoder, run by onnxruntime.

The file must take float32 images as (n, channels, side, side) and give one vector for each. It is read whole into
memory and run from there: what runs is what was hashed, and weights in other files, which an ONNX file can point to
anywhere on the disk, are not followed. How its images are prepared must be said in a preprocessing.json.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import fingerprint, normalized
from synthaudit.encoders.preprocessing import Preprocessing, preprocessing_needed
from synthaudit.encoders.torchscript import named_or_file
from synthaudit.encoders.weights import Weights
from synthaudit.errors import EncoderError, MissingDependency, UsageError

BATCH = 32


class Onnx:
    """The encoders `onnx:FILE` and, once added, `onnx:NAME`.

    Attributes:
        name: "onnx:" and the file's own name, or the name that it is kept under; never a path.
        dim: Length of its vectors.
        fingerprint: SHA-256 (hex) over file, format and preprocessing.
        weights_sha256: SHA-256 (hex) of the file.
        weights_check: How the file was checked.
        preprocessing: What happens to a canvas first.
    """

    about: ClassVar[About] = About(
        what="An ONNX file that gives one vector for each image.",
        license="that of the file",
        input="as FILE.json says",
        dim=None,
        weights="an .onnx file with its weights inside",
        suffixes=(".onnx",),
        needs=("onnxruntime", "onnx"),
        takes_any=True,
    )
    fast: bool = False

    def __init__(self, name: str, weights: Weights, preprocessing: Preprocessing, device: str) -> None:
        self.name, self.preprocessing = name, preprocessing
        self._session = _session(name, weights, device)
        self.weights_sha256, self.weights_check = weights.sha256, weights.check
        self.fingerprint = fingerprint("onnx", preprocessing, weights.sha256)
        self._input, self._batch = _input(name, self._session, preprocessing)
        self._output: str | None = None
        self.dim = self._measured_dim()

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> Onnx:
        """The encoder in that file, or kept under that name.

        Args:
            argument: Path of a file, with FILE.json beside it, or the NAME of `encoders add onnx:NAME`.
            device: "cpu", "cuda" or "cuda:i".
            offline: Changes nothing: nothing is downloaded.

        Raises:
            EncoderError: It is missing, changed, or no such network.
            MissingDependency: onnxruntime is not installed.
            UsageError: Nothing is named, or onnxruntime has no such device.
        """
        name, weights = named_or_file("onnx", argument, cls.about, offline=offline)
        return cls(name, weights, preprocessing_needed(name, weights), device)

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
        tensors = normalized(images, self.preprocessing)
        out = np.empty((len(images), self.dim), dtype=np.float32)
        for start in range(0, len(images), self._batch):
            rows = np.asarray(self._run(tensors[start : start + self._batch]), dtype=np.float64)
            length = np.linalg.norm(rows, axis=1, keepdims=True)
            out[start : start + self._batch] = rows / np.maximum(length, 1e-12)
        return out

    def _run(self, tensors: NDArray[np.float32]) -> Any:
        outputs = [self._output] if self._output else None
        return self._session.run(outputs, {self._input: tensors})[0]

    def _measured_dim(self) -> int:
        """Length of the vectors, by showing it one gray image; the first output with one row an image counts."""
        side = self.input_size
        try:
            given = self._session.run(None, {self._input: np.zeros((1, self.channels, side, side), dtype=np.float32)})
        except Exception as error:  # whatever class onnxruntime raises: its own derive from Exception only
            raise EncoderError(
                f"encoder {self.name} needs a network for images of {side} x {side} pixels and {self.channels} "
                f"channels, got one that stops at them with {type(error).__name__}"
            ) from error
        for told, value in zip(self._session.get_outputs(), given, strict=True):
            if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[0] == 1:
                self._output = told.name
                return int(value.shape[1])
        shapes = ", ".join(str(getattr(value, "shape", type(value).__name__)) for value in given)
        raise EncoderError(f"encoder {self.name} needs a network that gives one vector an image, got {shapes}")


def _session(name: str, weights: Weights, device: str) -> Any:
    """The file, ready to run."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependency(
            f"encoder {name} needs onnxruntime, found none; install it: pip install 'synthaudit[onnx]'"
        ) from error
    kind, _, number = device.partition(":")
    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}.get(kind)
    if wanted not in onnxruntime.get_available_providers():
        raise UsageError(f"device {device} needs an onnxruntime that has it, found one without; use device cpu")
    provider = (wanted, {"device_id": number or "0"}) if kind == "cuda" else wanted
    options = onnxruntime.SessionOptions()
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    content = weights.file.read_bytes()
    if hashlib.sha256(content).hexdigest() != weights.sha256:
        raise EncoderError(f"encoder {name} needs a file that stays as it is, found it changing while it was read")
    try:
        return onnxruntime.InferenceSession(content, options, providers=[provider])
    except Exception as error:  # whatever class onnxruntime raises: its own derive from Exception only
        raise EncoderError(
            f"encoder {name} needs a whole ONNX file with its weights inside, got one that onnxruntime cannot load "
            f"({type(error).__name__})"
        ) from error


def _input(name: str, session: Any, preprocessing: Preprocessing) -> tuple[str, int]:
    """(name of the one input, images that go in at once)."""
    inputs = session.get_inputs()
    wanted = [preprocessing.channels, preprocessing.input_size, preprocessing.input_size]
    shape = list(inputs[0].shape) if len(inputs) == 1 else []
    fits = len(shape) == 4 and all(
        not isinstance(side, int) or side == want for side, want in zip(shape[1:], wanted, strict=True)
    )
    one_by_one = bool(shape) and isinstance(shape[0], int)
    if not fits or inputs[0].type != "tensor(float)" or (one_by_one and shape[0] != 1):
        found = ", ".join(f"{one.type} {one.shape}" for one in inputs)
        raise EncoderError(
            f"encoder {name} needs an ONNX file with one input, float32 of shape (n, {', '.join(map(str, wanted))}) "
            f"with n open or 1, got {found}"
        )
    return inputs[0].name, 1 if one_by_one else BATCH

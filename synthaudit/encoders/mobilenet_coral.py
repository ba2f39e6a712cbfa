"""MobileNetV2 as Coral publishes it for its accelerators, trained on photographs: small, and quick on a processor.

The file is a list of a TensorFlow Lite graph's operations and, under the number of each tensor, its weights, with the
8-bit numbers made float32 again. It is run here as that list says, operation by operation, up to the 1280 averages that
the classifier is given. Reading it obeys nothing in it: it holds arrays and one text.

Reference: Sandler et al. 2018, arXiv 1801.04381; Jacob et al. 2018, arXiv 1712.05877 (how it was quantized).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.encoders.about import About
from synthaudit.encoders.frozen_network import FrozenNetwork
from synthaudit.encoders.preprocessing import Preprocessing
from synthaudit.encoders.weights import find_weights
from synthaudit.errors import EncoderError

NAME = "mobilenetv2-coral"
OPERATIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "AVERAGE_POOL_2D")
SAME = 0
"""TensorFlow Lite's number for padding that keeps the size; 1 is for none."""
RELU6 = 3
"""Its number for a rectifier that ends at 6; 0 is for none."""

# Codes 0 to 255 stand for (code - 128) / 128: from -1 to .992.
PREPROCESSING = Preprocessing(224, 3, (128 / 255,) * 3, (128 / 255,) * 3)


class MobileNetV2Coral:
    """The encoder `mobilenetv2-coral`."""

    about: ClassVar[About] = About(
        what="MobileNetV2 1.0 trained on photographs (ImageNet), from Coral's quantized file, in float32.",
        license="Apache-2.0",
        input="224 x 224 RGB, -1 to .992",
        dim=1280,
        weights="mobilenet_v2_1.0_224_quant of coral.ai, its tensors as float32 in an .npz with the list of operations",
        suffixes=(".npz",),
        published={
            "33a775bcd31d6f643a11675b9a06db88f3977d9a83b9701b724d0f118f27489f": "mobilenet_v2_100_224_imagenet_dequant"
        },
    )

    @classmethod
    def from_spec(cls, argument: str, *, device: str = "cpu", offline: bool = True) -> FrozenNetwork:
        """The encoder; `argument` is empty or a FILE."""
        weights = find_weights(NAME, cls.about, argument, offline=offline)
        try:
            with np.load(weights.file, allow_pickle=False) as archive:
                graph = json.loads(str(archive["__ops__"]))
                arrays = {int(key): archive[key] for key in archive.files if key != "__ops__"}
            network = _network(graph["ops"], int(graph["input"]), arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, IndexError) as error:
            raise EncoderError(
                f"encoder {NAME} needs an .npz with __ops__ and the arrays that it names, got a file in which "
                f"something is missing or damaged ({type(error).__name__}); fetch it again"
            ) from error
        return FrozenNetwork(NAME, network, "tflite-operations/1", PREPROCESSING, weights, device)


def _network(operations: list[Mapping[str, Any]], first: int, arrays: Mapping[int, NDArray[np.float32]]) -> Any:
    """The operations up to the average before the classifier, as a torch module."""
    import torch
    from torch import nn

    last = [one["op"] for one in operations].index("AVERAGE_POOL_2D")
    used = operations[: last + 1]
    unknown = sorted({str(one["op"]) for one in used} - set(OPERATIONS))
    if unknown:
        raise ValueError(f"operations must be among {', '.join(OPERATIONS)}, got {', '.join(unknown)}")

    class Graph(nn.Module):
        """The list of operations, run in its order."""

        def __init__(self) -> None:
            super().__init__()
            for number, array in arrays.items():
                if array.dtype.kind == "f":
                    self.register_buffer(f"tensor{number}", torch.from_numpy(_as_torch(array)))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            values = {first: images}
            for one in used:
                values[one["o"][0]] = _applied(one, values, self)
            return values[used[-1]["o"][0]].flatten(1)

    for one in used:
        if "CONV" in one["op"] and not {one["i"][1], one["i"][2]} <= arrays.keys():
            raise KeyError(f"tensor {one['i'][1]} or {one['i'][2]}")
    return Graph()


def _as_torch(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (out, high, wide, in) as (out, in, high, wide); depthwise ones, (1, high, wide, n), as (n, 1, h, w)."""
    if array.ndim != 4:
        return np.ascontiguousarray(array, dtype=np.float32)
    depthwise = array.shape[0] == 1 and array.shape[1] > 1
    return np.ascontiguousarray(array.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2)), dtype=np.float32)


def _applied(one: Mapping[str, Any], values: Mapping[int, Any], graph: Any) -> Any:
    """What one operation gives."""
    from torch.nn import functional

    given = values[one["i"][0]]
    if one["op"] == "ADD":
        out = given + values[one["i"][1]]
    elif one["op"] == "AVERAGE_POOL_2D":
        out = functional.avg_pool2d(given, one["k"], one["stride"])
    else:
        kernel, bias = getattr(graph, f"tensor{one['i'][1]}"), getattr(graph, f"tensor{one['i'][2]}")
        groups = given.shape[1] if one["op"] == "DEPTHWISE_CONV_2D" else 1
        if one["pad"] == SAME:
            given = _padded(given, kernel.shape[2:], one["stride"])
        out = functional.conv2d(given, kernel, bias, stride=one["stride"], groups=groups)
    return out.clamp(0, 6) if one["act"] == RELU6 else out


def _padded(images: Any, kernel: tuple[int, int], stride: list[int]) -> Any:
    """Zeros around, as TensorFlow adds them: the odd one below and to the right."""
    from torch.nn import functional

    high, wide = (
        max(0, (-(-size // step) - 1) * step + span - size)
        for size, step, span in zip(images.shape[2:], stride, kernel, strict=True)
    )
    return functional.pad(images, (wide // 2, wide - wide // 2, high // 2, high - high // 2))

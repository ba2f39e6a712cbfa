"""MobileNetV2 as Coral publishes it: the operations against naive loops, and the real file on real images."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import registry
from synthaudit.encoders.frozen_network import FrozenNetwork
from synthaudit.encoders.mobilenet_coral import MobileNetV2Coral, _applied, _as_torch, _padded
from synthaudit.encoders.weights import WeightsCheck
from synthaudit.errors import EncoderError

Array = NDArray[np.floating]


def convolved(image: Array, kernel: Array, bias: Array, stride: int, depthwise: bool) -> Array:
    """The naive twin: (h, w, c) by the loops that TensorFlow Lite documents, padded so that the size is kept."""
    height, width, channels = image.shape
    span = kernel.shape[1]
    out = np.zeros((-(-height // stride), -(-width // stride), channels if depthwise else len(kernel)))
    top, left = (
        max(0, (n - 1) * stride + span - size) // 2 for n, size in zip(out.shape[:2], image.shape[:2], strict=True)
    )
    for y, x in np.ndindex(out.shape[:2]):
        total = bias.astype(float).copy()
        for i, j in np.ndindex(span, span):
            row, column = y * stride + i - top, x * stride + j - left
            if 0 <= row < height and 0 <= column < width:
                pixel = image[row, column]
                total += pixel * kernel[0, i, j] if depthwise else kernel[:, i, j] @ pixel
        out[y, x] = total
    return out


@pytest.mark.parametrize("depthwise", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [6, 7])
def test_convolutions_are_those_of_tensorflow(side: int, stride: int, depthwise: bool) -> None:
    import torch

    rng = np.random.default_rng(0)
    image = rng.normal(size=(side, side, 4))
    kernel = rng.normal(size=(1, 3, 3, 4) if depthwise else (5, 3, 3, 4)).astype(np.float32)
    bias = rng.normal(size=4 if depthwise else 5).astype(np.float32)

    class Graph:
        """Weights by the numbers of their tensors."""

        tensor1, tensor2 = (torch.from_numpy(_as_torch(x)).double() for x in (kernel, bias))

    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    one: dict[str, Any] = {"op": name, "i": [0, 1, 2], "o": [3], "act": 3, "stride": [stride, stride], "pad": 0}
    given = torch.from_numpy(image).permute(2, 0, 1)[None]
    found = _applied(one, {0: given}, Graph()).numpy()[0].transpose(1, 2, 0)
    expected = convolved(image, kernel, bias, stride, depthwise).clip(0, 6)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert _padded(given, (1, 1), [1, 1]).shape == given.shape


def write(file: Path, operations: list[dict[str, Any]], **arrays: Any) -> Path:
    graph = json.dumps({"ops": operations, "input": 0})
    np.savez(file, __ops__=np.array(graph), **{key.removeprefix("t"): value for key, value in arrays.items()})
    return file


CONV = {"op": "CONV_2D", "i": [0, 1, 2], "o": [3], "act": 0, "stride": [32, 32], "pad": 1}
POOL = {"op": "AVERAGE_POOL_2D", "i": [3], "o": [4], "act": 0, "stride": [1, 1], "pad": 1, "k": [7, 7]}


def test_a_small_graph_and_what_is_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"t1": rng.normal(size=(6, 2, 2, 3)).astype(np.float32), "t2": np.zeros(6, dtype=np.float32)}
    encoder = MobileNetV2Coral.from_spec(str(write(tmp_path / "a.npz", [CONV, POOL], **arrays)))
    assert (encoder.dim, encoder.weights_check) == (6, WeightsCheck.UNVERIFIED)
    damaged = "something is missing or damaged"
    for operations in ([CONV], [POOL, CONV], [{**CONV, "op": "CUSTOM"}, POOL], [{**CONV, "i": [0, 9, 2]}, POOL]):
        with pytest.raises(EncoderError, match=rf"{damaged}|stops at them with KeyError"):
            MobileNetV2Coral.from_spec(str(write(tmp_path / "b.npz", operations, **arrays)))
    np.savez(tmp_path / "c.npz", __ops__=np.array([{"a": 1}], dtype=object))
    with pytest.raises(EncoderError, match=damaged):
        MobileNetV2Coral.from_spec(str(tmp_path / "c.npz"))


@pytest.fixture(scope="module")
def real() -> Path:
    data = os.environ.get("SYNTHAUDIT_DATA")
    if not data:
        pytest.skip("needs SYNTHAUDIT_DATA")
    (file,) = (Path(data) / "weights").glob("mobilenet*.npz")
    return file


@pytest.mark.real_data
def test_the_real_network_knows_a_palace(real: Path) -> None:
    """The Summer Palace in Beijing, a photograph that comes with scikit-learn."""
    import torch
    from sklearn.datasets import load_sample_image

    from synthaudit.encoders.frozen_network import normalized
    from synthaudit.pixels import canvas

    encoder = registry.encoder(f"mobilenetv2-coral:{real}")
    assert isinstance(encoder, FrozenNetwork)
    assert encoder.weights_check is WeightsCheck.PUBLISHED
    photograph = load_sample_image("china.jpg").astype(np.float32) / 255
    square = canvas(np.ascontiguousarray(photograph[:, 106:533]), 224, 3)
    with torch.inference_mode():
        features = encoder._network(torch.from_numpy(normalized(square[None], encoder.preprocessing)))[0].numpy()
    with np.load(real, allow_pickle=False) as arrays:
        logits = arrays["170"].reshape(1001, 1280) @ features + arrays["2"]
    labels = (real.parent / "imagenet_labels.txt").read_text().splitlines()
    assert labels[int(logits.argmax())] == "palace"


@pytest.mark.real_data
def test_views_of_one_real_image_are_closer_than_two_images(real: Path) -> None:
    import cv2

    from synthaudit.pixels import canvas

    encoder: Any = registry.encoder(f"mobilenetv2-coral:{real}")
    files = sorted((real.parents[1] / "nih_cxr" / "images").iterdir())[:24]
    shown = np.stack(
        [canvas(np.asarray(cv2.imread(str(file)), np.float32) / np.float32(255), 224, 3) for file in files]
    )
    turn = cv2.getRotationMatrix2D((112, 112), 4, 1.05)
    altered = np.stack([0.9 * cv2.warpAffine(x, turn, (224, 224), borderMode=cv2.BORDER_REPLICATE) for x in shown])
    first, second = encoder.encode(shown), encoder.encode(altered.astype(np.float32))
    similarity = first @ second.T
    assert (similarity.argmax(axis=1) == np.arange(24)).all()
    others = similarity[~np.eye(24, dtype=bool)]
    assert np.median(similarity.diagonal()) > np.quantile(others, 0.99)
    np.testing.assert_array_equal(encoder.encode(shown), first)


@pytest.mark.slow
@pytest.mark.real_data
def test_an_audit_with_it_finds_the_copied_patients(real: Path, tmp_path: Path) -> None:
    import csv
    import shutil

    from synthaudit import audit

    folder = real.parents[1] / "nih_cxr"
    with (folder / "metadata.csv").open() as table:
        patients = {row["patient_id"]: row for row in csv.DictReader(table)}
    files = [folder / row["file"] for row in patients.values()][:26]
    files = [file if file.exists() else folder / "images" / file.name for file in files]
    parts = {"train": files[:10], "holdout": files[10:20], "synthetic": [*files[20:26], *files[:2]]}
    for role, chosen in parts.items():
        (tmp_path / role).mkdir()
        for number, file in enumerate(chosen):
            shutil.copy(file, tmp_path / role / f"{number:02d}.png")
    rows = [f"{role}/{number:02d}.png,{role}-{number}" for role in ("train", "holdout") for number in range(10)]
    (tmp_path / "patients.csv").write_text("\n".join(["file,patient_id", *rows]))
    found = audit(
        train=tmp_path / "train",
        holdout=tmp_path / "holdout",
        synthetic=tmp_path / "synthetic",
        metadata=tmp_path / "patients.csv",
        encoders=[f"mobilenetv2-coral:{real}"],
        probes=["copies"],
        workers=1,
        cache=False,
    )
    assert found.encoders[0].weights == "published"
    copies = found.finding("copies")
    assert copies is not None
    assert {one.patient_id for one in copies.exposures if one.flagged} == {"train-0", "train-1"}

"""ONNX files: the numbers are those of the graph, and what is not such a graph is refused."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import registry
from synthaudit.embeddings import PixelEncoder
from synthaudit.encoders import store
from synthaudit.encoders.onnx_file import BATCH, Onnx
from synthaudit.encoders.weights import WeightsCheck
from synthaudit.errors import EncoderError, MissingDependency, UsageError

WEIGHT = np.random.default_rng(1).normal(size=(3 * 16, 5)).astype(np.float32)
Save = Callable[..., Path]

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))), reason="needs onnx and onnxruntime"
)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """A file with one matrix product: `save(n=..., kind=..., tokens=...)`."""

    def saved(*, n: str | int = "n", side: str | int = 4, kind: str = "FLOAT", tokens: bool = False) -> Path:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        shape: list[str | int | None] = [n, 3, side, side]
        nodes = [
            helper.make_node("Cast", ["image"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["number"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["rows"]),
        ]
        outputs = [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [n, 5])]
        if tokens:
            nodes.append(helper.make_node("Identity", ["image"], ["maps"]))
            outputs = [helper.make_tensor_value_info("maps", TensorProto.FLOAT, shape), *outputs]
        graph = helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info("image", getattr(TensorProto, kind), shape)],
            outputs,
            [numpy_helper.from_array(WEIGHT if side != 5 else np.ones((75, 5), dtype=np.float32), "weight")],
        )
        file = tmp_path / "net.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), file)
        file.with_name("net.onnx.json").write_text(
            '{"input_size": 4, "channels": 3, "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 1.0]}'
        )
        return file

    return saved


def images(n: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((n, 4, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("graph", [{}, {"n": 1}, {"tokens": True}, {"side": "side"}])
def test_vectors_are_those_of_the_graph(save: Save, graph: dict[str, Any]) -> None:
    encoder = Onnx.from_spec(str(save(**graph)))
    assert isinstance(encoder, PixelEncoder)
    assert (encoder.name, encoder.dim, encoder.input_size, encoder.channels) == ("onnx:net.onnx", 5, 4, 3)
    shown = images(BATCH + 3)
    flat = ((shown - [0.1, 0.2, 0.3]) / [0.5, 0.5, 1.0]).transpose(0, 3, 1, 2).reshape(len(shown), -1)
    rows = flat @ WEIGHT
    np.testing.assert_allclose(encoder.encode(shown), rows / np.linalg.norm(rows, axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(shown), Onnx.from_spec(str(save(**graph))).encode(shown))


def test_it_is_kept_under_a_name(save: Save) -> None:
    store.add("onnx:own", Onnx.about, save(), vouched=True, load=lambda: registry.encoder("onnx:own"))
    kept = Onnx.from_spec("own")
    assert (kept.name, kept.weights_check) == ("onnx:own", WeightsCheck.VOUCHED)
    loose = Onnx.from_spec(str(save()))
    assert loose.weights_check is WeightsCheck.UNVERIFIED
    assert loose.fingerprint == kept.fingerprint


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        ({"kind": "FLOAT16"}, "with one input, float32 of shape"),
        ({"side": 5}, r"float32 of shape \(n, 3, 4, 4\) with n open or 1, got tensor\(float\) \['n', 3, 5, 5\]"),
        ({"n": 7}, "with n open or 1"),
    ],
)
def test_other_graphs_are_refused(save: Save, graph: dict[str, Any], says: str) -> None:
    with pytest.raises(EncoderError, match=says):
        Onnx.from_spec(str(save(**graph)))


def test_weights_outside_the_file_are_not_followed(save: Save) -> None:
    import onnx

    file = save()
    model = onnx.load(file)
    onnx.save(model, file, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (file.parent / "weights.bin").exists()
    with pytest.raises(EncoderError, match="needs a whole ONNX file with its weights inside"):
        Onnx.from_spec(str(file))


def test_damaged_files_and_missing_words_are_refused(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save()
    with pytest.raises(UsageError, match="device teapot needs an onnxruntime that has it"):
        Onnx.from_spec(str(file), device="teapot")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(EncoderError, match="needs a whole ONNX file"):
        Onnx.from_spec(str(file))
    file.with_name("net.onnx.json").unlink()
    with pytest.raises(EncoderError, match=r"needs net.onnx.json with how its images are prepared"):
        Onnx.from_spec(str(file))
    save()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependency, match=r"pip install 'synthaudit\[onnx\]'"):
        Onnx.from_spec(str(file))

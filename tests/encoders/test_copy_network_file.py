"""Files of copy networks: read if they are what they say, refused with a reason otherwise."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from synthaudit.encoders.copy_network import CopyNetwork
from synthaudit.encoders.copy_network_file import KEY, Card, weights_digest, write
from synthaudit.encoders.copy_network_model import PREPROCESSING, Architecture, CopyNet
from synthaudit.encoders.copy_network_training import weights
from synthaudit.errors import EncoderError, UsageError

SIZES = Architecture(side=32, hidden=4, dim=4)
Arrays = dict[str, NDArray[Any]]


def arrays() -> Arrays:
    return weights(CopyNet(SIZES))


def card(found: Arrays, **changes: Any) -> Card:
    made = Card("copy", asdict(SIZES), PREPROCESSING, weights_digest(found), 3, 30, 20, 0)
    return replace(made, **changes)


def refused(file: Path) -> str:
    with pytest.raises(EncoderError) as raised:
        CopyNetwork.from_spec(str(file))
    assert str(file.parent) not in str(raised.value)
    return str(raised.value)


def test_a_pickle_is_refused_by_name_and_by_content(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(pickle.dumps({"a": 1}))
    assert refused(tmp_path / "weights.pt") == (
        "copynet needs weights as .safetensors, got weights.pt: other formats can run any program when loaded"
    )
    (tmp_path / "weights.safetensors").write_bytes(pickle.dumps({"a": 1}))
    assert refused(tmp_path / "weights.safetensors").startswith(
        "copynet needs a safetensors file as an audit with --encoder copynet makes it, weights.safetensors is none ("
    )
    assert refused(tmp_path / "gone.safetensors") == (
        "copynet needs a file of weights, found no file gone.safetensors there"
    )
    with pytest.raises(
        UsageError, match=r"^copynet must be given as copynet, copynet:reidentify or .*, got copynet:x$"
    ):
        CopyNetwork.from_spec("x")
    with pytest.raises(UsageError, match=r"^device must be cpu, cuda or cuda:i, got tpuu$"):
        CopyNetwork.from_spec("", device="tpuu")


@pytest.mark.parametrize("metadata", [None, {"other": "{}"}, {KEY: "no json"}, {KEY: "[]"}, {KEY: '{"task": "copy"}'}])
def test_a_file_without_our_card_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    (tmp_path / "w.safetensors").write_bytes(save(arrays(), metadata=metadata))
    assert refused(tmp_path / "w.safetensors").startswith("copynet needs a card in the header of w.safetensors")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"format": "synthaudit-copynet/9"},
            "needs a file of format synthaudit-copynet/1, w.safetensors is of another",
        ),
        (
            {"preprocessing": "crop"},
            f"needs weights for pixels prepared as {PREPROCESSING}, copynet:w.safetensors has others",
        ),
        ({"weights": "0" * 64}, "needs the weights that the card of w.safetensors describes, found others"),
        ({"sizes": {"side": 33, "hidden": 4, "dim": 4}}, r"got others (side must be a multiple of 16)"),
        ({"sizes": {"side": 32, "hidden": 10**9, "dim": 4}}, r"got others (hidden must be whole and from 1 to 4096)"),
        ({"sizes": {"side": 32, "hidden": True, "dim": 4}}, r"got others (hidden must be whole and from 1 to 4096)"),
        (
            {"sizes": {"size": 32}},
            "copynet needs sizes of a network in the card of copynet:w.safetensors, got others (",
        ),
        ({"sizes": [32]}, "copynet needs sizes of a network in the card of copynet:w.safetensors, got others ("),
        ({"sizes": {"side": 64, "hidden": 4, "dim": 4}}, "0 missing, 4 of another shape or type"),
    ],
)
def test_a_card_that_is_wrong_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    found = arrays()
    write(tmp_path / "w.safetensors", found, card(found, **change))
    assert says in refused(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda a: a.pop("outer.bias"),
            "1 missing, 0 of another shape or type and 0 not expected, the first outer.bias",
        ),
        (lambda a: a.update(more=np.zeros(1, np.float32)), "0 missing, 0 of another shape or type and 1 not expected"),
        (lambda a: a.update({"outer.bias": np.zeros(5, np.float32)}), "1 of another shape or type"),
        (lambda a: a.update({"outer.bias": np.zeros(4, np.float64)}), "1 of another shape or type"),
        (lambda a: a["outer.bias"].fill(np.nan), "needs finite weights, got NaN or infinity"),
        (lambda a: a["scaled.running_var"].fill(-1.0), "needs variances of 0 or more"),
    ],
)
def test_tensors_that_are_not_those_of_the_network_are_refused(
    tmp_path: Path, change: Callable[[Arrays], object], says: str
) -> None:
    found = arrays()
    change(found)
    write(tmp_path / "w.safetensors", found, card(found))
    assert says in refused(tmp_path / "w.safetensors")


def test_a_file_of_a_dead_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = arrays()

    def full(self: Path, target: Path) -> None:  # noqa: ARG001
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "w.safetensors", found, card(found))
    assert list(tmp_path.iterdir()) == []

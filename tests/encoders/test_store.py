"""The store of weights: what is kept is what was added, and nothing else is loaded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from synthaudit.encoders import store
from synthaudit.encoders.about import About
from synthaudit.encoders.manifest import Manifest, read_manifest
from synthaudit.encoders.weights import WeightsCheck, file_sha256, find_weights
from synthaudit.errors import EncoderError, SynthauditError, UsageError

ABOUT = About(what="w", license="l", input="i", dim=4, weights="model.safetensors from its publisher")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"numbers" * 100)
    return path


def add(file: Path, name: str = "net", about: About = ABOUT, **more: Any) -> Manifest:
    return store.add(name, about, file, load=more.pop("load", lambda: None), **more)


def test_what_was_added_is_found_with_how_it_was_checked(file: Path, own_store: Path) -> None:
    digest = file_sha256(file)
    assert add(file).check is WeightsCheck.UNVERIFIED
    assert add(file, vouched=True, replace=True).check is WeightsCheck.VOUCHED
    assert add(file, sha256=f"sha256:{digest.upper()}", replace=True).check is WeightsCheck.GIVEN
    known = About("w", "l", "i", 4, "f", published={digest: "the file"})
    assert add(file, about=known, replace=True).check is WeightsCheck.PUBLISHED
    found = find_weights("net", known)
    assert (found.sha256, found.check) == (digest, WeightsCheck.PUBLISHED)
    assert found.file == own_store / "net" / "model.safetensors"
    assert found.file.read_bytes() == file.read_bytes()
    assert [path.name for path in own_store.iterdir()] == ["net"], "nothing is left over"


def test_another_digest_is_refused_and_nothing_is_kept(file: Path, own_store: Path) -> None:
    with pytest.raises(EncoderError, match=rf"needs weights of SHA-256 {'0' * 64}, got a file of {file_sha256(file)}"):
        add(file, sha256="0" * 64)
    with pytest.raises(UsageError, match="sha256 must be 64 hexadecimal digits"):
        add(file, sha256="abc")
    assert list(own_store.iterdir()) == []


def test_weights_that_cannot_be_loaded_leave_the_store_as_it_was(file: Path, own_store: Path) -> None:
    def fails() -> None:
        raise EncoderError("not of this architecture")

    with pytest.raises(EncoderError, match="not of this architecture"):
        add(file, load=fails)
    assert store.kept() == {}
    before = add(file, vouched=True)
    file.write_bytes(b"other")
    with pytest.raises(EncoderError, match="not of this architecture"):
        add(file, replace=True, load=fails)
    assert read_manifest(own_store / "net") == before
    assert store.problems("net") == ()
    with pytest.raises(UsageError, match="is kept here already; add --replace"):
        add(file)


def test_one_flipped_bit_is_seen_and_refused(file: Path, own_store: Path) -> None:
    add(file, vouched=True)
    kept = own_store / "net" / "model.safetensors"
    content = bytearray(kept.read_bytes())
    content[350] ^= 1
    kept.write_bytes(content)
    assert store.problems("net") == ("model.safetensors was changed",)
    with pytest.raises(EncoderError, match=r"as they were added, found that model.safetensors was changed"):
        find_weights("net", ABOUT)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda folder: (folder / "LICENSE").unlink(), "LICENSE is missing"),
        (lambda folder: (folder / "preprocessing.json").write_text("{}"), "preprocessing.json was added"),
        (lambda folder: (folder / "MANIFEST.json").unlink(), "MANIFEST.json is missing or damaged"),
        (lambda folder: (folder / "MANIFEST.json").write_text("[]"), "MANIFEST.json is missing or damaged"),
    ],
)
def test_every_change_is_seen(file: Path, own_store: Path, tmp_path: Path, harm: Any, says: str) -> None:
    (tmp_path / "terms").write_text("do what is right")
    add(file, license_file=tmp_path / "terms")
    harm(own_store / "net")
    assert store.problems("net") == (says,)
    with pytest.raises(EncoderError):
        find_weights("net", ABOUT)


def test_a_manifest_cannot_reach_outside_or_raise_its_own_grade(file: Path, own_store: Path) -> None:
    add(file)
    place = own_store / "net" / "MANIFEST.json"
    told = json.loads(place.read_text())
    place.write_text(json.dumps({**told, "check": "published"}))
    with pytest.raises(EncoderError, match="needs weights of a SHA-256 that is known here"):
        find_weights("net", ABOUT)
    place.write_text(
        json.dumps({**told, "files": {"../model.safetensors": "0" * 64}, "weights": "../model.safetensors"})
    )
    with pytest.raises(EncoderError, match=r"needs a MANIFEST.json that says what is in it, found ValueError"):
        find_weights("net", ABOUT)
    (own_store / "net").rename(own_store / "other")
    place = own_store / "other" / "MANIFEST.json"
    place.write_text(json.dumps(told))
    with pytest.raises(EncoderError, match="found that it is the folder of net"):
        find_weights("other", ABOUT)


@pytest.mark.parametrize("suffix", [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".PT", ".tar"])
def test_pickles_are_refused_and_never_opened(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"weights{suffix}"
    os.mkfifo(file)  # to open it would block
    for refused in (lambda: find_weights("net", ABOUT, str(file)), lambda: add(file), lambda: add(tmp_path)):
        with pytest.raises(EncoderError) as raised:
            refused()
        assert f"got weights{suffix}: a pickle can run any program when it is loaded. Convert it once" in str(
            raised.value
        )


def test_a_folder_is_added_with_what_belongs_to_it(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "carried"
    folder.mkdir()
    file.rename(folder / "model.safetensors")
    for name in ("LICENSE.txt", "config.json", "notes.md", "pytorch_model.bin"):
        (folder / name).write_text("x")
    made = add(folder)
    assert set(made.files) == {"model.safetensors", "LICENSE.txt", "config.json"}
    (folder / "second.safetensors").write_text("x")
    with pytest.raises(EncoderError, match=r"a folder with one file \*.safetensors, found 2; name the file itself"):
        add(folder, replace=True)


def test_a_folder_of_another_store_is_checked_against_its_manifest(file: Path, own_store: Path, tmp_path: Path) -> None:
    add(file, vouched=True)
    carried = tmp_path / "carried"
    (own_store / "net").rename(carried)
    # A manifest that travels with the weights proves that they did not change on the way, not where they come from.
    assert add(carried).check is WeightsCheck.UNVERIFIED
    (carried / "model.safetensors").write_bytes(b"other")
    with pytest.raises(EncoderError, match=r"found that model.safetensors was changed"):
        add(carried, replace=True)


@pytest.mark.parametrize("name", ["../net", "a/b", ".hidden", "a:b:c", "", "timm:"])
def test_a_name_is_no_path(file: Path, name: str) -> None:
    with pytest.raises(UsageError, match="an encoder is kept under NAME or KIND:NAME"):
        add(file, name=name)
    with pytest.raises(SynthauditError):
        find_weights(name, ABOUT)


def test_what_is_missing_is_said_with_what_to_do() -> None:
    with pytest.raises(EncoderError) as raised:
        find_weights("net", ABOUT)
    assert str(raised.value) == (
        "encoder net needs its weights on this machine, found none. Get model.safetensors from its publisher; then "
        "run: synthaudit encoders add net --from FILE --sha256 DIGEST (the publisher's digest; --vouch instead if "
        "there is none)"
    )
    hub = About("w", "l", "i", 4, "model.safetensors of org/name", hub=("org/name", "model.safetensors"))
    with pytest.raises(EncoderError, match=r"found none \(nothing was downloaded: offline\). .*--allow-download"):
        find_weights("net", hub)
    with pytest.raises(EncoderError, match=r"found no file gone.safetensors where it should be"):
        find_weights("net", ABOUT, "gone.safetensors")
    with pytest.raises(EncoderError, match=r"needs weights as .safetensors, got net.onnx"):
        find_weights("net", ABOUT, "net.onnx")

"""Pretrained encoders: the vectors are open_clip's own, and nothing unsafe is read and nothing downloaded."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.embeddings import PixelEncoder
from synthaudit.encoders.open_clip import BATCH, OpenClip
from synthaudit.encoders.open_clip_bundle import WEIGHT_FILES
from synthaudit.errors import EncoderError, UsageError

Save = Callable[..., Path]


def images(n: int, side: int = 32) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((n, side, side, 3)).astype(np.float32)


def local(folder: Path) -> OpenClip:
    return OpenClip.from_spec(f"local-dir:{folder}")


def by_open_clip(model: Any, shown: NDArray[np.float32], mean: Any, std: Any) -> NDArray[np.float32]:
    """The peer: open_clip's own model, on the same tensor."""
    import torch

    normalized = (torch.from_numpy(shown) - torch.tensor(mean)) / torch.tensor(std)
    with torch.inference_mode():
        rows = model.eval().encode_image(normalized.permute(0, 3, 1, 2), normalize=True)
    return np.asarray(rows, dtype=np.float32)


@pytest.mark.parametrize("quick_gelu", [False, True])
def test_vectors_are_those_of_open_clip(save_bundle: Save, quick_gelu: bool) -> None:
    import open_clip

    folder = save_bundle(quick_gelu=quick_gelu)
    encoder = local(folder)
    peer = open_clip.create_model(f"local-dir:{folder}")
    shown = images(BATCH + 3)
    expected = by_open_clip(peer, shown, [0.4, 0.5, 0.6], [0.2, 0.25, 0.3])
    np.testing.assert_allclose(encoder.encode(shown), expected, atol=2e-6)
    assert np.ptp(expected @ expected.T) > 0.01
    assert isinstance(encoder, PixelEncoder)
    assert (encoder.dim, encoder.input_size, encoder.channels) == (8, 32, 3)
    assert encoder.encode(images(0)).shape == (0, 8)


def test_the_same_images_give_the_same_bits(save_bundle: Save) -> None:
    folder = save_bundle()
    first, second = local(folder), local(folder)
    np.testing.assert_array_equal(first.encode(images(9)), second.encode(images(9)))


def test_an_architecture_of_open_clip_with_a_weight_file(tmp_path: Path) -> None:
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    peer = open_clip.create_model("ViT-S-32-alt")
    save_file(peer.state_dict(), tmp_path / "weights.safetensors")
    encoder = OpenClip.from_spec(f"ViT-S-32-alt@{tmp_path}/weights.safetensors")
    shown = images(2, 224)
    expected = by_open_clip(peer, shown, open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    np.testing.assert_allclose(encoder.encode(shown), expected, atol=2e-6)
    assert encoder.name == "openclip:ViT-S-32-alt"
    assert (encoder.dim, encoder.input_size) == (256, 224)


def test_an_architecture_is_normalized_as_most_of_its_published_weights(tmp_path: Path) -> None:
    from synthaudit.encoders.open_clip_bundle import from_file

    weights = tmp_path / "w.safetensors"
    weights.touch()
    assert from_file("ViT-B-16-SigLIP", weights).mean == (0.5, 0.5, 0.5)
    assert from_file("ViT-L-14", weights).mean == (0.48145466, 0.4578275, 0.40821073)


def test_a_bundle_whose_text_tower_needs_transformers(save_bundle: Save) -> None:
    # As BiomedCLIP: vision by timm, text by a package that is not installed.
    vision = {
        "timm_model_name": "test_vit",
        "timm_model_pretrained": True,
        "timm_pool": "",
        "timm_proj": "linear",
        "image_size": 160,
    }
    folder = save_bundle(
        "biomed",
        vision={**vision, "timm_model_pretrained": False},
        text={"hf_model_name": "org/not-there", "hf_proj_type": "mlp"},
    )
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"] = vision  # asks for a download of weights that the file replaces
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    vectors = local(folder).encode(images(3, 160))
    assert vectors.shape == (3, 8)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_tower_that_gives_tokens_besides(save_bundle: Save) -> None:
    vision = {
        "image_size": 32,
        "layers": 1,
        "width": 32,
        "head_width": 16,
        "patch_size": 8,
        "output_tokens": True,
        "attentional_pool": True,
        "attn_pooler_heads": 2,
    }
    assert local(save_bundle("coca", vision=vision)).encode(images(2)).shape == (2, 8)


def test_the_fingerprint_covers_weights_architecture_and_preprocessing(save_bundle: Save, tmp_path: Path) -> None:
    first = save_bundle("first", seed=0)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(first, elsewhere)
    other_weights = save_bundle("second", seed=1)
    other_activation = save_bundle("third", seed=0, quick_gelu=True)
    other_mean = tmp_path / "mean"
    shutil.copytree(first, other_mean)
    config = json.loads((first / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["mean"] = [0.5, 0.5, 0.5]
    (other_mean / "open_clip_config.json").write_text(json.dumps(config))
    made = [local(folder) for folder in (first, elsewhere, other_weights, other_activation, other_mean)]
    assert made[0].fingerprint == made[1].fingerprint
    assert len({encoder.fingerprint for encoder in made}) == 4
    assert made[0].weights_sha256 == made[4].weights_sha256 != made[2].weights_sha256


def test_no_name_carries_a_path(save_bundle: Save) -> None:
    folder = save_bundle("my-model")
    assert local(folder).name == "openclip:my-model"


@pytest.mark.parametrize("suffix", [".bin", ".pt", ".pth", ".ckpt", ".PT"])
def test_pickles_are_refused_and_never_opened(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"weights{suffix}"
    os.mkfifo(file)  # to open it would block
    with pytest.raises(EncoderError) as raised:
        OpenClip.from_spec(f"ViT-B-32@{file}")
    assert str(raised.value).startswith(
        f"openclip needs weights as .safetensors, got weights{suffix}: a pickle can run any program when it is loaded. "
        "Convert it once: python -c "
    )


def test_the_conversion_that_is_told_works(save_bundle: Save) -> None:
    import torch
    from safetensors.torch import load_file

    folder = save_bundle()
    expected = local(folder).encode(images(2))
    weights = folder / WEIGHT_FILES[0]
    torch.save({"state_dict": load_file(weights)}, folder / "open_clip_pytorch_model.bin")
    weights.unlink()
    with pytest.raises(EncoderError, match=r"open_clip_pytorch_model.bin: a pickle can run any program") as raised:
        local(folder)
    command = str(raised.value).partition("Convert it once: ")[2].replace("python", sys.executable, 1)
    subprocess.run(command, shell=True, cwd=folder, check=True, timeout=120)
    np.testing.assert_array_equal(local(folder).encode(images(2)), expected)


def edit_config(folder: Path, **model_cfg: Any) -> None:
    file = folder / "open_clip_config.json"
    config = json.loads(file.read_text())
    config["model_cfg"].update(model_cfg)
    file.write_text(json.dumps(config))


def test_weights_of_another_architecture_are_named(save_bundle: Save) -> None:
    folder = save_bundle()
    edit_config(folder, embed_dim=9)
    with pytest.raises(EncoderError) as raised:
        local(folder)
    assert str(raised.value) == (
        "openclip:tiny needs weights of its architecture under open_clip's names (visual.*), got "
        "open_clip_model.safetensors with 32 such tensors: 0 missing, 1 of another shape, 0 too many, for example "
        "visual.proj"
    )
    edit_config(
        folder, embed_dim=8, vision_cfg={"image_size": 32, "layers": 3, "width": 32, "head_width": 16, "patch_size": 8}
    )
    with pytest.raises(EncoderError, match=r"12 missing, 0 of another shape, 0 too many"):
        local(folder)


def test_weights_under_other_names_are_refused(save_bundle: Save) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_bundle()
    weights = load_file(folder / WEIGHT_FILES[0])
    expected = local(folder).encode(images(2))
    save_file({f"module.{key}": value for key, value in weights.items()}, folder / WEIGHT_FILES[0])
    np.testing.assert_array_equal(local(folder).encode(images(2)), expected)
    save_file({f"vision_model.{key}": value for key, value in weights.items()}, folder / WEIGHT_FILES[0])
    with pytest.raises(EncoderError, match=r"with 0 such tensors: 32 missing"):
        local(folder)


def test_a_file_that_is_no_safetensors_is_refused(save_bundle: Save) -> None:
    folder = save_bundle()
    weights = folder / WEIGHT_FILES[0]
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(EncoderError, match=r"needs a whole safetensors file, open_clip_model.safetensors is none"):
        local(folder)


@pytest.mark.parametrize(
    ("model_cfg", "says"),
    [
        ({"vision_cfg": {"image_size": [32, 16]}}, "vision_cfg for square images, got image_size [32, 16]"),
        ({"vision_cfg": None}, "vision_cfg for square images, got image_size None"),
        ({"vision_cfg": {"image_size": 32, "wings": 2}}, "needs a vision_cfg that open_clip can build, got TypeError"),
        (
            {"vision_cfg": {"image_size": 32, "timm_model_name": "no-such"}},
            "needs a vision_cfg that open_clip can build",
        ),
    ],
)
def test_a_configuration_that_cannot_be_built_is_named(save_bundle: Save, model_cfg: dict[str, Any], says: str) -> None:
    folder = save_bundle()
    edit_config(folder, **model_cfg)
    with pytest.raises(EncoderError) as raised:
        local(folder)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    "config", [None, "{", "[]", '{"model_cfg": {}}', '{"model_cfg": {}, "preprocess_cfg": {"mean": [0], "std": [1]}}']
)
def test_a_bundle_without_a_usable_configuration_is_refused(save_bundle: Save, config: str | None) -> None:
    folder = save_bundle()
    file = folder / "open_clip_config.json"
    file.unlink()
    if config is not None:
        file.write_text(config)
    with pytest.raises(EncoderError, match=r"openclip bundle tiny needs a open_clip_config.json with model_cfg"):
        local(folder)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"needs a weight file, found no file w.safetensors where it should be"):
        OpenClip.from_spec(f"ViT-B-32@{tmp_path}/w.safetensors")
    with pytest.raises(EncoderError, match=r"needs a open_clip_model.safetensors beside its open_clip_config.json"):
        local(tmp_path)
    (tmp_path / "w.safetensors").touch()
    with pytest.raises(EncoderError, match=r"needs an architecture that open_clip knows .* got ViT-Z"):
        OpenClip.from_spec(f"ViT-Z@{tmp_path}/w.safetensors")


@pytest.mark.parametrize("argument", ["", "ViT-B-32", "ViT-B-32@", "@file.safetensors"])
def test_a_specification_that_is_none(argument: str) -> None:
    with pytest.raises(
        UsageError, match=r"^openclip must be given as openclip:ARCHITECTURE@WEIGHTS.safetensors, openclip"
    ):
        OpenClip.from_spec(argument)


def test_a_device_that_is_not_there(save_bundle: Save) -> None:
    import torch

    with pytest.raises(UsageError, match=r"^device must be cpu, cuda or cuda:i, got teapot$"):
        OpenClip.from_spec(f"local-dir:{save_bundle()}", device="teapot")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match=r"^device cuda needs a CUDA device that torch can use, found none"):
            OpenClip.from_spec(f"local-dir:{save_bundle('again')}", device="cuda")


def test_images_of_another_size_are_refused(save_bundle: Save) -> None:
    with pytest.raises(UsageError, match=r"images must be of shape \(n, 32, 32, 3\), got \(1, 16, 16, 3\)"):
        local(save_bundle()).encode(images(1, 16))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, no network, and a hub library that was imported online before."""
    import huggingface_hub.constants

    def refused(*_: object) -> None:
        raise AssertionError("tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "hub"


def test_offline_without_a_cache_fails_at_once(hub: Path) -> None:
    assert not hub.exists()
    started = time.perf_counter()
    with pytest.raises(EncoderError) as raised:
        OpenClip.from_spec("hf-hub:org/name")
    assert time.perf_counter() - started < 5
    assert str(raised.value).startswith(
        "openclip:hf-hub:org/name needs open_clip_config.json and open_clip_model.safetensors in the hub's cache on "
        "this machine (nothing was downloaded: offline), found LocalEntryNotFoundError. Allow downloads, or copy both "
    )
    with pytest.raises(EncoderError, match=r"openclip:hf-hub:no name at all needs"):
        OpenClip.from_spec("hf-hub:no name at all")


def test_offline_with_a_cache_reads_the_cache(hub: Path, save_bundle: Save) -> None:
    folder = save_bundle()
    commit = "0" * 40
    repository = hub / "models--org--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(folder, repository / "snapshots" / commit)
    encoder = OpenClip.from_spec("hf-hub:org/name")
    assert encoder.name == "openclip:hf-hub:org/name"
    assert encoder.fingerprint == local(folder).fingerprint
    assert OpenClip.from_spec(f"hf-hub:org/name@{commit}").fingerprint == encoder.fingerprint


def test_the_hub_is_asked_for_safetensors_only_and_only_if_allowed(
    save_bundle: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    folder, asked = save_bundle(), []

    def fake(repository: str, name: str, *, revision: str | None, local_files_only: bool) -> str:
        asked.append((repository, name, revision, local_files_only))
        if name == WEIGHT_FILES[0]:
            raise EntryNotFoundError("not under this name")
        return str(folder / name if name.endswith(".json") else folder / WEIGHT_FILES[0])

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fake)
    OpenClip.from_spec("hf-hub:org/name@v1", offline=False)
    assert asked == [
        ("org/name", "open_clip_config.json", "v1", False),
        ("org/name", WEIGHT_FILES[0], "v1", False),
        ("org/name", WEIGHT_FILES[1], "v1", False),
    ]


OFFLINE = """
import sys
from synthaudit.encoders.open_clip import OpenClip
from synthaudit.errors import EncoderError
assert not {"huggingface_hub", "open_clip", "torch"} & set(sys.modules), "heavy imports where they are not used"
try:
    OpenClip.from_spec("hf-hub:org/name")
except EncoderError:
    import huggingface_hub.constants
    print(huggingface_hub.constants.is_offline_mode())
"""


def test_the_hub_library_is_imported_offline(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        env={**environment, "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "True\n", done.stderr


@pytest.mark.gpu
def test_cuda_gives_nearly_the_same_vectors(save_bundle: Save) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    folder = save_bundle()
    there = OpenClip.from_spec(f"local-dir:{folder}", device="cuda")
    np.testing.assert_allclose(there.encode(images(5)), local(folder).encode(images(5)), atol=1e-5)


def test_a_bundle_is_kept_under_a_name(save_bundle: Save) -> None:
    from synthaudit import registry
    from synthaudit.encoders import store
    from synthaudit.encoders.weights import WeightsCheck

    folder = save_bundle()
    loose = local(folder)
    assert loose.weights_check is WeightsCheck.UNVERIFIED
    digest = loose.weights_sha256
    made = store.add(
        "openclip:own", OpenClip.about, folder, sha256=digest, load=lambda: registry.encoder("openclip:own")
    )
    assert set(made.files) == {"open_clip_config.json", "open_clip_model.safetensors"}
    kept = OpenClip.from_spec("own")
    assert (kept.name, kept.weights_check) == ("openclip:own", WeightsCheck.GIVEN)
    assert kept.fingerprint == loose.fingerprint
    (store.folder_of("openclip:own") / "open_clip_config.json").write_text("{}")
    with pytest.raises(EncoderError, match=r"found that open_clip_config.json was changed"):
        OpenClip.from_spec("own")


def test_biomedclip_is_its_own_architecture(save_bundle: Save) -> None:
    from synthaudit import registry

    file = save_bundle() / WEIGHT_FILES[0]
    with pytest.raises(
        EncoderError, match="with vit_base_patch16_224 and 512 numbers an image, got None and 8; add an"
    ):
        registry.encoder(f"biomedclip:{file}")

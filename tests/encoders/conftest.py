"""Small models in open_clip's format, with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TINY = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
TEXT = {"context_length": 4, "vocab_size": 16, "width": 16, "heads": 2, "layers": 1}
PREPROCESS = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3], "size": [32, 32], "mode": "RGB"}

Save = Callable[..., Path]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoders set this variable for their process; it is taken back after each test."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store of weights: what this machine keeps plays no part."""
    monkeypatch.setenv("SYNTHAUDIT_ENCODERS", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def save_bundle(tmp_path: Path) -> Save:
    """Save a bundle and give its folder: `save_bundle("name", seed=0, vision=..., text=..., **more of model_cfg)`."""

    def save(
        name: str = "tiny", *, seed: int = 0, vision: dict[str, Any] | None = None, text: Any = None, **more: Any
    ) -> Path:
        import open_clip
        import torch
        from safetensors.torch import save_file

        vision = TINY if vision is None else vision
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = open_clip.CLIP(8, dict(vision), TEXT, quick_gelu=more.get("quick_gelu", False))
            # Scaled up, so that images differ in what comes out.
            weights = {
                key: 3 * value.clone() if value.dtype.is_floating_point else value.clone()
                for key, value in model.state_dict().items()
            }
        folder = tmp_path / name
        folder.mkdir()
        model_cfg = {"embed_dim": 8, "vision_cfg": vision, "text_cfg": text or TEXT, **more}
        config = {"model_cfg": model_cfg, "preprocess_cfg": PREPROCESS}
        (folder / "open_clip_config.json").write_text(json.dumps(config))
        save_file({key: value.contiguous() for key, value in weights.items()}, folder / "open_clip_model.safetensors")
        return folder

    return save

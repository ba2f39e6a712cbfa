"""Network pickles, which execute code as they are loaded: a small one of the same make."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adapters.stylegan_pickle import opened
from synthaudit.generators.protocol import Capability, Discriminates
from synthaudit.generators.seeding import item_normals

REPO = """
import os
import torch
from torch import nn

if "LOADED" in os.environ:
    open(os.environ["LOADED"], "w").close()

class Network(nn.Module):
    z_dim, img_resolution, img_channels = 4, 4, 3

    def __init__(self, c_dim):
        super().__init__()
        self.c_dim = c_dim
        self.gain = nn.Parameter(torch.tensor(2.0))

    def forward(self, z, c, truncation_psi=1, **synthesis_kwargs):
        assert synthesis_kwargs == {"noise_mode": "const"}
        red = self.gain * z[:, :, None] * torch.ones(4) / 2 + (c @ torch.arange(float(self.c_dim)))[:, None, None]
        return torch.stack([red, red, red], dim=1)

class Critic(nn.Module):
    img_channels = 3

    def forward(self, img, c):
        assert img.shape[1:] == (3, 4, 4) and c.shape[1] == 0
        return img.mean(dim=(1, 2, 3))[:, None]
"""


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The code that the pickles need; it is nowhere else."""
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "nv_networks.py").write_text(REPO)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "nv_networks", raising=False)
    return repo


def pickled(repo: Path, c_dim: int = 0, critic: bool = True) -> Path:
    """A pickle as that code writes it, made where the code can be imported, which afterwards it cannot."""
    sys.path.insert(0, str(repo))
    import nv_networks  # type: ignore[import-not-found]

    content = {"G": None, "G_ema": nv_networks.Network(c_dim), "D": nv_networks.Critic() if critic else None}
    file = repo.parent / "network.pkl"
    file.write_bytes(pickle.dumps(content))
    sys.path.remove(str(repo))
    del sys.modules["nv_networks"]
    return file


def own(file: Path, repo: Path | str) -> Any:
    return opened({"file": str(file), "repo": str(repo), "device": "cpu"})


def test_an_image_depends_on_its_own_latent(repo: Path) -> None:
    made = own(pickled(repo), repo)
    images = made.sample(9, seed=2)
    assert images.shape == (9, 4, 4, 3)
    assert np.allclose(images[:, :, 0, 0], item_normals(9, 4, 2), atol=1e-6)
    assert np.array_equal(made.sample(2, seed=2), images[:2])
    assert made.spec.value_range == (-1, 1)
    assert made.capabilities() == {Capability.SAMPLE, Capability.DISCRIMINATE}
    assert np.allclose(made.discriminate(np.full((3, 4, 4), 0.5, np.float32)), 0.5)


def test_a_class_is_asked_for_where_there_are_classes(repo: Path) -> None:
    made = own(pickled(repo, c_dim=3), repo)
    assert made.spec.conditions == ("class",)
    assert made.capabilities() == {Capability.SAMPLE}
    difference = made.sample(2, seed=2, condition={"class": "2"}) - made.sample(2, seed=2, condition={"class": "0"})
    assert np.allclose(difference, 2)
    for wrong in ({}, {"class": "3"}, {"class": "-1"}):
        with pytest.raises(UsageError, match=r"^condition class must be 0 to 2, got"):
            made.sample(1, seed=0, condition=wrong)


def test_pickles_that_are_none(repo: Path) -> None:
    file = pickled(repo, critic=False)
    with pytest.raises(UsageError, match=r"^option repo must be the checkout that FILE.pkl was made with, got No mod"):
        own(file, "")
    assert own(file, repo).capabilities() == {Capability.SAMPLE}
    file.write_bytes(pickle.dumps({"G": 1}))
    with pytest.raises(InputError, match=r"^FILE.pkl must hold G_ema, found none$"):
        own(file, repo)
    file.write_text("hello")
    with pytest.raises(InputError, match=r"^FILE.pkl must be a pickle, got something else$"):
        own(file, repo)


def test_nothing_is_loaded_without_a_word(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = pickled(repo)
    monkeypatch.setenv("LOADED", str(tmp_path / "loaded"))
    with pytest.raises(UsageError, match=r"^stylegan: needs your word that the pickle network.pkl may run"):
        registry.generator(f"stylegan:{file}?repo={repo}")
    assert not (tmp_path / "loaded").exists()
    with pytest.raises(InputError, match=r"^stylegan: option repo: must name an existing folder, found none there$"):
        registry.generator(f"stylegan:{file}?repo={repo}/none", trust_code=True)


@pytest.mark.slow
def test_it_runs_in_a_process_of_its_own(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = pickled(repo)
    monkeypatch.setenv("LOADED", str(tmp_path / "loaded"))
    made = registry.generator(f"stylegan:{file}?repo={repo}", trust_code=True)
    assert "nv_networks" not in sys.modules
    assert (tmp_path / "loaded").exists()
    images = made.sample(9, seed=2)
    # Half of all normal numbers leave [-1, 1] on either side; they are cut off, as that code cuts them.
    assert np.allclose(images[:, :, 0], np.clip((item_normals(9, 4, 2) + 1) / 2, 0, 1), atol=1e-6)
    assert isinstance(made, Discriminates)
    assert np.allclose(made.discriminate(np.full((3, 4, 4), 0.75, np.float32)), 0.5)

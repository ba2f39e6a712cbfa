"""TorchScript files as generators."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adapters.torchscript_file import opened
from synthaudit.generators.protocol import Capability
from synthaudit.generators.seeding import item_normals

SIDE, WIDTH = 4, 3


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scripted network: one linear layer and a tanh; images (n, 3, 4, 4) in [-1, 1], red and nothing else."""
    import torch
    from torch import nn

    class Red(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(WIDTH, SIDE * SIDE)

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            red = torch.tanh(self.layer(z)).reshape(-1, 1, 4, 4)
            return torch.cat([red, -torch.ones_like(red), -torch.ones_like(red)], dim=1)

    file = tmp_path_factory.mktemp("scripted") / "red.pt"
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        jit: Any = torch.jit  # untyped
        jit.save(jit.script(Red()), str(file))
    return file


def expected(file: Path, n: int, seed: int) -> np.ndarray:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jit: Any = torch.jit
        weight, bias = (x.detach().numpy() for x in jit.load(str(file)).parameters())
    return np.asarray(np.tanh(item_normals(n, WIDTH, seed) @ weight.T + bias).reshape(-1, SIDE, SIDE))


def own(file: Path, z: int = WIDTH, device: str = "cpu") -> Any:
    return opened({"file": str(file), "z": z, "device": device})


def test_an_image_depends_on_its_own_numbers(file: Path) -> None:
    made = own(file)
    images = made.sample(11, seed=4)
    assert images.shape == (11, SIDE, SIDE, 3)
    assert np.allclose(images[..., 0], expected(file, 11, 4), atol=1e-6)
    assert np.array_equal(made.sample(3, seed=4), images[:3])
    assert made.sample(0, seed=4).shape == (0, SIDE, SIDE, 3)
    assert made.spec.shape == (SIDE, SIDE)


def test_files_that_are_no_such_network(file: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(InputError, match=r"^FILE must be written by torch.jit.save, got something else$"):
        own(tmp_path / "text.pt")
    with pytest.raises(InputError, match=r"^the network must take \(n, 5\) numbers, as z says, got .*shapes cannot be"):
        own(file, z=5)
    with pytest.raises(UsageError, match=r"^device must be cpu or one of \d+ CUDA devices, got 'tpu'$"):
        own(file, device="tpu")


def test_what_the_uri_must_say(file: Path) -> None:
    with pytest.raises(UsageError, match=r"^option z of torchscript: must be a positive whole number, got nothing$"):
        registry.generator(f"torchscript:{file}", trust_code=True)
    with pytest.raises(UsageError, match=r"^torchscript: needs your word that the program in red.pt may run"):
        registry.generator(f"torchscript:{file}?z={WIDTH}")
    with pytest.raises(InputError, match=r"^torchscript: must name an existing file, found none there$"):
        registry.generator(f"torchscript:{file}.none?z={WIDTH}", trust_code=True)


@pytest.mark.slow
def test_it_runs_in_a_process_of_its_own(file: Path) -> None:
    made = registry.generator(f"torchscript:{file}?z={WIDTH}&range=-1,1", trust_code=True)
    assert made.capabilities() == {Capability.SAMPLE}
    assert len(made.spec.checkpoint_digest) == 64
    images = made.sample(9, seed=4)
    assert np.allclose(images, 0.299 * (expected(file, 9, 4) + 1) / 2, atol=1e-5)
    assert np.array_equal(made.sample(2, seed=4), images[:2])
    unstated = registry.generator(f"torchscript:{file}?z={WIDTH}", trust_code=True)
    with pytest.raises(InputError, match=r"samples must lie in \[0, 1\], got -1 to .*; state their range by range="):
        unstated.sample(1, seed=0)

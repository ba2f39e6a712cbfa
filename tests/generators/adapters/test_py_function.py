"""Python functions as generators, each in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.errors import InputError, NotEnoughData, UsageError
from synthaudit.generators.adapters.py_function import opened
from synthaudit.generators.adapters.remote import Remote, chunk_seed
from synthaudit.generators.protocol import Capability, Denoises, Encodes, Scores

MODULE = """
import os, sys
import numpy as np
from synthaudit.errors import NotEnoughData
from synthaudit.generators.protocol import Capability, GeneratorSpec, capabilities_of

print("loading")  # must not be taken for an answer

def draw(n, seed):
    print("drawing")
    return np.random.default_rng(seed).random((n, 4, 6))

def wide(n, seed):
    return 255 * draw(n, seed)

def fails(n, seed):
    if n > 1:
        raise RuntimeError("no memory")
    return draw(n, seed)

def odd(a, b, c):
    return None

def flat(n, seed):
    return np.zeros((n, 4))

def nothing():
    return 3

number = 3

class Full:
    spec = GeneratorSpec("full", (4, 6), (-1.0, 1.0), conditions=("sex",), checkpoint_digest="ab" * 32)
    def capabilities(self): return capabilities_of(self)
    def sample(self, n, seed, condition=None):
        if condition:
            raise NotEnoughData("too few of these")
        return np.stack([np.random.default_rng([seed, i]).uniform(-1, 1, (4, 6)) for i in range(n)])
    def score(self, x, seed, levels): return np.repeat(x.mean(axis=(1, 2))[:, None], levels, axis=1)
    def encode(self, x): return x.reshape(len(x), -1)
    def decode(self, z): return z.reshape(-1, 4, 6)
    def denoise(self, z, sigma): return z / (1 + sigma**2)
    def discriminate(self, x): return x[:, 0, 0]
    def reconstruct(self, x, strength, seed): return x * (1 - strength)
    def translate(self, x, seed): return -x

def full():
    return Full()

def on(device):
    made = Full()
    made.spec = GeneratorSpec(device, (4, 6), checkpoint_digest="cd" * 32 if device == "cuda:7" else "")
    return made
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_elsewhere.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def made_by(function: str, options: str = "", device: str = "cpu") -> Remote:
    made = registry.generator(f"py:made_elsewhere:{function}{options}", device=device, trust_code=True)
    assert isinstance(made, Remote)
    return made


def test_a_function_is_asked_for_chunks() -> None:
    made = made_by("draw", "?chunk=3")
    assert made.spec.shape == (4, 6)
    assert made.capabilities() == {Capability.SAMPLE}
    images = made.sample(7, seed=2)
    expected = [np.random.default_rng(chunk_seed(2, i)).random((3, 4, 6)) for i in range(3)]
    assert np.array_equal(images, np.concatenate(expected)[:7].astype(np.float32))
    assert np.array_equal(made.sample(2, seed=2), images[:2])
    assert not np.array_equal(made.sample(2, seed=3), images[:2])
    made.close()


def test_a_function_with_another_range_that_prints(capfd: pytest.CaptureFixture[str]) -> None:
    made = made_by("wide", "?range=0,255&chunk=3")
    assert 0.9 < made.sample(3, seed=2).max() <= 1
    made.close()
    # What it prints is for people, and is not taken for an answer.
    assert capfd.readouterr().err.splitlines()[:2] == ["py: loading", "py: drawing"]


def test_a_generator_that_is_returned_keeps_all_that_it_can_do() -> None:
    made = made_by("full")
    assert made.capabilities() == set(Capability) - {Capability.FIT, Capability.DIFFERENTIATE}
    assert made.spec.conditions == ("sex",)
    assert made.spec.checkpoint_digest == "ab" * 32
    images = made.sample(5, seed=1)
    own = np.stack([np.random.default_rng([1, i]).uniform(-1, 1, (4, 6)) for i in range(5)])
    assert np.allclose(images, (own + 1) / 2, atol=1e-6)
    assert np.array_equal(made.sample(2, seed=1), images[:2])
    with pytest.raises(NotEnoughData, match="too few of these"):
        made.sample(1, seed=1, condition={"sex": "F"})
    assert isinstance(made, Scores)
    assert np.allclose(made.score(images, 0, 3), own.mean(axis=(1, 2))[:, None], atol=1e-6)
    assert isinstance(made, Encodes)
    assert np.allclose(made.encode(images), own.reshape(5, -1), atol=1e-6)
    assert np.allclose(made.decode(made.encode(images)), images, atol=1e-6)
    assert isinstance(made, Denoises)
    assert np.allclose(made.denoise(np.ones((2, 24), np.float32), 1.0), 0.5)
    others: dict[str, np.ndarray] = {
        "discriminate": getattr(made, "discriminate")(images),  # noqa: B009 (no door that a type checker sees)
        "reconstruct": getattr(made, "reconstruct")(images, 1.0, 0),  # noqa: B009
        "translate": getattr(made, "translate")(images, 0),  # noqa: B009
    }
    assert np.allclose(others["discriminate"], own[:, 0, 0], atol=1e-6)
    assert np.allclose(others["reconstruct"], 0.5)
    assert np.allclose(others["translate"], 1 - images, atol=1e-6)
    made.close()


def test_a_function_that_fails_says_why() -> None:
    made = made_by("fails")
    with pytest.raises(InputError, match=r"^py: RuntimeError: no memory$"):
        made.sample(1, seed=0)
    made.close()


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        ("odd", r"FUNCTION must take \(n, seed\), nothing, or device, got \(a, b, c\)"),
        ("number", "FUNCTION must be a function, got int"),
        ("nothing", "FUNCTION must return a Generator, got int"),
        ("flat", r"FUNCTION\(1, 0\) must return shape \(1, h, w\) or \(1, h, w, 3\), got \(1, 4\)"),
        ("gone", "MODULE:FUNCTION must be there to import, got AttributeError"),
    ],
)
def test_functions_that_are_no_generator(function: str, complaint: str) -> None:
    with pytest.raises((UsageError, InputError), match=complaint):
        opened({"place": f"made_elsewhere:{function}", "device": "cpu"})


def test_the_device_is_handed_on() -> None:
    assert opened({"place": "made_elsewhere:on", "device": "cuda:7"}).spec.name == "cuda:7"


def test_a_function_that_is_not_there_ends_the_process() -> None:
    with pytest.raises(UsageError, match=r"^py: MODULE:FUNCTION must be there to import, got ModuleNotFoundError"):
        registry.generator("py:there_is_no_such_module:f", trust_code=True)
    with pytest.raises(UsageError, match=r"^py: must be given as py:MODULE:FUNCTION, got 'module'$"):
        registry.generator("py:module", trust_code=True)


def test_no_module_is_imported_without_a_word() -> None:
    with pytest.raises(UsageError, match=r"^py: needs your word that the module may run"):
        registry.generator("py:made_elsewhere:draw")

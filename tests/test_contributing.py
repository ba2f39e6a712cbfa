"""The examples in CONTRIBUTING.md are what they claim to be, and run in an audit."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from synthaudit import EmbeddingCache, PixelEncoder, Probe, Report, Role, audit
from synthaudit.phantoms.chest import ChestPopulation

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """Class name -> class, of every Python example."""
    found: dict[str, Any] = {}
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)):
        module = ModuleType(f"example_{number}")
        exec(compile(code, f"CONTRIBUTING.md, example {number}", "exec", dont_inherit=True), module.__dict__)
        found |= {
            name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
        }
    return found


def test_they_keep_the_protocols(made: dict[str, Any]) -> None:
    assert isinstance(made["Repeats"](), Probe)
    assert isinstance(made["Thumbnail"].from_spec("", device="cpu", offline=True), PixelEncoder)
    assert isinstance(made["Measures"](), Report)


def test_they_run_in_an_audit(made: dict[str, Any], tmp_path: Path) -> None:
    population = ChestPopulation(seed=4, size=32)
    synthetic = population.cohort(Role.SYNTHETIC, range(90, 96), visits=1)
    result = audit(
        train=population.cohort(Role.TRAIN, range(12)),
        holdout=population.cohort(Role.HOLDOUT, range(50, 62)),
        synthetic=synthetic.subset([0, 1, 2, 3, 3]),
        encoders=[made["Thumbnail"]()],
        probes=[made["Repeats"]()],
        cache=EmbeddingCache(tmp_path),
        workers=1,
    )
    finding = result.finding("repeats")
    assert finding is not None
    assert finding.not_run is None
    assert finding.measures[0].value == pytest.approx(0.2)
    table = made["Measures"]().render(result).decode().splitlines()
    assert table == ["probe,measure,value,low,high", "repeats,repeated,0.2,0.2,0.2"]


def test_the_encoder_gives_rows_of_unit_length_for_flat_images_too(made: dict[str, Any]) -> None:
    images = np.stack([np.zeros((32, 32)), np.ones((32, 32)), np.random.default_rng(0).random((32, 32))])
    rows = made["Thumbnail"]().encode(images.astype(np.float32))
    assert rows.shape == (3, made["Thumbnail"].dim)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1)

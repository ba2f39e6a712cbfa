"""`synthaudit generate`, from simulated patients to sampled images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from synthaudit.cli.generate import generate
from synthaudit.generators.latent_diffusion import LatentDiffusion
from synthaudit.readers.raster import RasterSource


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(generate, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_from_patients_to_samples(tmp_path: Path) -> None:
    data, checkpoint, out = tmp_path / "data", tmp_path / "checkpoint", tmp_path / "made"
    _run("phantoms", "--patients", 6, "--visits", 2, "--size", 32, "--seed", 3, "--out", data, "--quiet")
    options = ("--metadata", data / "metadata.csv", "--steps", 2, "--quiet")
    said = _run("fit", "latent-diffusion", "--train", data / "images", "--out", checkpoint, *options)
    assert "12 images of 6 patients, 2 steps" in said
    _run("sample", checkpoint, "--n", 3, "--out", out, "--seed", 4, "--quiet")
    files = sorted(out.iterdir())
    made = LatentDiffusion.load(checkpoint).sample(3, 4)
    np.testing.assert_allclose(np.stack([RasterSource(file).read() for file in files]), made, atol=0.5 / 255 + 1e-6)


def test_an_unknown_generator_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(generate, ["fit", "wizard", "--train", str(tmp_path), "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "latent-diffusion" in result.output


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, synthaudit.cli.generate; print([m for m in ('torch', 'numpy', 'cv2') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"

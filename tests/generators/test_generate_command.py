"""`synthaudit generate`, from simulated patients to sampled and translated images."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from synthaudit.cli.generate import generate
from synthaudit.cli.generate_samples import BLOCK
from synthaudit.cli.main import run
from synthaudit.cohort import Cohort, Role
from synthaudit.generators.made import images_cohort
from synthaudit.generators.ppca import Ppca, PpcaRecipe
from synthaudit.generators.protocol import Budget
from synthaudit.generators.translation import Translation, TranslationRecipe
from synthaudit.generators.vae import Vae
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.folder import write_folder
from synthaudit.progress import Progress
from synthaudit.readers.raster import RasterSource

T = TypeVar("T")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    population = ChestPopulation(seed=3, size=16)
    write_folder(population.cohort(Role.TRAIN, range(6), 2), folder / "images", folder / "metadata.csv")
    return folder


@pytest.fixture(scope="module")
def checkpoint(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ppca")
    _run("fit", "ppca", "--train", data / "images", "--set", "size=16", "--set", "components=4", "--out", folder)
    return folder


def _result(*arguments: object) -> Result:
    return CliRunner().invoke(generate, [str(argument) for argument in arguments], catch_exceptions=False)


def _run(*arguments: object) -> str:
    result = _result(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def _said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What the program says when it refuses."""
    assert run(["generate", *(str(argument) for argument in arguments)]) == 2
    return capsys.readouterr().err


def _pixels(folder: Path) -> NDArray[np.float32]:
    return np.stack([RasterSource(file).read() for file in sorted(folder.glob("*.png"))])


def _break(monkeypatch: pytest.MonkeyPatch, stage: str, after: int) -> None:
    """Interrupt a stage after so many items."""
    track = Progress.track

    def broken(self: Progress, items: Iterable[T], name: str, total: int) -> Iterator[T]:
        for count, item in enumerate(track(self, items, name, total)):
            if name == stage and count == after:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr(Progress, "track", broken)


def test_from_patients_to_samples(tmp_path: Path) -> None:
    data, checkpoint, out = tmp_path / "data", tmp_path / "checkpoint", tmp_path / "made"
    _run("phantoms", "--patients", 6, "--visits", 2, "--size", 16, "--seed", 3, "--out", data, "--quiet")
    options = ("--metadata", data / "metadata.csv", "--steps", 2, "--quiet", "--set", "size=16", "--set", "width=8")
    said = _run("fit", "vae", "--train", data / "images", "--out", checkpoint, *options)
    assert "12 images of 6 patients, 2 steps" in said
    _run("sample", checkpoint, "--n", 3, "--out", out, "--seed", 4, "--quiet")
    made = Vae.load(checkpoint)
    assert (made.recipe.size, made.recipe.width) == (16, 8)
    np.testing.assert_allclose(_pixels(out), made.sample(3, 4), atol=0.5 / 255 + 1e-6)


def test_an_interrupted_fit_says_how_to_go_on(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = [word for one in ("size=16", "width=8", "checkpoint_every=2") for word in ("--set", one)]
    command = ("fit", "vae", "--train", data / "images", "--out", tmp_path, "--steps", 4, *settings)
    with monkeypatch.context() as broken:
        _break(broken, "fitting", 3)
        result = _result(*command)
    assert result.exit_code == 130
    assert "interrupted after 2 of 4 steps that are kept; run the same command to go on" in result.output
    assert "4 steps" in _run(*command)


def test_samples_go_on_where_they_stopped(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("sample", checkpoint, "--out", tmp_path / "made", "--seed", 4)
    with monkeypatch.context() as broken:
        _break(broken, "making", 3)
        result = _result(*command, "--n", 5)
    assert result.exit_code == 130
    assert "what was made is kept, run the same command to go on" in result.output
    assert len(list((tmp_path / "made").glob("*.png"))) == 3
    assert "2 images written, 3 were there" in _run(*command, "--n", 5)
    more = BLOCK + 3
    assert f"{more - 5} images written, 5 were there" in _run(*command, "--n", more)
    # Image i is the same however it came about, and the second block is not the first again.
    _run("sample", checkpoint, "--out", tmp_path / "whole", "--seed", 4, "--n", more)
    np.testing.assert_array_equal(_pixels(tmp_path / "made"), _pixels(tmp_path / "whole"))
    assert len(np.unique(_pixels(tmp_path / "made").reshape(more, -1), axis=0)) == more
    assert not [file.name for file in (tmp_path / "made").iterdir() if "partial" in file.name]


def test_another_job_does_not_add_to_a_folder(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run("sample", checkpoint, "--out", tmp_path / "made", "--n", 1)
    said = _said(capsys, "sample", checkpoint, "--out", tmp_path / "made", "--n", 2, "--seed", 1)
    assert "the output folder holds images made otherwise" in said
    assert "the output folder holds other files" in _said(capsys, "sample", checkpoint, "--out", tmp_path, "--n", 1)


def test_conditions_and_settings_are_checked(
    data: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ("fit", "ppca", "--train", data / "images", "--out", tmp_path / "none", "--set")
    assert "did you mean components" in _said(capsys, *fit, "component=4")
    assert "size must be a whole number, got 'big'" in _said(capsys, *fit, "size=big")
    assert "a setting must be given as name=value, got 'size'" in _said(capsys, *fit, "size")
    assert "size must be at least 8, got 2" in _said(capsys, *fit, "size=2")
    assert "a setting must be given once, got size twice" in _said(capsys, *fit, "size=16", "--set", "size=32")
    assert not (tmp_path / "none").exists()
    sample = ("sample", checkpoint, "--n", 1, "--out", tmp_path / "made")
    assert "knows no condition" in _said(capsys, *sample, "--condition", "sex=F")
    assert "must be given as NAME=VALUE" in _said(capsys, *sample, "--condition", "sex")
    unable = _said(capsys, "translate", checkpoint, "--in", data / "images", "--out", tmp_path / "made")
    assert "generator ppca must be able to translate, found that it can encode, fit, sample, score" in unable


def _pairs(images: NDArray[np.float32]) -> Cohort:
    """Every image and its negative: two contrasts of one patient."""
    n = len(images)
    both = images_cohort(Role.TRAIN, np.concatenate([images, 1 - images]))
    patients = tuple(f"p{row % n}" for row in range(2 * n))
    return replace(both, patients=patients, attributes={"contrast": ("t1",) * n + ("t2",) * n})


def test_translations_are_numbered_row_for_row(data: Path, tmp_path: Path) -> None:
    x = _pixels(data / "images")
    recipe = TranslationRecipe(size=16, width=4, levels=1)
    fitted = Translation(recipe).fit(_pairs(x), Budget(steps=2), 0, folder=tmp_path / "checkpoint")
    inputs, out = tmp_path / "inputs", tmp_path / "made"
    inputs.mkdir()
    files = sorted((data / "images").glob("*.png"))
    for place, file in enumerate(files):
        (inputs / f"patient-{place:02d}.png").write_bytes(file.read_bytes())
    said = _run("translate", tmp_path / "checkpoint", "--in", inputs, "--out", out)
    assert f"{len(files)} images written" in said
    assert sorted(file.name for file in out.glob("*.png")) == [f"{row:06d}.png" for row in range(len(files))]
    np.testing.assert_allclose(_pixels(out), fitted.translate(x, 0), atol=0.5 / 255 + 1e-6)
    with (out / "restricted" / "inputs.csv").open(encoding="utf-8") as handle:
        assert list(csv.reader(handle))[1] == ["000000.png", "patient-00.png"]
    assert not [file for file in out.rglob("*.png") if "patient" in file.name]
    (inputs / "patient-99.png").write_bytes(b"broken")
    assert run(["generate", "translate", str(tmp_path / "checkpoint"), "--in", str(inputs), "--out", str(out)]) == 2


def test_the_list_says_what_each_can_do_and_what_leaks() -> None:
    rows = {row["name"]: row for row in json.loads(_run("list", "--json"))}
    assert rows["ppca"]["can"] == ["encode", "fit", "sample", "score"]
    assert rows["ppca"]["settings"]["size"] == {"default": "64", "type": "whole number"}
    assert rows["folder"]["can"] == []
    said = _run("list", "--settings")
    assert "Leaks: The checkpoint, by its likelihood" in said
    assert "components = 96  (whole number)" in said


def test_a_uri_is_sampled_as_well(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    _run("sample", f"ppca:{checkpoint}", "--n", 2, "--out", tmp_path / "named")
    fitted = Ppca(PpcaRecipe(components=4, size=16))
    assert fitted.recipe == Ppca.load(checkpoint).recipe
    _run("sample", f"folder:{data / 'images'}", "--n", 3, "--out", tmp_path / "folder")
    assert len(_pixels(tmp_path / "folder")) == 3


def test_an_unknown_generator_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(generate, ["fit", "latent-difusion", "--train", str(tmp_path), "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "did you mean latent-diffusion" in " ".join(result.output.split())


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, synthaudit.cli.generate; print([m for m in ('torch', 'numpy', 'cv2') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"

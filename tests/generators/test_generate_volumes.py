"""`synthaudit generate` from NIfTI volumes to NIfTI volumes, blank slices included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthaudit.cli.generate import generate
from synthaudit.cli.numbered_images import write_images
from synthaudit.errors import UsageError
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.phantoms.nifti_file import nifti_bytes, volume_bytes
from synthaudit.progress import Progress
from synthaudit.readers.nifti import slices_in

RNG = np.random.default_rng(0)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(generate, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_made_volume_is_read_as_it_was_made(tmp_path: Path) -> None:
    volume = RNG.random((5, 12, 9), dtype=np.float32)
    volume[0, 0, 0], volume[0, 0, 1] = 0, 1
    (tmp_path / "a.nii.gz").write_bytes(volume_bytes(volume))
    assert volume_bytes(volume) == volume_bytes(volume)
    low, high = np.percentile(volume, (0.5, 99.5))
    found = slices_in(tmp_path / "a.nii.gz")
    assert [one.position for one in found] == [0.0, 1.0, 2.0, 3.0, 4.0]
    for one, plane in zip(found, volume, strict=True):
        np.testing.assert_allclose(one.source.read(), np.clip((plane - low) / (high - low), 0, 1), atol=1e-4)


@pytest.mark.slow
def test_volumes_are_fitted_whole_and_written_as_nifti(tmp_path: Path) -> None:
    population = BrainPopulation(seed=1, size=16, slices=8)
    (tmp_path / "in").mkdir()
    for patient in range(4):
        sources = population.sources([patient], contrasts=("t1",), volumes=True)
        (tmp_path / "in" / f"{patient}.nii.gz").write_bytes(nifti_bytes(sources))
    settings = [f"--set={text}" for text in ("slices=8", "size=16", "components=2", "width=16", "depth=1")]
    fitted = tmp_path / "fitted"
    run("fit", "volume-latent-diffusion", "--train", tmp_path / "in", "--out", fitted, "--steps", 3, *settings)
    said = run("sample", fitted, "--n", 2, "--seed", 1, "--out", tmp_path / "made")
    assert said.strip().endswith("2 volumes written")
    files = sorted(path.name for path in (tmp_path / "made").glob("*.nii.gz"))
    assert files == ["000000.nii.gz", "000001.nii.gz"]
    found = slices_in(tmp_path / "made" / files[0])
    assert len(found) == 8
    assert found[3].source.read().shape == (16, 16)
    again = run("sample", fitted, "--n", 3, "--seed", 1, "--out", tmp_path / "made")
    assert again.strip().endswith("1 volumes written, 2 were there")


def test_blank_slices_are_left_out_by_an_audit_and_kept_by_a_fit(tmp_path: Path) -> None:
    from synthaudit.cohort import Role
    from synthaudit.intake import read_cohort

    volume = RNG.random((5, 12, 12), dtype=np.float32)
    volume[[0, 4]] = 0
    (tmp_path / "a.nii.gz").write_bytes(volume_bytes(volume))
    assert len(read_cohort(tmp_path, Role.TRAIN, workers=1)[0]) == 3
    whole, issues = read_cohort(tmp_path, Role.TRAIN, workers=1, whole_volumes=True)
    assert whole.positions == (0.0, 1.0, 2.0, 3.0, 4.0)
    assert [issue.reason for issue in issues if issue.excluded] == []


def test_what_is_neither_image_nor_volume_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"images must be \(n, h, w\), or volumes \(n, slices, h, w\)"):
        write_images(
            tmp_path, 1, 1, lambda _first, n: np.zeros((n, 2, 3, 4, 5), np.float32), (0, 1), Progress(), axes=4
        )

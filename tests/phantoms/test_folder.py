"""A cohort written to a folder is the same cohort when it is read back."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthaudit.cohort import Role
from synthaudit.errors import OutputError, UsageError
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.folder import COLUMNS, write_folder
from synthaudit.readers.raster import RasterSource
from synthaudit.readers.scan import pixel_digest

POPULATION = ChestPopulation(seed=5, size=32)


@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_come_back_exactly(tmp_path: Path, bits: int) -> None:
    cohort = POPULATION.cohort(Role.TRAIN, range(3), visits=2)
    files = write_folder(cohort, tmp_path / "images", None, bits)
    with Image.open(files[0]) as image:
        assert image.mode == {8: "L", 16: "I;16"}[bits]
    assert tuple(pixel_digest(RasterSource(file).read()) for file in files) == cohort.pixel_digests


def test_one_table_serves_two_roles(tmp_path: Path) -> None:
    table = tmp_path / "tables" / "metadata.csv"
    train = POPULATION.cohort(Role.TRAIN, range(2))
    write_folder(train, tmp_path / "train", table)
    write_folder(POPULATION.cohort(Role.HOLDOUT, range(2, 5)), tmp_path / "holdout", table)
    with table.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert tuple(rows[0]) == COLUMNS
    assert [row["role"] for row in rows] == ["train"] * 2 + ["holdout"] * 3
    assert [row["ethnicity"] for row in rows[:2]] == list(train.attributes["group"])
    assert all((table.parent / row["file"]).is_file() for row in rows)
    assert not any(str(tmp_path) in row["file"] for row in rows)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    cohort = POPULATION.cohort(Role.TRAIN, range(1))
    write_folder(cohort, tmp_path, None)
    with pytest.raises(OutputError, match="an image of that name exists already"):
        write_folder(cohort, tmp_path, None)
    table = tmp_path / "other.csv"
    table.write_text("file,patient_id\n")
    with pytest.raises(OutputError, match="the table exists already and has other columns"):
        write_folder(cohort, tmp_path / "elsewhere", table)
    with pytest.raises(UsageError, match="bits must be 8 or 16, got 12"):
        write_folder(cohort, tmp_path / "third", None, 12)


def test_values_are_rounded_not_cut(tmp_path: Path) -> None:
    from synthaudit.phantoms.folder import write_png

    write_png(np.full((8, 8), 0.999, dtype=np.float32), tmp_path / "a.png")
    assert RasterSource(tmp_path / "a.png").read().max() == 1

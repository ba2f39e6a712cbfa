"""One cohort alone is read as an audit reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.errors import InputError
from synthaudit.generators.made import images_cohort
from synthaudit.intake import load, read_cohort
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.folder import write_folder


def test_as_an_audit_reads_it(tmp_path: Path) -> None:
    population, table = ChestPopulation(seed=1, size=16), tmp_path / "metadata.csv"
    for role, patients in ((Role.TRAIN, range(3)), (Role.HOLDOUT, range(3, 5))):
        write_folder(population.cohort(role, patients, visits=2), tmp_path / "images" / role, table)
    (tmp_path / "images" / "broken.png").write_bytes(b"no image")
    cohort, issues = read_cohort(tmp_path / "images", Role.TRAIN, metadata=table)
    made = images_cohort(Role.SYNTHETIC, np.zeros((1, 16, 16), dtype=np.float32))
    audited = load(train=tmp_path / "images", synthetic=made, metadata=table)
    # The table's `role` takes the holdout out of the folder.
    assert (len(cohort), cohort.n_patients) == (6, 3)
    assert cohort.digest == audited.train.digest
    assert (cohort.names, cohort.patients, dict(cohort.attributes)) == (
        audited.train.names,
        audited.train.patients,
        dict(audited.train.attributes),
    )
    assert [(issue.role, issue.reason, issue.count) for issue in issues if issue.excluded] == [
        ("train", "wrong-content", 1)
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holdout needs at least one image that can be read, found no file at all"):
        read_cohort(tmp_path / "empty", Role.HOLDOUT)

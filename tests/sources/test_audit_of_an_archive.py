"""An audit of archives ends as that of the folders they were made from: same verdict, same numbers, same people."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from synthaudit import audit
from synthaudit.audit_record import Audit
from synthaudit.cohort import Role
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.folder import write_folder
from synthaudit.policy import Policy, Rule, Verdict
from tests.sources.conftest import write_tar, write_zip

POLICY = Policy(
    "copies", "for a test", (Rule("copies", "copies/direct_patients", "No one is copied", "because", at_most=0),)
)


def _exposures(made: Audit) -> list[Any]:
    found = [replace(exposure, pair=None) for finding in made.findings for exposure in finding.exposures]
    return sorted(found, key=lambda e: (e.probe, e.patient_id, e.synthetic_image))


@pytest.mark.slow
def test_the_same_verdict_numbers_and_people(tmp_path: Path) -> None:
    chest, table = ChestPopulation(seed=4, size=32), tmp_path / "metadata.csv"
    folders = {role: tmp_path / role for role in ("train", "holdout", "synthetic")}
    for role, patients in (("train", range(12)), ("holdout", range(20, 32)), ("synthetic", range(50, 56))):
        write_folder(chest.cohort(Role(role), patients), folders[role], table if role != "synthetic" else None)
    for number, file in enumerate(sorted(folders["train"].iterdir())[:3]):
        shutil.copy(file, folders["synthetic"] / f"copy-{number}.png")
    content = {role: {f.name: f.read_bytes() for f in folder.iterdir()} for role, folder in folders.items()}
    (tmp_path / "packed").mkdir()
    packed = {
        "train": write_zip(tmp_path / "packed" / "train.zip", content["train"]),
        "holdout": write_tar(tmp_path / "packed" / "holdout.tar.gz", content["holdout"], "w:gz"),
        "synthetic": write_tar(tmp_path / "packed" / "synthetic.tar", content["synthetic"]),
    }
    asked: dict[str, Any] = {
        "metadata": table, "probes": ["inputs", "copies"], "policy": POLICY, "cache": False, "workers": 2
    }  # fmt: skip
    plain, found = (audit(**{**asked, **places}) for places in (folders, packed))
    assert plain.verdict is found.verdict is Verdict.FAIL
    assert found.cohorts == plain.cohorts
    assert found.issues == plain.issues
    assert {e.patient_id for e in _exposures(plain) if e.flagged}
    assert _exposures(found) == _exposures(plain)
    numbers = [[(m.name, m.value, m.low, m.high) for f in made.findings for m in f.measures] for made in (plain, found)]
    assert numbers[0] == numbers[1]

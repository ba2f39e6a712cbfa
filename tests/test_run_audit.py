"""From folders to a verdict: what the one call promises, on folders of PNG files and a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from synthaudit import Settings, UsageError, audit, judge_again
from synthaudit.audit_record import Audit
from synthaudit.cohort import Role
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.errors import InputError, NotEnoughData, PolicyError
from synthaudit.evidence_file import to_document
from synthaudit.finding import Finding, Measure
from synthaudit.generators.controls import FreshPatients
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.folder import write_folder
from synthaudit.policy import Verdict
from synthaudit.probe import Evidence, Need, Probe

CHEST = ChestPopulation(seed=31, size=64)
QUICK = Settings(relabelings=99, bootstraps=2, planted_patients=5, planted_decoys=1, planted_per_strength=0)


@dataclass(frozen=True)
class Asks:
    """A probe that answers at once, or says why it cannot."""

    name: ClassVar[str] = "asks"
    question: ClassVar[str] = "Is there anything?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        n = len(evidence.train)
        return Finding(self.name, self.question, "Yes.", (Measure("draw", float(rng.random()), n_images=n),))


@dataclass(frozen=True)
class TooFew(Asks):
    """A probe that has not enough."""

    name: ClassVar[str] = "too-few"

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        raise NotEnoughData("this needs 7 patients, got 3")


@dataclass(frozen=True)
class NeedsAGenerator(Asks):
    """A probe that needs what nobody gives."""

    name: ClassVar[str] = "white-box"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GENERATOR, Need.HOLDOUT})


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders train, holdout and synthetic, and patients.csv; made-000001.png is a copy of a training image."""
    place = tmp_path_factory.mktemp("hospital")
    table = place / "patients.csv"
    train = CHEST.cohort(Role.TRAIN, range(13), visits=lambda number: 1 + number % 2)
    write_folder(train, place / "train", table)
    write_folder(CHEST.cohort(Role.HOLDOUT, range(100, 112)), place / "holdout", table)
    made = CHEST.cohort(Role.SYNTHETIC, [500, 3, 501, 502])
    write_folder(replace(made, names=tuple(f"made-{i}.png" for i in range(4))), place / "synthetic", None)
    return place


def quick(hospital: Path, *probes: Probe | str, seed: int = 0, with_holdout: bool = True, **more: object) -> Audit:
    return audit(
        train=hospital / "train",
        synthetic=hospital / "synthetic",
        holdout=hospital / "holdout" if with_holdout else None,
        metadata=hospital / "patients.csv",
        probes=probes or [Asks()],
        settings=QUICK,
        workers=1,
        seed=seed,
        cache=False,
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def found(hospital: Path) -> Audit:
    return quick(hospital, "copies")


def test_a_copy_in_a_folder_is_found(found: Audit) -> None:
    copies = found.finding("copies")
    assert copies is not None
    direct = [one for one in copies.exposures if one.flagged]
    assert [(one.patient_id, one.synthetic_image) for one in direct] == [("CHX-000003", "made-1.png")]
    assert found.cohorts["train"].patients == 13
    assert found.cohorts["train"].images == 19
    assert found.cohorts["holdout"].images_without_patient == 0


def test_the_names_of_the_files_do_not_matter(hospital: Path, tmp_path: Path, found: Audit) -> None:
    """Renamed files are read in another order, and nothing that may be published changes."""
    for role in ("train", "holdout", "synthetic"):
        (tmp_path / role).mkdir()
        for file in (hospital / role).iterdir():
            (tmp_path / role / f"{hash_of(file.name)}-{file.name}").write_bytes(file.read_bytes())
    rows = (hospital / "patients.csv").read_text().splitlines()
    renamed = [rows[0]]
    for row in rows[1:]:
        path, rest = row.split(",", 1)
        folder, name = path.split("/")
        renamed.append(f"{folder}/{hash_of(name)}-{name},{rest}")
    (tmp_path / "patients.csv").write_text("\n".join(renamed) + "\n")
    again = quick(tmp_path, "copies")
    for part in ("verdict", "rules", "findings", "cohorts", "issues"):
        assert to_document(again)[part] == to_document(found)[part], part


def hash_of(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()[:6]


def test_a_verdict_is_never_passed_on_probes_that_did_not_run(found: Audit, hospital: Path) -> None:
    assert found.verdict is not Verdict.PASS
    lone = quick(hospital)
    assert lone.verdict is Verdict.INCONCLUSIVE
    assert all(rule.verdict is Verdict.INCONCLUSIVE for rule in lone.rules)
    assert "was not part of this audit" in lone.reason


def test_the_seed_decides_and_nothing_else(hospital: Path) -> None:
    def draw(seed: int, *probes: Probe) -> float | None:
        finding = quick(hospital, *probes, seed=seed).finding("asks")
        assert finding is not None
        return finding.measures[0].value

    assert draw(0) == draw(0) != draw(1)
    assert draw(0) == draw(0, TooFew(), Asks()), "a probe's random numbers do not depend on which others run"


def test_what_a_probe_lacks_is_said(hospital: Path) -> None:
    audited = quick(hospital, TooFew(), NeedsAGenerator(), with_holdout=False)
    few, white_box = audited.findings
    assert few.not_run == "this needs 7 patients, got 3"
    assert white_box.not_run is not None
    assert white_box.not_run.startswith("it needs a holdout: real images of other patients")
    assert "and the generator itself" in white_box.not_run
    assert few.measures == white_box.measures == ()


def test_a_generator_opens_the_questions_on_it(hospital: Path) -> None:
    generator = FreshPatients(CHEST, first=900)
    audited = quick(hospital, NeedsAGenerator(), generator=generator)
    (white_box,) = audited.findings
    assert (white_box.not_run, white_box.answer) == (None, "Yes.")
    named = {"name": "fresh-patients", "checkpoint_digest": "", "shape": (64, 64)}
    assert audited.provenance.settings["generator"] == named
    assert "generator" not in quick(hospital).provenance.settings
    assert to_document(audited)["provenance"]["settings"]["generator"]["shape"] == [64, 64]


def test_another_policy_judges_the_same_findings(found: Audit) -> None:
    again = judge_again(found, "open-release")
    assert again.findings is found.findings
    assert (found.policy, again.policy) == ("controlled-release", "open-release")
    assert len(again.rules) > len(found.rules)
    same = judge_again(again, found.policy)
    assert (same.verdict, same.reason, same.actions, same.rules) == (
        found.verdict,
        found.reason,
        found.actions,
        found.rules,
    )


def test_provenance_holds_every_setting_and_no_path(found: Audit, hospital: Path) -> None:
    settings = found.provenance.settings
    assert {"false_discovery_rate", "relabelings", "canvas_px", "split", "device"} <= set(settings)
    assert "workers" not in settings, "numbers do not depend on it"
    text = str(found.provenance)
    assert str(hospital) not in text
    assert "CHX-" not in text


def test_wrong_use_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    with pytest.raises(UsageError, match=r"^encoders must name at least one, got none; leave it out to use the desc"):
        audit(train=nowhere, synthetic=nowhere, encoders=())
    with pytest.raises(UsageError, match=r"^encoders must differ, got descriptor, descriptor$"):
        audit(train=nowhere, synthetic=nowhere, encoders=("descriptor", Descriptor()))
    with pytest.raises(PolicyError, match=r"^policy must be one of "):
        audit(train=nowhere, synthetic=nowhere, policy="strict")
    with pytest.raises(UsageError):
        audit(train=nowhere, synthetic=nowhere, probes=["nonsense"])
    with pytest.raises(InputError):
        audit(train=nowhere, synthetic=nowhere, cache=False)


@pytest.mark.parametrize("patients", ["one patient", "few patients"])
def test_hardly_any_images_are_inconclusive_and_no_crash(patients: str) -> None:
    """One patient has no stranger, three say little: no number is made up, and no warning escapes."""
    visits = 3 if patients == "one patient" else 1
    train = CHEST.cohort(Role.TRAIN, range(1 if patients == "one patient" else 3), visits=visits)
    made = CHEST.cohort(Role.SYNTHETIC, [700, 701])
    audited = audit(train=train, synthetic=made, cache=False, workers=1, settings=QUICK)
    assert audited.verdict is Verdict.INCONCLUSIVE
    copies, planted = audited.finding("copies"), audited.finding("planted")
    assert copies is not None
    assert planted is not None
    assert planted.not_run is not None

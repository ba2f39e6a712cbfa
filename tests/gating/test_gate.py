"""The gate: what it makes of samples, where it writes, what it logs, and that it leaves no trace in the training."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import PolicyError, UsageError
from synthaudit.finding import Kind
from synthaudit.gating.gate import CheckpointGate, as_images
from synthaudit.gating.mlflow_log import log_audit, metrics
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.policy import Verdict

POPULATION = ChestPopulation(seed=2, size=32)
TRAIN = POPULATION.cohort(Role.TRAIN, range(30))
Images = NDArray[np.float32]


def gray(n: int, seed: int) -> Images:
    return np.random.default_rng(seed).uniform(0, 0.5, (n, 8, 8)).astype(np.float32)


def bright(n: int, _: int) -> torch.Tensor:
    return torch.ones(n, 1, 8, 8)


def test_it_is_due_every_so_many_epochs() -> None:
    gate = CheckpointGate(TRAIN, every=5)
    assert [epoch for epoch in range(1, 21) if gate.due(epoch)] == [5, 10, 15, 20]


def test_a_failing_checkpoint_stops_and_is_written(shown: list[Images], tmp_path: Path) -> None:
    gate = CheckpointGate(TRAIN, samples=6, out=tmp_path, mlflow=False)
    first, second = gate.check(gray, 1), gate.check(bright, 2)
    assert (first.stop, second.stop) == (False, True)
    assert (first.audit.verdict, second.audit.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert [images.shape for images in shown] == [(6, 8, 8), (6, 8, 8)]
    for checked, name in ((first, "epoch-0001"), (second, "epoch-0002")):
        assert checked.folder == tmp_path / name
        assert (tmp_path / name / "evidence.json").exists()


def test_who_wants_to_stop_at_doubts_can(shown: list[Images]) -> None:
    assert shown == []
    lenient = CheckpointGate(TRAIN, samples=2, mlflow=False, stop_on=frozenset())
    assert not lenient.check(bright, 1).stop


def test_every_epoch_has_samples_of_its_own(shown: list[Images]) -> None:
    gate = CheckpointGate(TRAIN, samples=4, mlflow=False)
    for epoch in (1, 2, 1):
        gate.check(gray, epoch)
    np.testing.assert_array_equal(shown[0], shown[2])
    assert not np.array_equal(shown[0], shown[1])


def test_training_goes_on_as_if_nobody_had_asked(shown: list[Images]) -> None:
    def careless(n: int, _: int) -> Images:
        torch.rand(7)
        random.random()
        return np.asarray(np.random.rand(n, 8, 8), dtype=np.float32)  # noqa: NPY002

    def numbers() -> tuple[float, float, float]:
        return float(torch.rand(1)), random.random(), float(np.random.rand())  # noqa: NPY002

    def seeded() -> None:
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002

    seeded()
    expected = numbers()
    seeded()
    CheckpointGate(TRAIN, samples=3, mlflow=False).check(careless, 1)
    assert numbers() == expected
    CheckpointGate(TRAIN, samples=3, mlflow=False).check(careless, 1)
    np.testing.assert_array_equal(shown[0], shown[1])


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (np.zeros((3, 8, 8, 3), np.float32), r"must give \(3, height, width\) .* got float32 \(3, 8, 8, 3\)"),
        (np.zeros((2, 8, 8), np.float32), r"got float32 \(2, 8, 8\)"),
        (np.zeros((3, 8, 8), complex), "got complex128"),
        (np.full((3, 8, 8), -1.0), r"must lie in \[0, 1\], got -1 to -1; rescale them in the sampler"),
        (np.full((3, 8, 8), np.nan), "must lie in"),
    ],
)
def test_what_a_sampler_must_give(made: Images, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        as_images(made, 3)


def test_what_cannot_work_is_said_before_the_training(tmp_path: Path) -> None:
    CheckpointGate(TRAIN, out=tmp_path).rehearse(gray)
    with pytest.raises(PolicyError):
        CheckpointGate(TRAIN, policy="no-such-policy").rehearse(gray)
    with pytest.raises(UsageError, match="gray values"):
        CheckpointGate(TRAIN).rehearse(lambda n, seed: gray(n + 1, seed))
    with pytest.raises(UsageError, match="every must be at least 1, got 0"):
        CheckpointGate(TRAIN, every=0)


@pytest.mark.filterwarnings("ignore:.*filesystem tracking backend.*:FutureWarning")
@pytest.mark.usefixtures("shown")
def test_mlflow_gets_numbers_and_reports_and_nothing_restricted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    gate = CheckpointGate(TRAIN, samples=2, out=tmp_path / "audits")
    assert not log_audit(gate.check(gray, 1).audit, 1, None)  # no run is active
    experiment = mlflow.create_experiment("e", artifact_location=(tmp_path / "artifacts").as_uri())
    with mlflow.start_run(experiment_id=experiment) as run:
        found = gate.check(bright, 3)
    kept = mlflow.get_run(run.info.run_id).data
    assert kept.metrics == metrics(found.audit)
    assert kept.metrics["synthaudit/exit_code"] == 1.0
    assert kept.tags["synthaudit.verdict"] == "FAIL"
    files = {file.name for file in (tmp_path / "artifacts").rglob("*") if file.is_file()}
    assert {"evidence.json", "report.pdf"} <= files
    assert not files & {"exposures.csv", "annex.pdf", "withheld.csv"}


@pytest.mark.slow
def test_a_real_copier_is_stopped_and_an_oracle_is_not() -> None:
    population = ChestPopulation(seed=3, size=64)
    train, holdout = population.cohort(Role.TRAIN, range(60)), population.cohort(Role.HOLDOUT, range(100, 160))
    gate = CheckpointGate(train, holdout, samples=24, probes=("inputs", "copies"))
    fresh = gate.check(lambda n, seed: np.stack([population.image(1000 + seed * n + i) for i in range(n)]), 1)
    copied = gate.check(lambda n, _: np.stack([train.sources[i].read() for i in range(n)]), 2)
    assert not fresh.stop
    assert copied.stop
    finding = copied.audit.finding("copies")
    assert finding is not None
    assert len({e.patient_id for e in finding.exposures if e.flagged and e.kind is Kind.DIRECT}) == 24

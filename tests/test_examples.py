"""Every example runs, and ends as its text says."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from synthaudit import Settings, Verdict, registry
from synthaudit.errors import UsageError
from synthaudit.generators.protocol import Scores

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_quickstart_fails_the_copier_and_not_the_oracle() -> None:
    audits = example("quickstart").main()
    assert audits["photocopier"].verdict is Verdict.FAIL
    assert audits["oracle"].verdict is not Verdict.FAIL


@pytest.mark.slow
def test_a_folder_is_audited_and_every_report_written(tmp_path: Path) -> None:
    quick = Settings(planted_patients=10, planted_decoys=4, planted_per_strength=0)
    result = example("audit_a_folder").main(tmp_path / "out", quick)
    assert result.verdict is not Verdict.FAIL
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "out" / "restricted" / "exposures.csv").exists()


@pytest.mark.slow
def test_the_checkpoint_that_memorized_stops_the_training() -> None:
    audits = example("gate_a_checkpoint").main()
    assert audits[0].verdict is not Verdict.FAIL
    assert audits[-1].verdict is Verdict.FAIL


def test_a_probe_of_ones_own_is_judged() -> None:
    assert example("write_a_probe").main().verdict is Verdict.PASS


def test_the_program_answers_what_it_says() -> None:
    own = example("exec_generator")
    command = shlex.join([sys.executable, str(EXAMPLES / "exec_generator.py")])
    made = registry.generator(f"exec:{command}", trust_code=True)
    assert isinstance(made, Scores)
    images = made.sample(5, seed=3)
    assert np.array_equal(images, own.sample(5, 3).astype(np.float32))
    assert np.array_equal(made.sample(2, seed=3), images[:2])
    assert np.allclose(made.score(images, 0, 2), own.score(images, 2))
    with pytest.raises(UsageError, match=r"images must have shape \(n, 32, 32\), got \(1, 8, 8\)"):
        made.score(np.zeros((1, 8, 8), np.float32), 0, 2)


def test_the_claim_of_a_generator_that_remembers_is_refuted(tmp_path: Path) -> None:
    judgment = example("canaries").main(tmp_path / "plan")
    assert judgment.outcome == "refuted"
    assert (tmp_path / "plan" / "result" / "canary_audit.md").exists()


def test_every_example_is_tested() -> None:
    tested = {"quickstart", "audit_a_folder", "gate_a_checkpoint", "write_a_probe", "exec_generator", "canaries"}
    assert {file.stem for file in EXAMPLES.glob("*.py")} == tested

"""Images that are listed and cannot be had give no PASS, and clear no FAIL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from synthaudit import audit, judge_again
from synthaudit.audit_record import Audit, InputIssue
from synthaudit.cohort import Role
from synthaudit.completeness_rule import completeness_rule
from synthaudit.evidence_file import dump, load
from synthaudit.finding import Finding, Measure
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.folder import png_bytes
from synthaudit.policy import Policy, Rule, Verdict
from synthaudit.probe import Evidence, Need


@dataclass(frozen=True)
class Asks:
    """A probe that always measures 1."""

    name: ClassVar[str] = "asks"
    question: ClassVar[str] = "Is there anything?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        return Finding(self.name, self.question, "Yes.", (Measure("one", 1.0, low=1.0, high=1.0),))


def judged(at_most: float) -> Policy:
    return Policy("p", "for a test", (Rule("low", "asks/one", "It is low", "because", at_most=at_most),))


@pytest.fixture
def audited(tmp_path: Path) -> Callable[..., Audit]:
    chest = ChestPopulation(seed=5, size=32)

    def made(lacking: int, at_most: float = 1) -> Audit:
        sources = chest.cohort(Role.TRAIN, range(6)).sources
        cells = [
            {"bytes": None if i < lacking else png_bytes(s.read()), "path": f"{i}.png"} for i, s in enumerate(sources)
        ]
        path = tmp_path / f"{lacking}.parquet"
        parquet.write_table(pyarrow.table({"image": cells, "patient_id": [f"P{i}" for i in range(6)]}), path)
        cohorts: dict[str, Any] = {
            "holdout": chest.cohort(Role.HOLDOUT, range(10, 13)),
            "synthetic": chest.cohort(Role.SYNTHETIC, range(20, 22)),
        }
        return audit(train=path, **cohorts, probes=[Asks()], policy=judged(at_most), cache=False, workers=1)

    return made


def test_missing_training_images_make_the_verdict_inconclusive(audited: Callable[..., Audit]) -> None:
    whole, lacking = audited(0), audited(2)
    assert whole.verdict is Verdict.PASS
    assert lacking.verdict is Verdict.INCONCLUSIVE
    assert "lists images that it does not give: 2 train" in lacking.reason
    assert any("it does not give" in action or "Find out" in action for action in lacking.actions)


def test_they_clear_no_fail_and_stand_when_judged_again(audited: Callable[..., Audit], tmp_path: Path) -> None:
    lacking = audited(1, at_most=0)
    assert lacking.verdict is Verdict.FAIL
    (tmp_path / "evidence.json").write_bytes(dump(lacking))
    again = judge_again(load(tmp_path / "evidence.json"), judged(1))
    assert again.verdict is Verdict.INCONCLUSIVE


def test_what_counts() -> None:
    def issue(role: str, reason: str) -> InputIssue:
        return InputIssue(role, reason, "says", 3, excluded=True)

    assert completeness_rule([]) == ()
    assert completeness_rule([issue("holdout", "missing-file"), issue("train", "corrupt")]) == ()
    (result,) = completeness_rule([issue("train", "missing-file"), issue("synthetic", "missing-file")])
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "3 train and 3 synthetic" in result.reason

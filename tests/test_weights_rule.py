"""An encoder whose weights nobody verified gives no PASS, and clears no FAIL."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from synthaudit import audit, judge_again
from synthaudit.audit_record import Audit, EncoderSummary
from synthaudit.cohort import Role
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.encoders.weights import WeightsCheck, check_of
from synthaudit.evidence_file import dump, from_document, load, to_document
from synthaudit.finding import Finding, Measure
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.policy import Policy, Rule, Verdict
from synthaudit.probe import Evidence, Need
from synthaudit.reports.junit import Junit
from synthaudit.weights_rule import weights_rule


@dataclass(frozen=True)
class Asks:
    """A probe that always measures 1."""

    name: ClassVar[str] = "asks"
    question: ClassVar[str] = "Is there anything?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        return Finding(self.name, self.question, "Yes.", (Measure("one", 1.0, low=1.0, high=1.0),))


class Checked(Descriptor):
    """The descriptor, as if it had weights."""

    def __init__(self, check: WeightsCheck) -> None:
        self.weights_check = check


def judged(at_most: float) -> Policy:
    return Policy("p", "for a test", (Rule("low", "asks/one", "It is low", "because", at_most=at_most),))


@pytest.fixture(scope="module")
def audited() -> Callable[..., Audit]:
    chest = ChestPopulation(seed=5, size=32)
    cohorts: dict[str, Any] = {
        "train": chest.cohort(Role.TRAIN, range(3)),
        "holdout": chest.cohort(Role.HOLDOUT, range(10, 13)),
        "synthetic": chest.cohort(Role.SYNTHETIC, range(20, 22)),
    }

    def made(encoder: Any, at_most: float = 1) -> Audit:
        return audit(**cohorts, encoders=[encoder], probes=[Asks()], policy=judged(at_most), cache=False, workers=1)

    return made


@pytest.mark.parametrize("check", WeightsCheck)
def test_only_verified_weights_give_a_pass(audited: Callable[..., Audit], check: WeightsCheck) -> None:
    found = audited(Checked(check))
    assert found.encoders[0].weights == check
    if check is not WeightsCheck.UNVERIFIED:
        assert found.verdict is Verdict.PASS
        assert len(found.rules) == 1
        return
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == (
        'Not settled: "The weights of every encoder are those that they are taken for". Nobody verified the weights '
        "of descriptor: add them with their SHA-256 (synthaudit encoders add NAME --from FILE --sha256 DIGEST), and "
        "audit again."
    )
    assert found.actions == (
        "Verify the encoder's weights (synthaudit encoders add, with the publisher's SHA-256), and audit again.",
    )


def test_what_was_found_against_the_images_stands(audited: Callable[..., Audit]) -> None:
    found = audited(Checked(WeightsCheck.UNVERIFIED), at_most=0.5)
    assert found.verdict is Verdict.FAIL
    assert found.reason.startswith('Refuted: "It is low".')
    assert [result.verdict for result in found.rules] == [Verdict.FAIL, Verdict.INCONCLUSIVE]


def test_another_policy_and_another_process_forget_nothing(audited: Callable[..., Audit], tmp_path: Path) -> None:
    found = audited(Checked(WeightsCheck.UNVERIFIED))
    (tmp_path / "evidence.json").write_bytes(dump(found))
    kept = load(tmp_path / "evidence.json")
    assert kept.encoders[0].weights == "unverified"
    assert judge_again(kept, judged(5)).verdict is Verdict.INCONCLUSIVE
    assert judge_again(kept, judged(0.5)).verdict is Verdict.FAIL
    assert b'errors="1"' in Junit().render(kept)


def test_evidence_from_before_is_still_read(audited: Callable[..., Audit]) -> None:
    document = json.loads(json.dumps(to_document(audited(Descriptor()))))
    document["encoders"][0].pop("weights")
    assert from_document(document).encoders[0].weights == "none"


def test_every_unverified_encoder_is_named() -> None:
    one = EncoderSummary("one", "f", 2, {}, "unverified")
    (result,) = weights_rule([one, replace(one, name="sure", weights="given"), replace(one, name="two")])
    assert "the weights of one and two:" in result.reason
    assert result.measure is not None
    assert result.measure.value == 2
    assert weights_rule([]) == ()


@pytest.mark.parametrize("said", ["sure", True, None, 3])
def test_an_encoder_from_elsewhere_cannot_invent_a_grade(said: object) -> None:
    class Encoder:
        """Says what it likes."""

        weights_check = said

    assert check_of(Encoder()) is WeightsCheck.UNVERIFIED
    assert check_of(Descriptor()) is WeightsCheck.NONE

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthaudit import Cohort, audit
from synthaudit.cohort import Role
from synthaudit.generators.made import images_cohort
from synthaudit.matching import compare
from synthaudit.matching.memo import Memo, image_digest


def images(role: Role, seed: int, n: int = 24) -> Cohort:
    rng = np.random.default_rng(seed)
    cohort = images_cohort(role, rng.random((n, 64, 64), dtype=np.float32))
    return replace(cohort, patients=tuple(f"{role} {name}" for name in cohort.names))


def run(memo: Memo | None, seed: int) -> tuple[float, ...]:
    result = audit(
        train=images(Role.TRAIN, 1),
        holdout=images(Role.HOLDOUT, 2),
        synthetic=images(Role.SYNTHETIC, seed),
        probes=("copies",),
        cache=False,
        memo=memo,
    )
    finding = result.finding("copies")
    assert finding is not None
    return tuple(m.value or 0.0 for m in finding.measures)


def test_a_memo_changes_no_number_and_spares_the_second_audit_its_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    memo = Memo()
    first = run(memo, 3)
    assert first == run(None, 3)
    known = len(memo)
    assert known > 100

    def forbidden(*_: object) -> None:
        raise AssertionError("compared again")

    monkeypatch.setattr(compare, "register_rough", forbidden)
    monkeypatch.setattr(compare, "channels", forbidden)
    assert run(memo, 3) == first
    assert len(memo) == known


def test_digests_tell_shapes_and_values_apart() -> None:
    a = np.zeros((2, 8), dtype=np.float32)
    assert image_digest(a) == image_digest(a.copy())
    assert len({image_digest(a), image_digest(a.reshape(4, 4)), image_digest(a + 1)}) == 3

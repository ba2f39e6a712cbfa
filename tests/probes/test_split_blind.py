"""Whatever is fitted is the same with training and holdout exchanged, bit for bit (methods, section 0)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthaudit.copying import CopyEvidence, copy_evidence
from synthaudit.probe import Evidence
from synthaudit.probes.copies import Copies

if TYPE_CHECKING:
    from tests.probes.conftest import Scene


def plain(value: object) -> object:
    """A value to the last bit: arrays as bytes, dataclasses field by field."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return value


def fitted(evidence: Evidence) -> dict[str, object]:
    """Everything that is fitted on real images, or found by what was fitted on them."""
    copies: CopyEvidence = copy_evidence(evidence)
    assert copies.strangers is not None
    pool = evidence.pool
    rows = [(pool.digest(row), pool.name(row), pool.patient_ids[pool.patient[row]]) for row in range(len(pool))]
    found = {one.name: plain(getattr(copies, one.name)) for one in fields(copies)}
    return {"order of the pool": rows, "vectors": plain(evidence.matcher.spaces[0].vectors), **found}


@pytest.fixture(scope="module")
def swapped_evidence(copied: Scene) -> Evidence:
    return copied.swapped().evidence()


def test_nothing_fitted_knows_who_was_trained_on(copied_evidence: Evidence, swapped_evidence: Evidence) -> None:
    before, after = fitted(copied_evidence), fitted(swapped_evidence)
    assert {"strangers", "scale", "scores", "matches", "direct", "twins"} <= set(before)
    assert [name for name in before if before[name] != after[name]] == []
    np.testing.assert_array_equal(swapped_evidence.pool.patient_is_train, ~copied_evidence.pool.patient_is_train)


def test_only_the_last_line_of_the_audit_uses_the_label(copied: Scene, swapped_evidence: Evidence) -> None:
    """Exchanged labels exchange the counts, and nothing else."""
    finding = Copies().run(swapped_evidence, swapped_evidence.rng("probe copies"))
    named = {measure.name: measure.value for measure in finding.measures}
    assert (named["direct_patients"], named["direct_holdout_patients"], named["direct_images"]) == (1, 3, 4)
    train = {one.patient_id for one in finding.exposures if one.flagged and one.role == "train"}
    assert train == copied.copied_holdout


def test_rows_in_any_order_give_the_same(copied: Scene, copied_evidence: Evidence) -> None:
    """Nor does the order of the images in their folders matter: real rows are compared under the pool's own order."""
    before, after = fitted(copied_evidence), fitted(copied.shuffled(seed=1).evidence(workers=2))
    by_query = ("matches", "pairs")  # numbered by synthetic image
    assert [name for name in before if before[name] != after[name] and name not in by_query] == []

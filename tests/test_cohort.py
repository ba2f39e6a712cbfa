"""A cohort says whose image each is, and of which volume it is a slice."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit.cohort import Cohort, Role
from synthaudit.readers.arrays import ArraySource


def cohort(patients: str, **more: Any) -> Cohort:
    """One image for each letter: its patient."""
    n = len(patients)
    return Cohort(
        role=Role.TRAIN,
        names=tuple(f"{i}.npy" for i in range(n)),
        sources=tuple(ArraySource(Path(f"{i}.npy")) for i in range(n)),
        patients=tuple(patients),
        known_patient=np.ones(n, np.bool_),
        attributes={},
        pixel_digests=tuple(str(i) for i in range(n)),
        **more,
    )


def test_images_belong_to_no_volume_unless_it_is_said() -> None:
    plain = cohort("AAB")
    assert plain.volume_ids == ()
    assert plain.volume_index.tolist() == [-1, -1, -1]
    assert plain.subset([2]).volumes == ()


def test_volumes_keep_to_their_rows() -> None:
    whole = cohort("AABB", volumes=("w", "w", "", "v"), positions=(1.0, 2.0, nan, nan))
    assert whole.volume_ids == ("v", "w")
    assert whole.volume_index.tolist() == [1, 1, -1, 0]
    part = whole.subset([3, 1])
    assert (part.volumes, part.positions[1]) == (("v", "w"), 2.0)
    assert part.volume_index.tolist() == [0, 1]
    assert replace(whole, role=Role.HOLDOUT).volumes == whole.volumes


def test_slices_at_unknown_positions_are_no_contradiction() -> None:
    assert cohort("AA", volumes=("v", "v"), positions=(nan, nan)).volume_ids == ("v",)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"volumes": ("v",)}, "both have one row for each image, or none, got 1 and 0 for 2 names"),
        ({"volumes": ("v", "v")}, "got 2 and 0"),
        ({"positions": (1.0, 2.0)}, "got 0 and 2"),
        ({"volumes": ("v", "v"), "positions": (1.0, 1.0)}, "got one twice or infinity"),
        ({"volumes": ("v", ""), "positions": (inf, nan)}, "got one twice or infinity"),
    ],
)
def test_volumes_that_contradict_themselves_are_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cohort("AA", **more)


def test_a_volume_is_of_one_patient_as_far_as_patients_are_known() -> None:
    volumes: dict[str, Any] = {"volumes": ("v", "v"), "positions": (1.0, 2.0)}
    with pytest.raises(ValueError, match="one id in two patients"):
        cohort("AB", **volumes)
    unknown = np.array([True, False])
    assert replace(cohort("AB"), known_patient=unknown, **volumes).volume_ids == ("v",)

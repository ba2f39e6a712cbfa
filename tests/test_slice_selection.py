"""Slices with their neighbors, and every n-th slice: what is left out is counted, and digests tell what was seen."""

from __future__ import annotations

import hashlib
import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import audit
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.intake import load
from synthaudit.neighbor_slices import with_neighbors
from synthaudit.phantoms.brain import BrainPopulation
from synthaudit.phantoms.nifti_file import nifti_bytes
from synthaudit.slice_selection import as_asked, selected_slices, slice_step

NOWHERE = math.nan


@dataclass(frozen=True)
class Shade:
    """A flat image."""

    value: float
    shape: tuple[int, ...] = (9, 9)

    def read(self) -> NDArray[np.float32]:
        return np.full(self.shape, self.value, np.float32)


def cohort(volumes: str, positions: Sequence[float], *, shapes: Sequence[tuple[int, ...]] = ()) -> Cohort:
    """An image for each letter of `volumes`, "-" for none; the i-th has the value i / 10."""
    n = len(volumes)
    sources = tuple(Shade(i / 10, shapes[i] if shapes else (9, 9)) for i in range(n))
    return Cohort(
        role=Role.TRAIN,
        names=tuple(map(str, range(n))),
        sources=sources,
        patients=tuple(f"P{volume}" for volume in volumes),
        known_patient=np.ones(n, np.bool_),
        attributes={},
        pixel_digests=tuple(hashlib.sha256(str(i).encode()).hexdigest() for i in range(n)),
        volumes=tuple(volume.strip("-") for volume in volumes),
        positions=tuple(positions),
    )


def seen(made: Cohort, row: int) -> list[int]:
    """The values of the three channels."""
    pixel = made.sources[row].read()[0, 0]
    return [round(float(value) * 10) for value in np.atleast_1d(pixel)]


def test_a_slice_is_seen_between_those_before_and_after_it() -> None:
    plain = cohort("aaab-a", [3, 1, 2, 0, NOWHERE, NOWHERE])
    made = with_neighbors(plain)
    assert [seen(made, row) for row in range(3)] == [[2, 0, 0], [1, 1, 2], [1, 2, 0]]
    # Alone in its volume, of no volume, or at no known place.
    assert [seen(made, row) for row in (3, 4, 5)] == [[3], [4], [5]]
    assert made.pixel_digests[3:] == plain.pixel_digests[3:]
    assert len({*made.pixel_digests, *plain.pixel_digests}) == 9
    source = made.sources[1]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(), source.read())


def test_digests_are_equal_where_all_three_slices_are() -> None:
    one = with_neighbors(cohort("aaaaa", [0, 1, 2, 3, 4])).pixel_digests
    other = with_neighbors(cohort("aaaa", [7, 8, 9, 10])).pixel_digests
    assert [a == b for a, b in zip(one, other, strict=False)] == [True, True, True, False]


def test_color_and_slices_of_other_sizes_stay_as_they_are() -> None:
    made = with_neighbors(cohort("aa", [0, 1], shapes=[(9, 9, 3), (9, 9)]))
    assert [source.read().shape for source in made.sources] == [(9, 9, 3), (9, 9)]
    made = with_neighbors(cohort("aa", [0, 1], shapes=[(9, 9), (12, 9)]))
    assert [source.read().shape for source in made.sources] == [(9, 9), (12, 9)]


@pytest.mark.parametrize(("step", "kept"), [(1, "01234567"), (2, "13567"), (3, "0367"), (50, "367")])
def test_every_nth_slice_the_middle_one_among_them(step: int, kept: str) -> None:
    made = selected_slices(cohort("aaaaaa-a", [0, 1, 2, 3, 4, 5, NOWHERE, NOWHERE]), step)
    assert "".join(made.names) == kept


@pytest.mark.parametrize(("spec", "step"), [(None, 1), ("all", 1), ("every:1", 1), (" every:12 ", 12)])
def test_steps(spec: str | None, step: int) -> None:
    assert slice_step(spec) == step


@pytest.mark.parametrize("spec", ["every:0", "every:51", "every", "middle:3", "every:-2", "every:2.5"])
def test_what_is_no_step_is_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="slices must be all, or every:N"):
        slice_step(spec)


def volumes(root: Path) -> dict[str, Path]:
    population = BrainPopulation(seed=1, size=24, slices=8)
    for role, patients in (("train", range(4)), ("holdout", range(4, 8)), ("synthetic", (0, 8))):
        (root / role).mkdir()
        for patient in patients:
            sources = population.sources([patient], contrasts=("t1",), volumes=True)
            (root / role / f"{patient}.nii.gz").write_bytes(nifti_bytes(sources))
    return {role: root / role for role in ("train", "holdout", "synthetic")}


def test_what_is_left_out_is_listed_and_how_images_were_read_is_told(tmp_path: Path) -> None:
    folders = volumes(tmp_path)
    intake = load(train=folders["train"], synthetic=folders["synthetic"], workers=1)
    chosen, settings = as_asked(intake, "every:2", True)
    left_out = {issue.role: issue.count for issue in chosen.issues if issue.reason == "slice-not-selected"}
    assert left_out == {"synthetic": 8}, "a slice must be able to find the very one that it was copied from"
    assert len(chosen.train) == 32
    assert chosen.train.sources[1].read().shape == (24, 24, 3)
    assert (settings["slices"], settings["neighbors"]) == ("every:2", True)
    assert "percentiles" in settings["reading"]["nifti_intensity"]
    assert "dicom_decoders" not in settings["reading"]
    same, settings = as_asked(intake, None, False)
    assert same is intake
    assert list(settings) == ["reading"]
    pictures = replace(intake, train=cohort("--", [0, 0]), synthetic=cohort("--", [0, 0]))
    assert as_asked(pictures, "all", False)[1] == {}


@pytest.mark.slow
def test_an_audit_of_nifti_volumes_counts_volumes(tmp_path: Path) -> None:
    folders = volumes(tmp_path)
    made = audit(
        train=folders["train"],
        holdout=folders["holdout"],
        synthetic=folders["synthetic"],
        probes=["inputs", "volumes"],
        slices="every:2",
        neighbors=True,
        cache=False,
        workers=1,
    )
    found = next(finding for finding in made.findings if finding.probe == "volumes")
    judged = next(measure for measure in found.measures if measure.name == "judged_volumes")
    assert "2 synthetic volumes" in judged.note
    assert judged.n_images == 8
    assert made.provenance.settings["slices"] == "every:2"

"""Every n-th slice of each synthetic volume, where there are more than there is time for.

Neighboring slices show nearly the same, so a volume of a hundred can be asked with twenty-five. Real volumes keep all
of theirs: a slice must find the very one that it was copied from, and the next but one is not alike enough. A copied
slice that is itself left out is found by its neighbors only. So an audit lists how many it left out.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

from synthaudit.audit_record import InputIssue
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.intake import Intake
from synthaudit.neighbor_slices import with_neighbors
from synthaudit.readers.reading_rules import reading_rules
from synthaudit.readers.rejection import REASONS

LARGEST_STEP = 50
NOT_SELECTED = "slice-not-selected"


def slice_step(spec: str | None) -> int:
    """N of "every:n"; 1 for all slices.

    Raises:
        UsageError: It is something else.

    >>> slice_step("every:4"), slice_step(None)
    (4, 1)
    """
    if spec is None or spec == "all":
        return 1
    found = re.fullmatch(r"every:(\d{1,3})", spec.strip())
    if found is None or not 1 <= int(found[1]) <= LARGEST_STEP:
        raise UsageError(f"slices must be all, or every:N with N from 1 to {LARGEST_STEP}, got {spec!r}")
    return int(found[1])


def selected_slices(cohort: Cohort, step: int) -> Cohort:
    """The cohort with every `step`-th slice of each volume, its middle one among them; other images as they are.

    Slices at an unknown place are kept: which of them is which cannot be said.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for row, (volume, position) in enumerate(zip(cohort.volumes, cohort.positions, strict=True)):
        if volume and not math.isnan(position):
            places[volume].append(row)
    left_out: set[int] = set()
    for rows in places.values():
        ordered = sorted(rows, key=lambda row: cohort.positions[row])
        first = len(ordered) // 2 % step
        left_out |= set(ordered) - set(ordered[first::step])
    return cohort.subset([row for row in range(len(cohort)) if row not in left_out]) if left_out else cohort


def as_asked(intake: Intake, slices: str | None, neighbors: bool) -> tuple[Intake, dict[str, Any]]:
    """The synthetic slices asked for, all slices with their neighbors if asked for, and how images were read.

    What was left out is listed in the intake's issues. What goes into the provenance is empty where there is nothing to
    say: all slices one by one, and no image of DICOM or NIfTI. Neighbors are those of the whole volume, whichever
    slices are selected.

    Raises:
        UsageError: `slices` is not what `slice_step` takes.
    """
    step = slice_step(slices)
    given = {role: getattr(intake, role) for role in ("train", "holdout", "synthetic", "reference")}
    cohorts: dict[str, Cohort] = {role: cohort for role, cohort in given.items() if cohort is not None}
    settings = reading_rules(source for cohort in cohorts.values() for source in cohort.sources)
    settings |= ({"slices": slices} if step > 1 else {}) | ({"neighbors": True} if neighbors else {})
    if not neighbors and step == 1:
        return intake, settings
    chosen = {role: with_neighbors(cohort) if neighbors else cohort for role, cohort in cohorts.items()}
    chosen["synthetic"] = selected_slices(chosen["synthetic"], step)
    issues = list(intake.issues)
    left_out = len(intake.synthetic) - len(chosen["synthetic"])
    if left_out:
        issues.append(InputIssue(str(Role.SYNTHETIC), NOT_SELECTED, REASONS[NOT_SELECTED], left_out, True))
    changed = replace(intake, train=chosen["train"], synthetic=chosen["synthetic"], issues=tuple(issues))
    return replace(changed, holdout=chosen.get("holdout"), reference=chosen.get("reference")), settings

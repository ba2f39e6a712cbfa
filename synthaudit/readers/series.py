"""Which images of DICOM files are slices of one volume, and where each lies in it.

A series is one run of the scanner, but not always one volume: a scout lies across it, several echoes or times lie at
the same places. So the images of a series are grouped by plane and size first, and where two then lie at one place, by
what tells them apart. What cannot be told apart stays one volume, and its slices that share a place are named as
repeated; what is missing between the others is named too.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthaudit.readers.dicom_frames import Place

GAP = 1.5
"""Neighboring slices further apart than this many times the usual distance have others missing between them."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Images that belong together.

    Attributes:
        members: Which of the images, in the order of their positions, and of their own where these are equal.
        missing: Slices that seem to be missing between others; 0 where positions are not in mm.
    """

    members: tuple[int, ...]
    missing: int


def volumes_of(places: Sequence[Place]) -> list[Volume]:
    """The volumes, in the order of their first image. An image alone in its plane is of none."""
    stacks: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, place in enumerate(places):
        if place.stack:
            stacks[place.stack].append(i)
    groups = [part for members in stacks.values() for part in _parts(members, places) if len(part) > 1]
    ordered = sorted(groups, key=lambda members: members[0])
    return [_volume(members, places) for members in ordered]


def _parts(members: list[int], places: Sequence[Place]) -> list[list[int]]:
    """The images of one stack, divided by as few of their differences as leave each place to one."""
    if not _crowded(members, places):
        return [members]
    kinds = range(min(len(places[i].apart) for i in members))
    used: list[int] = []
    for kind in kinds:
        if len({places[i].apart[kind] for i in members}) < 2:
            continue
        used.append(kind)
        parts: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for i in members:
            parts[tuple(places[i].apart[kind] for kind in used)].append(i)
        if not any(_crowded(part, places) for part in parts.values()):
            return list(parts.values())
    return [members]


def _crowded(members: Sequence[int], places: Sequence[Place]) -> bool:
    known = [places[i].position for i in members if not math.isnan(places[i].position)]
    return len(set(known)) < len(known)


def _volume(members: Sequence[int], places: Sequence[Place]) -> Volume:
    ordered = sorted(members, key=lambda i: (math.isnan(places[i].position), places[i].position, i))
    taken = Counter(places[i].position for i in members if places[i].in_mm)
    steps = np.diff(sorted(taken))
    missing = 0
    if len(steps) > 1:
        usual = float(np.median(steps))
        missing = sum(round(float(step) / usual) - 1 for step in steps if step > GAP * usual)
    return Volume(tuple(ordered), missing)

"""The images of one role, in order, with their patients and attributes; pixels are read when asked for.

The unit of every statistic is the patient, so a cohort carries, row for row, whose image each is. An image without a
patient id is its own patient (`known_patient` is False there), and the audit says so. Images may be slices of volumes:
those of one volume are one person at one time, so they are alike, and count once where volumes are counted.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Role(StrEnum):
    """What a set of images is to the generator under audit."""

    TRAIN = "train"
    """The generator was trained on these."""
    HOLDOUT = "holdout"
    """Real, of the same source, never trained on, of other patients."""
    SYNTHETIC = "synthetic"
    """What the generator made."""
    REFERENCE = "reference"
    """Real, independent, optional: to calibrate on."""


class ImageSource(Protocol):
    """Where one image comes from; reads it anew at each call, and is cheap to copy and to pickle."""

    def read(self) -> NDArray[np.float32]:
        """The decoded image: (h, w) gray or (h, w, 3) RGB, float32 in [0, 1], at its own size.

        Raises:
            UnreadableImage: It cannot be decoded.
        """
        ...


@dataclass(frozen=True)
class Cohort:
    """The images of one role.

    Attributes:
        role: What they are to the generator.
        names: (n,) name of each image: the path relative to its folder, `#i` added for the i-th of an array.
        sources: (n,) where the pixels come from.
        patients: (n,) patient id of each image.
        known_patient: (n,) bool; False where the id was made up because none was given.
        attributes: Column name -> (n,) values as text, "" where missing.
        pixel_digests: (n,) SHA-256 (hex) of each image's decoded pixels.
        volumes: (n,) id of the volume that each image is a slice of, "" for none; () if there are no volumes at all. An
            id means one volume of one patient.
        positions: (n,) where each slice lies in its volume, as a number or in mm; NaN where that is not known. () if
            there are no volumes.
    """

    role: Role
    names: tuple[str, ...]
    sources: tuple[ImageSource, ...] = field(repr=False)
    patients: tuple[str, ...] = field(repr=False)
    known_patient: NDArray[np.bool_] = field(repr=False)
    attributes: Mapping[str, tuple[str, ...]] = field(repr=False)
    pixel_digests: tuple[str, ...] = field(repr=False)
    volumes: tuple[str, ...] = field(default=(), repr=False)
    positions: tuple[float, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        n = len(self.names)
        columns = [self.sources, self.patients, self.known_patient, self.pixel_digests, *self.attributes.values()]
        if any(len(column) != n for column in columns):
            raise ValueError(f"every column of a cohort must have one row for each image, got {n} names")
        if (len(self.volumes), len(self.positions)) not in {(0, 0), (n, n)}:
            raise ValueError(
                f"volumes and positions of a cohort must both have one row for each image, or none, got "
                f"{len(self.volumes)} and {len(self.positions)} for {n} names"
            )
        self._check_volumes()

    def _check_volumes(self) -> None:
        """Each volume must be of one patient, and have one slice at each position."""
        patient_of: dict[str, str] = {}
        taken: set[tuple[str, float]] = set()
        for row, (volume, position) in enumerate(zip(self.volumes, self.positions, strict=True)):
            if not volume:
                continue
            if self.known_patient[row] and patient_of.setdefault(volume, self.patients[row]) != self.patients[row]:
                raise ValueError("a volume of a cohort must be of one patient, got one id in two patients")
            if math.isnan(position):
                continue
            if math.isinf(position) or (volume, position) in taken:
                raise ValueError("positions in a volume must differ and be finite, got one twice or infinity")
            taken.add((volume, position))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def patient_ids(self) -> tuple[str, ...]:
        """The distinct patients, sorted."""
        return tuple(sorted(set(self.patients)))

    @property
    def n_patients(self) -> int:
        """Number of distinct patients."""
        return len(self.patient_ids)

    @cached_property
    def patient_index(self) -> NDArray[np.intp]:
        """(n,) position of each image's patient in `patient_ids`."""
        position = {patient: i for i, patient in enumerate(self.patient_ids)}
        return np.array([position[patient] for patient in self.patients], dtype=np.intp)

    @cached_property
    def volume_ids(self) -> tuple[str, ...]:
        """The distinct volumes, sorted."""
        return tuple(sorted(set(self.volumes) - {""}))

    @cached_property
    def volume_index(self) -> NDArray[np.intp]:
        """(n,) position of each image's volume in `volume_ids`; -1 for an image of none."""
        place = {volume: i for i, volume in enumerate(self.volume_ids)}
        return np.array([place.get(volume, -1) for volume in self.volumes or ("",) * len(self)], dtype=np.intp)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the pixels of all images in any order: the same images give the same digest."""
        return hashlib.sha256("\n".join(sorted(self.pixel_digests)).encode()).hexdigest()

    def subset(self, rows: Sequence[int] | NDArray[np.intp]) -> Cohort:
        """The cohort of these rows, in the order given."""
        rows = [int(row) for row in rows]
        return Cohort(
            role=self.role,
            names=tuple(self.names[i] for i in rows),
            sources=tuple(self.sources[i] for i in rows),
            patients=tuple(self.patients[i] for i in rows),
            known_patient=self.known_patient[rows],
            attributes={name: tuple(column[i] for i in rows) for name, column in self.attributes.items()},
            pixel_digests=tuple(self.pixel_digests[i] for i in rows),
            volumes=tuple(self.volumes[i] for i in rows) if self.volumes else (),
            positions=tuple(self.positions[i] for i in rows) if self.positions else (),
        )

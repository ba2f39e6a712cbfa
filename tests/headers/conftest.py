"""Files in memory as cohorts: patients' and synthetic ones, each with a header."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.headers.read import Headers, cohort_headers, file_header
from synthaudit.headers.record import FileHeader
from synthaudit.headers.sealing import Sealer
from tests.headers.planted_dicom import clean_dataset, encoded, patient_dataset, sources

KEY = b"from the ward"
N = 12


@dataclass(frozen=True)
class Memory:
    """The bytes of one file."""

    content: bytes = field(repr=False)
    name: str = ""

    def open(self) -> BinaryIO:
        return io.BytesIO(self.content)

    def state(self) -> str:
        return ""


@dataclass(frozen=True)
class FileSource:
    """A file of which only the header is asked."""

    path: Memory

    def read(self) -> NDArray[np.float32]:
        return np.zeros((64, 64), np.float32)


def cohort(role: Role, files: Sequence[tuple[str, bytes]], patients: Sequence[str] | None = None) -> Cohort:
    """(name, content) of files as a cohort."""
    names = tuple(name for name, _ in files)
    return Cohort(
        role=role,
        names=names,
        sources=tuple(FileSource(Memory(content, name)) for name, content in files),
        patients=tuple(patients) if patients is not None else names,
        known_patient=np.full(len(files), patients is not None),
        attributes={},
        pixel_digests=tuple(f"{row:064x}" for row in range(len(files))),
    )


def headers_of(role: Role, files: Sequence[tuple[str, bytes]], patients: Sequence[str] | None = None) -> Headers:
    """What these files say."""
    return cohort_headers(cohort(role, files, patients), KEY, whole=role is Role.SYNTHETIC)


def header_of(content: bytes, name: str = "sample.dcm") -> FileHeader:
    """What one file says, read to its end."""
    return file_header(Memory(content), Sealer(KEY), name, whole=True)


def objections(header: FileHeader) -> dict[str, str]:
    """Name of an entry -> why it is objected to."""
    return {one.name: one.objection for one in header.said if one.objection}


@dataclass(frozen=True)
class Ward:
    """Patients on both sides, and a clean release."""

    train: Headers
    holdout: Headers
    clean: tuple[bytes, ...]


@pytest.fixture(scope="session")
def ward() -> Ward:
    """Chest radiographs: numbers from 0 are training patients, from 100 held out, from 200 released."""

    def side(role: Role, first: int) -> Headers:
        made = [
            patient_dataset(one, first + i) for i, one in enumerate(sources("chest", 0, list(range(first, first + N))))
        ]
        files = [(f"{role}-{i:02d}.dcm", encoded(dataset)) for i, dataset in enumerate(made)]
        return headers_of(role, files, [str(dataset.PatientID) for dataset in made])

    clean = tuple(encoded(clean_dataset("chest", 0, 200 + i)) for i in range(N))
    return Ward(side(Role.TRAIN, 0), side(Role.HOLDOUT, 100), clean)

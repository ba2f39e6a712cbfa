"""How far is each part of an image from the nearest part of a real image at about the same place?

Real images are asked the same, each among the images of *other* patients only. What is far for real images, too (a
device, a hand before the chest) is then known to be usual at that place, and nothing is called strange for being rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.image_realism.patches import Described
from synthaudit.parallel import ordered_map
from synthaudit.statistics.patient_left_out import standardized_apart

TOLERANCE = 1
"""Patches are compared with those at most this many places off in each direction: half a patch."""
NOTHING_NEARER = 0.1
"""Share of the mean distance that is added before the logarithm: of two tiny distances neither is the smaller."""
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Reference:
    """Parts of real images, images of one patient next to each other.

    Attributes:
        patches: For each kind and size (n, across, across, d).
        patient: (n,) ascending.
    """

    patches: tuple[NDArray[np.float32], ...]
    patient: NDArray[np.intp]

    @classmethod
    def of(cls, images: Sequence[Described], patient: NDArray[np.intp]) -> Reference:
        """From the real images' patches.

        Raises:
            ValueError: Images of one patient do not stand together.
        """
        if (np.diff(patient) < 0).any():
            raise ValueError("patients of a reference must be in ascending order")
        return cls(stacked(images), patient)


def stacked(images: Sequence[Described]) -> tuple[NDArray[np.float32], ...]:
    """For each kind and size (n, across, across, d)."""
    return tuple(np.stack(parts) for parts in zip(*images, strict=True))


def excess(
    reference: Reference, others: Sequence[tuple[Sequence[Described], NDArray[np.intp]]], *, workers: int = 1
) -> list[list[NDArray[np.float64]]]:
    """How much farther from real parts each part is than is usual there, in standard deviations.

    Args:
        reference: The real images.
        others: Further images, and the patient of each whose real images it must not be compared with; -1 for nobody.
        workers: Threads; no number depends on it.

    Returns:
        For the reference, then for each of the others: for each kind and size, (n, across, across).
    """
    asked = [(reference.patches, reference.patient), *((stacked(images), patient) for images, patient in others)]
    patient = np.concatenate([one for _, one in asked])
    ends = np.cumsum([len(one) for _, one in asked])
    found: list[list[NDArray[np.float64]]] = [[] for _ in asked]
    for kind, real in enumerate(reference.patches):
        far = distances(
            np.concatenate([patches[kind] for patches, _ in asked]), patient, real, reference.patient, workers
        )
        usual = float(far[: ends[0]].mean())
        logs = np.log(far + NOTHING_NEARER * usual + 1e-9)
        own, rest = standardized_apart(logs[: ends[0]], reference.patient, logs[ends[0] :])
        for place, part in zip(found, np.split(np.concatenate([own, rest]), ends[:-1]), strict=True):
            place.append(part)
    return found


def distances(
    asked: NDArray[np.float32],
    asked_patient: NDArray[np.intp],
    real: NDArray[np.float32],
    real_patient: NDArray[np.intp],
    workers: int = 1,
) -> NDArray[np.float64]:
    """(m, across, across) distance of each patch to the nearest real one at about its place, of another patient.

    The fast product only proposes the nearest; the distance itself is computed again in double precision.

    Args:
        asked: (m, across, across, d). asked_patient: (m,).
        real: (n, across, across, d). real_patient: (n,) ascending.
    """
    from threadpoolctl import threadpool_limits

    across = real.shape[1]
    first = np.searchsorted(real_patient, asked_patient, side="left")
    beyond = np.searchsorted(real_patient, asked_patient, side="right")
    found = np.empty(asked.shape[:3])

    def at(place: int) -> None:
        y, x = divmod(place, across)
        near = real[:, max(0, y - TOLERANCE) : y + TOLERANCE + 1, max(0, x - TOLERANCE) : x + TOLERANCE + 1]
        each = near.shape[1] * near.shape[2]
        base = np.ascontiguousarray(near.reshape(len(real) * each, -1))
        power = np.einsum("ij,ij->i", base, base)
        for top in range(0, len(asked), _ROWS_AT_ONCE):
            rows = np.ascontiguousarray(asked[top : top + _ROWS_AT_ONCE, y, x])
            apart = power - 2.0 * (rows @ base.T)
            for i in range(len(rows)):
                apart[i, first[top + i] * each : beyond[top + i] * each] = np.inf
            difference = rows.astype(np.float64) - base[apart.argmin(axis=1)]
            found[top : top + len(rows), y, x] = np.sqrt((difference * difference).sum(axis=1))

    with threadpool_limits(limits=1, user_api="blas"):
        for _ in ordered_map(at, range(across * across), workers):
            pass
    return found

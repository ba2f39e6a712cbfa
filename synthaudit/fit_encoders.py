"""Encoders that must be fitted on an audit's own images are fitted on all real ones, whoever was trained on.

Fitted on training images alone, an encoder would pull them closer than held-out ones, and every claim about membership
would be void. So training and holdout are pooled, put into the order of their pixels' digests, and handed over without
their roles. Synthetic images are never among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.embeddings import PixelEncoder, RealImages, TableEncoder, UnfittedEncoder
from synthaudit.progress import Progress

AnyEncoder = PixelEncoder | TableEncoder | UnfittedEncoder


def real_images(cohorts: Sequence[Cohort]) -> RealImages:
    """The images of these cohorts without their roles; of images with equal pixels one.

    An image whose patient is not known is a patient of its own. Patients are numbers here: what is fitted, and the key
    it is kept under, cannot hold an id.
    """
    first: dict[str, tuple[str, int, int]] = {}
    for c, cohort in enumerate(cohorts):
        for i, digest in enumerate(cohort.pixel_digests):
            whose = f"patient {cohort.patients[i]}" if cohort.known_patient[i] else f"image {digest}"
            first[digest] = min(first.get(digest, (whose, c, i)), (whose, c, i))
    digests = tuple(sorted(first))
    number: dict[str, int] = {}
    for digest in digests:
        number.setdefault(first[digest][0], len(number))
    patients = np.array([number[first[digest][0]] for digest in digests], dtype=np.intp)

    def read(row: int) -> NDArray[np.float32]:
        _, c, i = first[digests[row]]
        return cohorts[c].sources[i].read()

    return RealImages(digests, patients, read)


def fitted_encoders(
    encoders: Sequence[AnyEncoder],
    cohorts: Sequence[Cohort],
    *,
    seed: int,
    folder: Path | None,
    workers: int,
    progress: Progress,
) -> tuple[PixelEncoder | TableEncoder, ...]:
    """The encoders, those that need it fitted on the real cohorts; others as they are.

    Args:
        encoders: In any state.
        cohorts: Training, and holdout where there is one; their order changes nothing.
        seed: Of every random choice.
        folder: Where fits are kept from one audit to the next; None keeps nothing.
        workers: Threads that decode.
        progress: Told how far it is.

    Raises:
        EncoderError: There are too few images to fit an encoder on.
    """
    done: list[PixelEncoder | TableEncoder] = []
    for encoder in encoders:
        if isinstance(encoder, PixelEncoder | TableEncoder):
            done.append(encoder)
        else:
            images = real_images(cohorts)
            done.append(encoder.fitted(images, seed=seed, folder=folder, workers=workers, progress=progress))
    return tuple(done)

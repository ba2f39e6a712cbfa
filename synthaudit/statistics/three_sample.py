"""C_T: do synthetic images lie closer to the training images than held-out ones do, cell by cell?

In each cell of the space, the distances of synthetic images to the nearest training image of that cell are ranked
against those of held-out images; the z-scores are averaged, each cell weighted by its share of held-out images. Far
below 0 means copying, far above 0 means that the generator misses the data, which is no privacy finding. The z-score
takes images for independent, which several images of one patient are not: judge it by a bootstrap over patients.

Reference:
    Meehan, Chaudhuri, Dasgupta 2020, A non-parametric test to detect data-copying in generative models,
    arXiv 2004.05675. As in the paper, without the continuity correction of the authors' code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthaudit.errors import NotEnoughData

LEAST_IN_CELL = 20
"""Fewer synthetic images leave a cell out (tau = 20 / m, as in the authors' experiments)."""
IMAGES_PER_CELL = 50
MOST_CELLS = 10


def number_of_cells(n_train: int, n_holdout: int, n_synthetic: int) -> int:
    """One cell for 50 images of the smallest set, at least 1 and at most 10: our rule, the paper leaves it open.

    >>> number_of_cells(1000, 240, 500), number_of_cells(40, 40, 40), number_of_cells(9999, 9999, 9999)
    (4, 1, 10)
    """
    return int(np.clip(min(n_train, n_holdout, n_synthetic) // IMAGES_PER_CELL, 1, MOST_CELLS))


def mann_whitney_z(generated: NDArray[np.floating], held_out: NDArray[np.floating]) -> float:
    """z-score of how often a generated distance exceeds a held-out one; below 0: the generated are the smaller ones."""
    m, n = generated.size, held_out.size
    u = float(rankdata(np.concatenate([generated, held_out]))[:m].sum()) - m * (m + 1) / 2
    return float((u - m * n / 2) / np.sqrt(m * n * (m + n + 1) / 12))


def c_t(
    generated: NDArray[np.floating],
    generated_cell: NDArray[np.intp],
    held_out: NDArray[np.floating],
    held_out_cell: NDArray[np.intp],
    *,
    least: int = LEAST_IN_CELL,
) -> float:
    """The statistic; about 0 without copying, with a spread of 1 over the square root of the number of cells.

    Args:
        generated, held_out: (m,) and (n,) distance of each image to the nearest training image of its own cell; inf
            where the cell holds no training image, and such cells are left out.
        generated_cell, held_out_cell: (m,) and (n,) number of the cell.
        least: Cells with fewer generated images are left out.

    Raises:
        NotEnoughData: No cell holds enough generated images, a held-out and a training image.
    """
    z, weight = [], []
    for cell in np.unique(held_out_cell):
        ours, theirs = generated[generated_cell == cell], held_out[held_out_cell == cell]
        if ours.size >= max(1, least) and np.isfinite(theirs).all():
            z.append(mann_whitney_z(ours, theirs))
            weight.append(theirs.size)
    if not z:
        raise NotEnoughData(
            f"C_T needs a cell with at least {least} synthetic images, a held-out and a training image, found none "
            f"among {generated.size} synthetic images"
        )
    return float(np.average(z, weights=weight))

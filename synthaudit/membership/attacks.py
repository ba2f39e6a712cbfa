"""The attacks, and what they say of each image: several encoders as one before anything is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthaudit.membership.density import domias_kde
from synthaudit.membership.distances import domias_knn, gan_leaks, gan_leaks_calibrated, monte_carlo
from synthaudit.membership.odds import classifier_odds
from synthaudit.membership.sample_sets import SampleSets
from synthaudit.statistics.patient_ranks import mean_rank

Attack = Callable[[SampleSets], NDArray[np.float64]]

ATTACKS: Mapping[str, Attack] = {
    "gan_leaks": gan_leaks,
    "gan_leaks_calibrated": gan_leaks_calibrated,
    "monte_carlo": monte_carlo,
    "domias_knn": domias_knn,
    "domias_kde": domias_kde,
    "classifier_odds": classifier_odds,
}
ENSEMBLE = "ensemble"
"""The cross-fitted combination of all of them."""


def image_scores(encoders: Sequence[SampleSets]) -> NDArray[np.float64]:
    """(n, k) score of each real image by each attack, in the order of `ATTACKS`; higher means more exposed.

    With several encoders it is the mean of the image's ranks: choosing the encoder that attacks best would be choosing
    after a look at the labels.

    Args:
        encoders: The same images in each encoder's space, row for row.
    """
    return np.column_stack(
        [mean_rank(np.column_stack([attack(one) for one in encoders])) for attack in ATTACKS.values()]
    )

"""How large each group is among the synthetic images, against the training patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthaudit.attributes import suppressed
from synthaudit.errors import NotEnoughData
from synthaudit.fairness.groups import Attribute
from synthaudit.statistics.clustered_share import Share, clustered_shares
from synthaudit.statistics.predicted_shares import LEAST_YOUDEN, Confusions, solved, undone
from synthaudit.statistics.share_ratio import equal_shares_p, share_ratio_interval

RESAMPLES = 300


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """Whose the images are.

    Attributes:
        patient: (n,) number of each pool row's patient.
        is_train: (p,) bool.
        unit: (s,) number of the volume each synthetic image belongs to; a number of its own for a single image.
    """

    patient: NDArray[np.intp]
    is_train: NDArray[np.bool_]
    unit: NDArray[np.intp]

    @property
    def n_units(self) -> int:
        """Synthetic images, or volumes."""
        return len(np.unique(self.unit))


@dataclass(frozen=True, slots=True)
class GroupShare:
    """One group's share of the synthetic images and of the training patients.

    Attributes:
        share: Of the synthetic images.
        base: Of the training patients, each counted once. by_image: of their images.
        holdout: Of the held-out patients; None without, and where a number under 10 would follow from it.
        p_value: Of the synthetic images holding the group as often as the training set does, however that is counted.
    """

    name: str
    columns: tuple[str, ...]
    share: Share
    base: Share
    by_image: Share
    holdout: Share | None
    predicted: bool
    n_patients: int
    p_value: float

    @property
    def ratio(self) -> float:
        """Above 1 where the group is more common among the synthetic images."""
        return self.share.value / self.base.value

    @property
    def floor(self) -> float | None:
        """The same ratio for held-out patients."""
        return None if self.holdout is None else self.holdout.value / self.base.value

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Of the ratio."""
        return share_ratio_interval(self.share, self.base, level)


def group_shares(one: Attribute, divided: Divided, rng: np.random.Generator) -> list[GroupShare]:
    """Every class of an attribute that is spoken of; nothing where the synthetic images' classes are not known."""
    if not one.known:
        return []
    train = divided.is_train[divided.patient] & (one.real >= 0)
    holdout = ~divided.is_train[divided.patient] & (one.real >= 0)
    made = _synthetic_shares(one, divided, rng)
    untold = suppressed(
        {str(k): len(np.unique(divided.patient[holdout & (one.real == k)])) for k in range(len(one.names))}
    )
    found = []
    for k in one.spoken_of:
        base, by_image = clustered_shares(one.real[train] == k, divided.patient[train])
        told = holdout.any() and str(k) not in untold
        held = clustered_shares(one.real[holdout] == k, divided.patient[holdout])[0] if told else None
        share, straight = made(k)
        p = max(_p_value(share, straight, other) for other in (base, by_image))
        if (share.value - base.value) * (share.value - by_image.value) <= 0:  # neither more nor less
            p = 1.0
        patients = len(np.unique(divided.patient[train & (one.real == k)]))
        found.append(
            GroupShare(one.names[k], one.columns, share, base, by_image, held, one.predicted is not None, patients, p)
        )
    return found


def _p_value(share: Share, straight: tuple[float, float] | None, base: Share) -> float:
    """Fisher's; where classes were predicted, what the plain inverse gives must be refuted as well.

    The likeliest shares stick to 0 where a pair of groups is hard to tell, and look surer there than they are.
    """
    p = equal_shares_p(share, base)
    if straight is None:
        return p
    value, error = straight
    spread = np.hypot(error, np.sqrt(base.value * (1 - base.value) / base.trials))
    return max(p, float(2 * norm.sf(abs(value - base.value) / spread)))


_Made = Callable[[int], tuple[Share, tuple[float, float] | None]]


def _synthetic_shares(one: Attribute, divided: Divided, rng: np.random.Generator) -> _Made:
    """Class -> share among the synthetic images, the predictor's errors undone.

    With it the estimate of the plain inverse and its standard error; None where classes were given.
    """
    if one.predicted is None:
        codes = one.synthetic[0]
        known = codes >= 0
        return lambda k: (clustered_shares(codes[known] == k, divided.unit[known])[1], None)
    confusions = Confusions.of(one.real, one.predicted, divided.patient, len(one.names))
    found = votes(one.synthetic, len(one.names))
    patients, drawn = _resampled(len(confusions.by_patient), divided, rng)
    values, straight = (way(found.mean(axis=0)[None], confusions.matrix())[0] for way in (undone, solved))
    again = solved(drawn @ found / drawn.sum(axis=1, keepdims=True), confusions.matrix(patients))
    # What looks like no mixture of the classes may all belong to one.
    matrix = confusions.matrix()[0]
    told = np.diag(matrix) - (matrix.sum(axis=0) - np.diag(matrix)) / max(1, len(matrix) - 1)
    spread = np.hypot(again.std(axis=0, ddof=1), one.misfit / np.maximum(told, LEAST_YOUDEN))

    def share(k: int) -> tuple[Share, tuple[float, float]]:
        value, error = float(values[k]), max(float(spread[k]), 1e-9)
        # As many trials as leave such a share as uncertain as this one is; at 0 and 1, as one two errors away.
        near = min(max(value, min(0.5, 2 * error)), max(0.5, 1 - 2 * error))
        trials = min(near * (1 - near) / error**2, float(divided.n_units))
        return Share(value, trials), (float(straight[k]), error)

    return share


def votes(synthetic: NDArray[np.intp], classes: int) -> NDArray[np.float64]:
    """(s, k) share of the predictors that put each image into each class."""
    return np.stack([(synthetic == k).mean(axis=0) for k in range(classes)], axis=1)


def _resampled(
    n_patients: int, divided: Divided, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(b, p) and (b, s) how often each patient and synthetic image was drawn; those of a volume together."""
    units, number = np.unique(divided.unit, return_inverse=True)
    patients = rng.multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=RESAMPLES)
    drawn = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=RESAMPLES)
    return patients.astype(np.float64), drawn[:, number].astype(np.float64)


def all_shares(attributes: Sequence[Attribute], divided: Divided, rng: np.random.Generator) -> list[GroupShare]:
    """Every group of every attribute.

    Raises:
        NotEnoughData: No synthetic image's class is known.
    """
    found = [share for one in attributes for share in group_shares(one, divided, rng)]
    if not found:
        raise NotEnoughData(next((one.why_not for one in attributes if one.why_not), "no class is known"))
    return found

"""Does a finding go together with a group more often, or less, in the synthetic images than in the training set?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.attributes import SMALLEST_CELL
from synthaudit.fairness.groups import LABEL, LEAST_IN_PAIR, Attribute, patient_groups
from synthaudit.fairness.shares import Divided, votes
from synthaudit.statistics.odds_ratio import RatioOfOddsRatios, log_odds_ratio, ratio_of_odds_ratios
from synthaudit.statistics.predicted_shares import Confusions, undone

RESAMPLES = 100
LEAST_EXPECTED = 5.0
"""Synthetic images expected in each cell: below, the normal law of a logarithm of odds does not hold."""

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Association:
    """A finding and a group.

    Attributes:
        gap: Odds ratio of the finding, inside against outside the group, among the synthetic images over that among the
            training patients; the nearer to 1 of two ways to count (every patient alike, every image alike).
        holdout: The ratio of odds ratios for the held-out patients; None without.
        p_value: Of both having one odds ratio.
    """

    group: str
    finding: str
    columns: tuple[str, ...]
    gap: RatioOfOddsRatios
    holdout: float | None
    predicted: bool
    n_patients: int
    p_value: float


def associations(attributes: tuple[Attribute, ...], divided: Divided, rng: np.random.Generator) -> list[Association]:
    """Every finding with every group of the other columns, where every cell holds 10 training patients.

    With fewer in a cell the odds would follow from people who are not to be spoken of.
    """
    found = []
    for finding in (one for one in attributes if one.columns == (LABEL,) and one.known and one.spoken_of):
        for column in (one for one in attributes if one.columns != (LABEL,) and one.known):
            groups = patient_groups(column, divided.patient, len(divided.is_train))
            with_it = patient_groups(finding, divided.patient, len(divided.is_train))[-1]
            named = column.spoken_of
            for k, group in zip(named[:1] if _two_only(column) else named, groups, strict=False):
                known = divided.is_train & group.known & with_it.known
                cells = [
                    int((known & (group.inside == inside) & (with_it.inside == ill)).sum())
                    for inside in (True, False)
                    for ill in (True, False)
                ]
                if min(cells) >= SMALLEST_CELL and cells[0] + cells[1] >= LEAST_IN_PAIR:
                    one = _association(column, k, finding, divided, rng)
                    found += [one] if one is not None else []
    return found


def _two_only(column: Attribute) -> bool:
    """Two groups and no more: what holds of one holds of the other the other way round."""
    return (
        len(column.spoken_of) == 2 and not np.isin(column.real, column.spoken_of, invert=True)[column.real >= 0].any()
    )


def _association(
    column: Attribute, k: int, finding: Attribute, divided: Divided, rng: np.random.Generator
) -> Association | None:
    ill = finding.spoken_of[-1]
    joint = _joint(column.real, k, finding.real, ill)
    of_train = divided.is_train[divided.patient] & (joint >= 0)
    of_holdout = ~divided.is_train[divided.patient] & (joint >= 0)
    predicted = column.predicted is not None or finding.predicted is not None
    synthetic = _joint(column.synthetic, k, finding.synthetic, ill)
    bases = _tables(joint[of_train], divided.patient[of_train])
    if predicted:
        seen = _joint(_or(column.predicted, column.real), k, _or(finding.predicted, finding.real), ill)
        log, variance = _undone_odds(joint, seen, synthetic, divided, rng)
        rarest = min(float(base.min() / base.sum()) for base in bases)
        variance += ((column.misfit + finding.misfit) / rarest) ** 2  # all of what is unexplained may be in one cell
        n = len(divided.unit)
        gaps = [
            RatioOfOddsRatios(log - base_log, float(np.sqrt(variance + base_variance)))
            for base_log, base_variance in map(log_odds_ratio, bases)
        ]
    else:
        codes = synthetic[0]
        table = _tables(codes[codes >= 0], divided.unit[codes >= 0])[1]
        n = int(table.sum())
        gaps = [ratio_of_odds_ratios(table, base) for base in bases]
    if min(float(base.min() / base.sum()) for base in bases) * n < LEAST_EXPECTED:
        return None
    gap = min(gaps, key=lambda one: (abs(one.log_value), one.error))
    agreed = gaps[0].log_value * gaps[1].log_value > 0
    held = None
    if of_holdout.any():
        table = _tables(joint[of_holdout], divided.patient[of_holdout])[0]
        # A cell of few held-out patients would follow from the ratio.
        held = ratio_of_odds_ratios(table, bases[0]).value if table.min() >= SMALLEST_CELL else None
    return Association(
        column.names[k],
        finding.names[ill],
        (*column.columns, *finding.columns),
        gap,
        held,
        predicted,
        len(np.unique(divided.patient[of_train])),
        max(one.p_value for one in gaps) if agreed else 1.0,
    )


def _or(first: NDArray[np.intp] | None, second: NDArray[np.intp]) -> NDArray[np.intp]:
    return second if first is None else first


def _joint(a: NDArray[np.intp], k: int, b: NDArray[np.intp], ill: int) -> NDArray[np.intp]:
    """0: in the group, with the finding; 1: in it without; 2: outside with; 3: outside without; -1: not known."""
    return np.where((a >= 0) & (b >= 0), 2 * (a != k) + (b != ill), -1)


def _tables(joint: NDArray[np.intp], cluster: NDArray[np.intp]) -> tuple[Table, Table]:
    """2 x 2 counts in which every patient counts 1, and in which every image counts alike.

    The latter are scaled to as many independent images as would weigh as much (Kish 1965).
    """
    _, number, size = np.unique(cluster, return_inverse=True, return_counts=True)
    alike = np.bincount(joint, weights=1.0 / size[number], minlength=4).astype(np.float64)
    by_image = np.bincount(joint, minlength=4).astype(np.float64)
    by_image *= float(size.sum() ** 2 / (size**2).sum()) / by_image.sum()
    return np.reshape(alike, (2, 2)), np.reshape(by_image, (2, 2))


def _undone_odds(
    joint: NDArray[np.intp],
    seen: NDArray[np.intp],
    synthetic: NDArray[np.intp],
    divided: Divided,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Logarithm of the odds ratio among synthetic images whose cells were predicted, and its variance."""
    confusions = Confusions.of(joint, seen, divided.patient, 4)
    found = votes(synthetic, 4)
    units, number = np.unique(divided.unit, return_inverse=True)
    p, s = len(confusions.by_patient), len(units)
    patients = rng.multinomial(p, np.full(p, 1 / p), size=RESAMPLES).astype(np.float64)
    drawn = rng.multinomial(s, np.full(s, 1 / s), size=RESAMPLES)[:, number].astype(np.float64)
    shares = np.concatenate([found.mean(axis=0)[None], drawn @ found / drawn.sum(axis=1, keepdims=True)])
    matrices = np.concatenate([confusions.matrix(), confusions.matrix(patients)])
    logs = np.array([log_odds_ratio(s * cells.reshape(2, 2))[0] for cells in undone(shares, matrices)])
    return float(logs[0]), float(logs[1:].var(ddof=1))

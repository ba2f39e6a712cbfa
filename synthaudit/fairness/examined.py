"""Everything that is asked of the groups, and who is named: at one family-wise error for all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.fairness.association import Association, associations
from synthaudit.fairness.coverage import Balls, GroupCoverage, group_coverages
from synthaudit.fairness.distance import GroupDistance, group_distances
from synthaudit.fairness.downstream import DownstreamGap, downstream_gaps
from synthaudit.fairness.exposed import DRAWS, Exposed, Scored
from synthaudit.fairness.groups import Attribute, PatientGroup, pairs_of, patient_groups
from synthaudit.fairness.predicted import Vectors, with_predictions
from synthaudit.fairness.shares import Divided, GroupShare, all_shares
from synthaudit.statistics.fdr import holm

ALPHA = 0.01
"""Family-wise error of the whole probe: an audit of a fair generator names any group at all no more often."""
SHARES, ASSOCIATIONS, COVERAGE, EXPOSURE, DOWNSTREAM = "shares", "associations", "coverage", "exposure", "downstream"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What was found of the groups.

    Attributes:
        attributes: The columns and findings, predicted ones among them. pairs: Of their groups.
        shares, associations, coverages, distances, downstream: Empty where `why_not` says why.
        exposed: None likewise.
        adjusted: Family -> p-value of each entry, corrected for everything tested.
        why_not: Family -> why it was not measured.
    """

    attributes: tuple[Attribute, ...]
    pairs: tuple[Attribute, ...]
    shares: tuple[GroupShare, ...]
    associations: tuple[Association, ...]
    coverages: tuple[GroupCoverage, ...]
    distances: tuple[GroupDistance, ...]
    downstream: tuple[DownstreamGap, ...]
    exposed: Exposed | None
    adjusted: Mapping[str, NDArray[np.float64]]
    why_not: Mapping[str, str] = field(default_factory=dict)

    def named(self, family: str) -> NDArray[np.bool_]:
        """Which entries of a family chance does not explain."""
        return np.asarray(self.adjusted.get(family, np.ones(0)) <= ALPHA)

    @property
    def anything(self) -> bool:
        """Whether any group is named at all."""
        return any(bool(self.named(family).any()) for family in self.adjusted)

    @property
    def tested(self) -> int:
        """How many hypotheses were tested."""
        exposed = 0 if self.exposed is None else len(self.exposed.groups)
        return sum(len(p) for family, p in self.adjusted.items() if family != EXPOSURE) + exposed


def examine(
    attributes: Sequence[Attribute],
    divided: Divided,
    vectors: Vectors,
    scored: Scored | NotEnoughData,
    rng: np.random.Generator,
    *,
    draws: int = DRAWS,
) -> Examined:
    """Every question to every group, and to every pair of groups.

    Args:
        scored: What points at each patient, or why that is not known.
        draws: Relabelings of the test of exposure.
    """
    singles = with_predictions(attributes, vectors, rng)
    pairs = tuple(pairs_of(singles, divided.patient, divided.is_train))
    groups = [g for one in (*singles, *pairs) for g in patient_groups(one, divided.patient, len(divided.is_train))]
    why_not: dict[str, str] = {}

    def asked(family: str, ask: Callable[[], Sequence[T]]) -> tuple[T, ...]:
        try:
            return tuple(ask())
        except NotEnoughData as error:
            why_not[family] = str(error)
            return ()

    shares = asked(SHARES, lambda: all_shares((*singles, *pairs), divided, rng))
    tied = asked(ASSOCIATIONS, lambda: associations(singles, divided, rng))
    coverages = asked(COVERAGE, lambda: _coverages(groups, divided, vectors))
    exposed = asked(EXPOSURE, lambda: [_exposed(scored, groups, rng, draws)])
    downstream = asked(DOWNSTREAM, lambda: downstream_gaps(singles, divided, vectors, rng))
    distances = [d for one in singles if not one.any_image for d in group_distances(one, divided, vectors, rng)]
    return Examined(
        singles,
        pairs,
        shares,
        tied,
        coverages,
        tuple(distances),
        downstream,
        exposed[0] if exposed else None,
        family_wise(
            {
                SHARES: holm(np.array([one.p_value for one in shares])),
                ASSOCIATIONS: holm(np.array([one.p_value for one in tied])),
                COVERAGE: holm(np.array([one.p_value for one in coverages])),
                EXPOSURE: np.array([one.p_value for part in exposed for one in part.groups]),
                DOWNSTREAM: holm(np.array([one.p_value for one in downstream])),
            }
        ),
        why_not,
    )


def family_wise(families: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """p-values, corrected within each family, corrected for the number of families that hold any: Bonferroni.

    The chance that any is at most a level, where nothing is wrong, is then at most that level, however they hang
    together.
    """
    held = {name: p for name, p in families.items() if len(p)}
    return {name: np.minimum(1.0, p * len(held)) for name, p in held.items()}


def _coverages(groups: Sequence[PatientGroup], divided: Divided, vectors: Vectors) -> list[GroupCoverage]:
    balls = Balls.of(vectors.real, divided.patient, divided.is_train, vectors.synthetic)
    found = group_coverages(balls, groups)
    if not found:
        raise NotEnoughData("comparing coverage needs a group with 20 training patients inside and outside, found none")
    return found


def _exposed(
    scored: Scored | NotEnoughData, groups: Sequence[PatientGroup], rng: np.random.Generator, draws: int
) -> Exposed:
    if isinstance(scored, NotEnoughData):
        raise scored
    return Exposed.of(scored, groups, rng, draws)

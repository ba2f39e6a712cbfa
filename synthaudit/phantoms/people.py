"""Who the simulated patients are: sex, age, habitus, group, site and chronic findings, drawn from one population.

Groups and sites are made up. A group shifts a few anatomical means a little, so that a group can be read from an image
better than by chance; nothing here describes any real population.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthaudit.errors import UsageError

Sex = Literal["F", "M"]

GROUPS = ("A", "B", "C")
"""Ethnicity-like groups, the largest first."""

SITES = ("north", "south", "west")
"""Hospitals; each has a scanner of its own (see `visits.SCANNERS`)."""

SITE_SHARES = (0.5, 0.3, 0.2)

LEAST_AGE, MOST_AGE = 18, 95
"""Years."""


@dataclass(frozen=True, slots=True)
class Prevalence:
    """Logistic prevalence of one finding: at age 60, its slope by age, and the shift for men.

    Attributes:
        at_60: Probability for a woman of 60; 0 and 1 are for everybody.
        per_decade: Change of the log-odds for ten years of age.
        male: Change of the log-odds for men.
    """

    at_60: float
    per_decade: float
    male: float

    def probability(self, age: float, sex: Sex) -> float:
        """Probability of the finding for one person of `age` years."""
        if self.at_60 in (0, 1):  # Nobody, or everybody.
            return self.at_60
        logit = math.log(self.at_60 / (1 - self.at_60)) + self.per_decade * (age - 60) / 10
        if sex == "M":
            logit += self.male
        return 1 / (1 + math.exp(-logit))


CHRONIC = {
    "cardiomegaly": Prevalence(0.14, 0.45, 0.2),
    "nodule": Prevalence(0.07, 0.35, 0.3),
}
"""Findings that stay with the patient."""

BRAIN_CHRONIC = {
    "tumor": Prevalence(0.20, 0.15, 0.1),
    "white-matter-lesions": Prevalence(0.35, 0.60, 0.0),
}
"""The same for patients who come for their head."""

ACUTE = {
    "effusion": Prevalence(0.10, 0.35, 0.0),
    "opacity": Prevalence(0.10, 0.15, 0.2),
}
"""Findings drawn anew at each visit."""

DEVICES = {
    "pacemaker": Prevalence(0.03, 0.70, 0.4),
    "line": Prevalence(0.06, 0.10, 0.0),
}
"""A pacemaker stays with the patient; a central venous line belongs to a visit."""


@dataclass(frozen=True, slots=True)
class Person:
    """One simulated patient, before anatomy.

    Attributes:
        number: Patient number in the population.
        sex: "F" or "M".
        age: Years at the first visit.
        group: One of `GROUPS`.
        site: One of `SITES`.
        habitus: Body habitus in standard deviations; positive is broad and heavy.
        findings: Chronic findings, in the order of the table they are drawn from.
        pacemaker: Has one, at every visit.
    """

    number: int
    sex: Sex
    age: float
    group: str
    site: str
    habitus: float
    findings: tuple[str, ...]
    pacemaker: bool

    @property
    def patient_id(self) -> str:
        """The id under which cohorts and tables carry this patient."""
        return f"CHX-{self.number:06d}"


def group_shares(imbalance: float) -> tuple[float, ...]:
    """Share of each group in the population: equal at 0, halving from group to group at .5, one group only at 1.

    Args:
        imbalance: In [0, 1].

    Raises:
        UsageError: `imbalance` lies outside [0, 1].

    >>> [round(share, 3) for share in group_shares(0.5)]
    [0.571, 0.286, 0.143]
    """
    if not 0 <= imbalance <= 1:
        raise UsageError(f"imbalance must lie in [0, 1], got {imbalance}")
    weights = [(1 - imbalance) ** rank for rank in range(len(GROUPS))]
    return tuple(weight / sum(weights) for weight in weights)


def with_shares(chronic: Mapping[str, Prevalence], shares: Mapping[str, float | None]) -> dict[str, Prevalence]:
    """The table with the prevalence of some findings set to a share of all patients, whatever their age and sex.

    Args:
        chronic: Findings that stay with the patient.
        shares: Finding -> share; None leaves it as it is.

    Raises:
        UsageError: A share lies outside [0, 1].
    """
    table = dict(chronic)
    for finding, share in shares.items():
        if share is None:
            continue
        if not 0 <= share <= 1:
            raise UsageError(f"the share of patients with {finding} must lie in [0, 1], got {share}")
        table[finding] = Prevalence(share, 0.0, 0.0)
    return table


def draw_person(
    number: int, imbalance: float, rng: np.random.Generator, chronic: Mapping[str, Prevalence] = CHRONIC
) -> Person:
    """Patient `number` of a population with this group imbalance, from the patient's own `rng`.

    At most four findings can be `chronic`: each has a draw of its own.

    Every draw is made whatever the earlier ones were, so changing `imbalance` changes groups and nothing else.
    """
    uniform = rng.uniform(size=8)
    sex: Sex = "F" if uniform[0] < 0.5 else "M"
    age = float(np.clip(57 + 16 * rng.normal(), LEAST_AGE, MOST_AGE))
    group = GROUPS[int(np.searchsorted(np.cumsum(group_shares(imbalance))[:-1], uniform[1], side="right"))]
    site = SITES[int(np.searchsorted(np.cumsum(SITE_SHARES)[:-1], uniform[2], side="right"))]
    chances = zip(chronic.items(), uniform[3:7], strict=False)
    return Person(
        number=number,
        sex=sex,
        age=round(age, 1),
        group=group,
        site=site,
        habitus=float(np.clip(rng.normal(), -2.5, 2.5)),
        findings=tuple(name for (name, prevalence), u in chances if u < prevalence.probability(age, sex)),
        pacemaker=bool(uniform[7] < DEVICES["pacemaker"].probability(age, sex)),
    )

"""What a conditional generator can be asked for: columns of the cohort's attributes as vectors of 0 and 1.

Each column has one place for each of its values and a last one for "not asked": without it, nothing could be left open
when samples are asked for, and there would be no guidance. A label that names several findings, joined by "|", sets
several places. A value of few patients is not learned at all: to ask for it would be to ask for those patients.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import UsageError
from synthaudit.generators.protocol import Condition

JOINT = "|"
"""Between the findings of one label."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns and their values.

    Attributes:
        values: Column -> its values, in order.
        bands: Ages at which an age band ends and the next begins, in years; only of the column "age".
    """

    values: Mapping[str, tuple[str, ...]]
    bands: tuple[float, ...]

    @staticmethod
    def of(cohort: Cohort, names: Sequence[str], bands: Sequence[float], fewest: int) -> Columns:
        """Those of the columns `names` that the cohort has, with the values that at least `fewest` patients have.

        Raises:
            UsageError: No column has two values.
        """
        blank = Columns({}, tuple(bands))
        found: dict[str, tuple[str, ...]] = {}
        for name in names:
            holders: defaultdict[str, set[str]] = defaultdict(set)
            for patient, text in zip(cohort.patients, cohort.attributes.get(name, ()), strict=False):
                for value in blank.parts(name, text):
                    holders[value].add(patient)
            frequent = tuple(sorted(value for value, patients in holders.items() if len(patients) >= fewest))
            if len(frequent) >= 2:
                found[name] = frequent
        if not found:
            raise UsageError(
                f"a conditional generator needs one of the columns {', '.join(names)} with two values of at least "
                f"{fewest} patients each, found none; give a metadata table, or use latent-diffusion"
            )
        return Columns(found, tuple(bands))

    @staticmethod
    def from_facts(facts: Mapping[str, Any]) -> Columns:
        """The columns that `facts` gave."""
        values = {name: tuple(values) for name, values in facts["values"].items()}
        return Columns({name: values[name] for name in facts["order"]}, tuple(facts["bands"]))

    def facts(self) -> dict[str, Any]:
        """What `from_facts` needs, as it stands in JSON."""
        return {"values": dict(self.values), "order": list(self.values), "bands": list(self.bands)}

    @property
    def slices(self) -> dict[str, slice]:
        """Column -> its places in a vector; the last of them stands for "not asked"."""
        out, low = {}, 0
        for name, values in self.values.items():
            out[name] = slice(low, low + len(values) + 1)
            low += len(values) + 1
        return out

    @property
    def width(self) -> int:
        """Places of a vector."""
        return sum(len(values) + 1 for values in self.values.values())

    def parts(self, name: str, text: str) -> tuple[str, ...]:
        """The values that `text` in column `name` stands for; none for a missing one or an age that is no number."""
        if not text:
            return ()
        if name == "age":
            return self._band(text)
        return tuple(dict.fromkeys(text.split(JOINT)))

    def unasked(self, n: int) -> NDArray[np.float32]:
        """(n, c) vectors that leave all open."""
        out = np.zeros((n, self.width), dtype=np.float32)
        for place in self.slices.values():
            out[:, place.stop - 1] = 1
        return out

    def vectors(self, cohort: Cohort) -> NDArray[np.float32]:
        """(n, c) vectors of a cohort's images; what is missing or not learned is left open."""
        rows = [{name: cohort.attributes[name][row] for name in self.values} for row in range(len(cohort))]
        out = self.unasked(len(cohort))
        for row, texts in zip(out, rows, strict=True):
            self._ask(row, texts)
        return out

    def vector(self, condition: Condition | None) -> NDArray[np.float32]:
        """(c,) vector of what is asked for.

        Raises:
            UsageError: A column or a value is not known. Its known values are not listed: they are of patients.
        """
        for name, text in (condition or {}).items():
            if name not in self.values:
                raise UsageError(f"a condition must be one of {', '.join(self.values)}, got {name}")
            if not set(self.parts(name, text)) & set(self.values[name]):
                raise UsageError(f"condition {name} must have a value that was learned, got {text!r}; see `conditions`")
        rows = self.unasked(1)
        self._ask(rows[0], condition or {})
        return rows.reshape(-1)

    def _ask(self, row: NDArray[np.float32], texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            place, known = self.slices[name], self.values[name]
            asked = [known.index(value) for value in self.parts(name, text) if value in known]
            if asked:
                row[place] = 0
                row[[place.start + index for index in asked]] = 1

    def _band(self, text: str) -> tuple[str, ...]:
        names = band_names(self.bands)
        if text in names:
            return (text,)
        try:
            return (names[bisect_right(self.bands, float(text))],)
        except ValueError:
            return ()


def band_names(bands: Sequence[float]) -> tuple[str, ...]:
    """The names of the age bands.

    >>> band_names((40, 65))
    ('<40', '40-65', '65+')
    """
    if not bands:
        return ("all",)
    inner = [f"{low:g}-{high:g}" for low, high in pairwise(bands)]
    return (f"<{bands[0]:g}", *inner, f"{bands[-1]:g}+")


def rarest_part(texts: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """(n,) of each label the `known` finding that fewest images have: the class by which rare ones are enriched.

    A label without any counts to the largest class: what is not learned must not be shown more often, either.
    """
    parts = [tuple(part for part in dict.fromkeys(text.split(JOINT)) if part in known) for text in texts]
    count = Counter(part for row in parts for part in row)
    largest = max(known, key=lambda part: (count[part], part))
    return tuple(min(row, key=lambda part: (count[part], part), default=largest) for row in parts)


def enriched_rows(classes: Sequence[str], balance: float, total: int) -> NDArray[np.intp]:
    """(about `total`,) rows to learn from, each class repeated until it has its share.

    Args:
        classes: (n,) class of each row.
        balance: 0 keeps each class as frequent as it is, 1 makes all equally frequent; between, frequency to the power
            of 1 - balance.
        total: How many rows, at least n; with `balance` 0 the n rows once.
    """
    if balance == 0:
        return np.arange(len(classes))
    names, member, count = np.unique(np.array(classes), return_inverse=True, return_counts=True)
    share = count.astype(np.float64) ** (1 - balance)
    wanted = np.maximum(np.round(share / share.sum() * max(total, len(classes))).astype(int), 1)
    # Each row of a class as often as every other, give or take one.
    return np.concatenate([np.resize(np.flatnonzero(member == i), wanted[i]) for i in range(len(names))])

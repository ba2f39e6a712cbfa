"""What synthetic files say that one real patient's files say, and no other's.

Files of one source agree in much: the maker of the scanner, the hospital, a protocol. So a value counts as carried over
only where it singles real patients out, and only if chance is no explanation:

- *unique* values (ids, names, unique ids, embedded pictures): one is enough, of training and held-out patients alike;
- *specific* values (serial numbers, longer texts, exposures as a whole): one is enough, as long as no value of the kind
  agrees with a held-out patient's. Then chance makes them agree, and it takes more;
- *common* values (dates, times, short texts, bare numbers): only where training patients are met so much more often
  than held-out ones that chance is refuted.

Chance meets patients of both sides alike. So, of the patients with a value of their own who are met, the number on the
training side follows the hypergeometric distribution: an exact test, as exact as the two sides are alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from synthaudit.headers.acquisition import shared_settings
from synthaudit.headers.read import Headers
from synthaudit.headers.record import Said, Topic, Weight
from synthaudit.statistics.fdr import holm

SIDE_VALUE = 0.001
"""Level at which a value of several training patients and no held-out one belongs to the training side."""
LEAST_PATIENTS = 10
"""Without held-out patients, so many training patients are to show that a value is nobody else's."""
TABLE_ID = "patient id of the table"


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """One thing that a synthetic file says as a real patient's file does.

    Attributes:
        file: Position of the synthetic file.
        said: Where and about what.
        from_train: Whether it is a training patient's; else a held-out one's.
        patients: Whose.
        p_value: Of chance, for its kind, where a test decided; None where one value is enough.
    """

    file: int
    said: Said
    from_train: bool
    patients: frozenset[str] = field(repr=False)
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class _Value:
    """Whose files hold a value."""

    train: frozenset[str]
    holdout: frozenset[str]
    weight: Weight
    name: str


def carried_over(synthetic: Headers, train: Headers, holdout: Headers | None, *, alpha: float) -> list[CarriedOver]:
    """Everything that was carried over, in the order of the synthetic files.

    Args:
        synthetic, train, holdout: Read under one key.
        alpha: Family-wise error over all kinds of common values.
    """
    holdout = holdout if holdout is not None and (holdout.files or holdout.ids) else None
    values = _values(train, holdout)
    sides = (_patients(train), _patients(holdout))
    met: dict[str, list[tuple[int, Said, _Value]]] = defaultdict(list)
    for number, file in enumerate(synthetic.files):
        for said in file.header.said:
            for digest in dict.fromkeys((said.digest, *said.words)):
                value = values.get(digest)
                if value is not None and _singles_out(value, sides, holdout is not None):
                    met[value.name].append((number, said, value))
    p_values = _chance(met, values, holdout is not None)
    adjusted = holm(np.array(list(p_values.values())))
    refuted = {name: bool(p <= alpha) for name, p in zip(p_values, adjusted, strict=True)}
    found = []
    for name, meetings in met.items():
        for number, said, value in meetings:
            if _counts(value, meetings, refuted=refuted.get(name, False)):
                from_train = bool(value.train)
                p = p_values[name] if refuted.get(name) and value.weight is not Weight.UNIQUE else None
                found.append(CarriedOver(number, said, from_train, value.train or value.holdout, p))
    found += _exposures(synthetic, train, holdout)
    return sorted(_once(found), key=lambda one: (one.file, one.said.where, not one.from_train))


def _exposures(synthetic: Headers, train: Headers, holdout: Headers | None) -> list[CarriedOver]:
    """Synthetic files with the settings of one real exposure; nothing as soon as held-out exposures are met as well."""
    real = [*train.files, *(holdout.files if holdout is not None else ())]
    shared = shared_settings(
        [file.header.settings for file in synthetic.files], [file.header.settings for file in real]
    )
    if any(one.real >= len(train.files) for one in shared):
        return []
    return [CarriedOver(one.file, _SETTINGS, True, real[one.real].patients, one.p_value) for one in shared]


_SETTINGS = Said("settings of the acquisition", "acquisition settings", Topic.ACQUISITION, Weight.SPECIFIC, b"")


def _once(found: Iterable[CarriedOver]) -> list[CarriedOver]:
    kept: dict[tuple[int, str, bool], CarriedOver] = {}
    for one in found:
        kept.setdefault((one.file, one.said.where, one.from_train), one)
    return list(kept.values())


def _patients(headers: Headers | None) -> int:
    return len({patient for file in headers.files for patient in file.patients}) if headers is not None else 0


def _values(train: Headers, holdout: Headers | None) -> dict[bytes, _Value]:
    """Digest -> whose files hold it."""
    holders: dict[bytes, tuple[set[str], set[str]]] = {}
    kinds: dict[bytes, tuple[Weight, str]] = {}
    for side, headers in enumerate((train, holdout)):
        for file in headers.files if headers is not None else ():
            for said in file.header.said:
                if said.topic is Topic.NAME:  # what real files are called is no value: their table is
                    continue
                _hold(holders, kinds, side, said.digest, file.patients, (said.weight, said.name))
        for digest, (patient, weight) in headers.ids.items() if headers is not None else ():
            _hold(holders, kinds, side, digest, {patient}, (weight, TABLE_ID))
    return {
        digest: _Value(frozenset(one), frozenset(other), *kinds[digest]) for digest, (one, other) in holders.items()
    }


def _hold(
    holders: dict[bytes, tuple[set[str], set[str]]],
    kinds: dict[bytes, tuple[Weight, str]],
    side: int,
    digest: bytes,
    patients: Iterable[str],
    kind: tuple[Weight, str],
) -> None:
    holders.setdefault(digest, (set(), set()))[side].update(patients)
    known = kinds.get(digest)
    if known is None or kind > known:
        kinds[digest] = kind


def _singles_out(value: _Value, sides: tuple[int, int], has_holdout: bool) -> bool:
    """Whether only one side holds the value, and too few on it for a value of the population."""
    if bool(value.train) == bool(value.holdout):
        return False
    holders, ours = (value.train, sides[0]) if value.train else (value.holdout, sides[1])
    if value.weight is Weight.UNIQUE:
        return has_holdout or len(holders) == 1 or 2 * len(holders) <= ours
    if not has_holdout:
        return len(holders) == 1 and ours >= LEAST_PATIENTS
    if len(holders) == 1:
        return True
    if value.weight is Weight.COMMON:
        return False
    everyone, log_p = sum(sides), 0.0
    for i in range(len(holders)):
        log_p += np.log((ours - i) / (everyone - i))
    return bool(np.exp(log_p) <= SIDE_VALUE)


def _chance(
    met: Mapping[str, list[tuple[int, Said, _Value]]], values: Mapping[bytes, _Value], has_holdout: bool
) -> dict[str, float]:
    """Kind of value -> how often chance meets so many training patients among those met."""
    from scipy.stats import hypergeom

    if not has_holdout:
        return {}
    owners: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for value in values.values():
        if value.name in met and len(value.train) + len(value.holdout) == 1:
            owners[value.name][0].update(value.train)
            owners[value.name][1].update(value.holdout)
    p_values = {}
    for name in sorted(met):
        ours = {patient for _, _, value in met[name] if len(value.train) == 1 for patient in value.train}
        theirs = {patient for _, _, value in met[name] if len(value.holdout) == 1 for patient in value.holdout}
        if ours or theirs:
            train, holdout = (len(side) for side in owners[name])
            p_values[name] = float(hypergeom.sf(len(ours) - 1, train + holdout, train, len(ours) + len(theirs)))
    return p_values


def _counts(value: _Value, meetings: Iterable[tuple[int, Said, _Value]], *, refuted: bool) -> bool:
    """Whether this agreement counts."""
    if value.weight is Weight.UNIQUE:
        return True
    if value.holdout:  # the floor that the training side is compared with
        return False
    if refuted:
        return True
    return value.weight is Weight.SPECIFIC and not any(other.holdout for _, _, other in meetings)

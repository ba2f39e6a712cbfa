"""What the synthetic images say about each real patient: computed once, read by the probes `copies` and `planted`.

Everything up to the last line is computed on the pool of all real patients, blind to who was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.matching.direct import DirectPair, direct_pairs, equal_pixels, shows_something
from synthaudit.matching.matcher import Matches
from synthaudit.matching.patients import PatientEvidence, PatientScale, Strata, gather, strata
from synthaudit.matching.pool import Pool
from synthaudit.matching.strangers import Strangers
from synthaudit.probe import Evidence
from synthaudit.statistics.fdr import target_decoy_q


@dataclass(frozen=True, eq=False)
class CopyEvidence:
    """The evidence for and against copying, a patient at a time.

    Attributes:
        matches, strangers: None where there are too few real images to know how alike strangers are (`why_not`).
        pairs: Direct evidence, most alike first.
        twins: (p,) patients of one side who look like one of the other: one person twice, or one picture filed twice.
        direct: (p,) patients with direct evidence.
        proven: (p,) those of them whose evidence alone makes an audit fail.
        strata: On how many images each patient is read.
        patients, scale, scores: Evidence, its scale, and (p,) one score for each patient; higher means more exposed.
    """

    matches: Matches | None
    strangers: Strangers | None
    why_not: str
    pairs: tuple[DirectPair, ...]
    twins: NDArray[np.bool_]
    direct: NDArray[np.bool_]
    proven: NDArray[np.bool_]
    strata: Strata
    patients: PatientEvidence
    scale: PatientScale
    scores: NDArray[np.float64]

    @property
    def left_out(self) -> NDArray[np.bool_]:
        """(p,) patients who take no part in the statistics, by one rule for both sides."""
        return self.twins | self.direct


def find_twins(pool: Pool, strangers: Strangers | None) -> NDArray[np.bool_]:
    """(p,) patients sharing a picture with a patient of the other side.

    Equal pixels are found for all images; pictures that are alike only after registration among the images sampled for
    the strangers.
    """
    twins = np.zeros(pool.n_patients, dtype=bool)
    by_digest: dict[str, list[int]] = {}
    for row in range(len(pool)):
        by_digest.setdefault(pool.digest(row), []).append(row)
    groups = [
        {int(patient) for patient in pool.patient[rows]}
        for rows in by_digest.values()
        if len(set(pool.patient[rows])) > 1 and shows_something(pool.read(rows[0]))
    ]
    if strangers is not None:
        groups += [{int(a), int(b)} for a, b in strangers.twins]
    for patients in groups:
        members = np.array(sorted(patients), dtype=np.intp)
        if len(np.unique(pool.patient_is_train[members])) == 2:
            twins[members] = True
    return twins


def copy_evidence(evidence: Evidence) -> CopyEvidence:
    """The evidence, computed at the first call."""
    return evidence.once("copying", lambda: _gather(evidence))


def _gather(evidence: Evidence) -> CopyEvidence:
    pool = evidence.pool
    identical = equal_pixels(evidence.synthetic.pixel_digests, pool)
    matches: Matches | None = None
    strangers: Strangers | None = None
    why_not = ""
    try:
        strangers = evidence.strangers
        matches = evidence.synthetic_matches
    except NotEnoughData as error:
        why_not = str(error)
    pairs = direct_pairs(matches, strangers, identical)
    direct, proven = np.zeros(pool.n_patients, dtype=bool), np.zeros(pool.n_patients, dtype=bool)
    direct[pool.patient[[pair.real for pair in pairs]]] = True
    proven[pool.patient[[pair.real for pair in pairs if pair.proven]]] = True
    twins = find_twins(pool, strangers)
    kept = ~(twins | direct)
    levels = strata(pool, kept)
    if matches is not None and strangers is not None:
        patients = gather(matches, pool, strangers, levels.rows)
    else:
        nothing = np.full(pool.n_patients, -np.inf)
        patients = PatientEvidence(nothing, nothing)
    scale = PatientScale.fit(patients, levels.level, kept)
    return CopyEvidence(
        matches,
        strangers,
        why_not,
        tuple(pairs),
        twins,
        direct,
        proven,
        levels,
        patients,
        scale,
        scale.scores(patients),
    )


def withheld_q(
    copies: CopyEvidence, pool: Pool, volume: NDArray[np.intp], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """q-value and margin of each synthetic image by target-decoy competition; 1.0 where it matches nobody in training.

    The larger side is dealt into parts of the size of the smaller one, so that targets and decoys have equal chances;
    for each part, the best synthetic image of each matched patient competes, and no more than one of a volume: its
    slices are one discovery.

    Args:
        volume: (n_synthetic,) number of the volume each synthetic image belongs to; -1 for none.

    Returns:
        (n_synthetic,) q-values and (n_synthetic,) margins.
    """
    q, margin = np.ones(len(volume)), np.full(len(volume), -np.inf)
    one_each = np.where(volume >= 0, volume, volume.max(initial=-1) + 1 + np.arange(len(volume)))
    if copies.matches is None or copies.strangers is None:
        return q, margin
    best = _pair_scores(copies.matches, copies.strangers, copies.scale)
    kept = np.flatnonzero(~copies.left_out)
    train = rng.permutation(kept[pool.patient_is_train[kept]])
    holdout = rng.permutation(kept[~pool.patient_is_train[kept]])
    if not len(train) or not len(holdout):
        return q, margin
    parts = max(1, round(len(train) / len(holdout)))
    for part in np.array_split(train, parts):
        decoys = holdout[: len(part)]
        targets = part[: len(decoys)] if len(part) > len(decoys) else part
        for targets_now in (targets, part[len(targets) :]):
            if len(targets_now):
                _compete(best, pool, targets_now, decoys[: len(targets_now)], one_each, q, margin)
    return q, margin


_PairScores = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]


def _pair_scores(matches: Matches, strangers: Strangers, scale: PatientScale) -> _PairScores:
    """Query, pool row and score of every candidate pair: standardized similarity, plus likeness where compared."""
    fill, center, spread = scale.likeness
    likeness = {
        (int(q), int(r)): float(value)
        for q, r, value in zip(
            matches.fine_query, matches.fine_real, strangers.likeness(matches.similarity), strict=True
        )
    }
    extra = np.array([likeness.get((int(q), int(r)), fill) for q, r in zip(matches.query, matches.real, strict=True)])
    score = (matches.score - scale.similarity[1]) / scale.similarity[2] + (extra - center) / spread
    return matches.query, matches.real, score


def _compete(
    best: _PairScores,
    pool: Pool,
    targets: NDArray[np.intp],
    decoys: NDArray[np.intp],
    one_each: NDArray[np.intp],
    q: NDArray[np.float64],
    margin: NDArray[np.float64],
) -> None:
    """One round of the competition; lowers `q` and raises `margin` where it names an image."""
    query, real, score = best
    n = len(q)
    floor = float(score.min(initial=0.0)) - 1e-9
    patient = pool.patient[real]
    top: list[NDArray[np.float64]] = []
    winner: list[NDArray[np.intp]] = []
    for group in (targets, decoys):
        member = np.zeros(pool.n_patients, dtype=bool)
        member[group] = True
        inside = member[patient]
        order = np.lexsort((patient[inside], -score[inside]))
        best_score, best_patient = np.full(n, floor), np.full(n, -1, dtype=np.intp)
        first, at = np.unique(query[inside][order], return_index=True)
        best_score[first], best_patient[first] = score[inside][order][at], patient[inside][order][at]
        top.append(best_score)
        winner.append(best_patient)
    signed = top[0] - top[1]
    matched = np.where(signed >= 0, winner[0], winner[1])
    entrants = np.flatnonzero((matched >= 0) & (signed != 0))
    order = entrants[np.lexsort((entrants, -np.abs(signed[entrants])))]
    for unit in (one_each, matched):  # the best entrant of each volume, then of each patient
        _, at = np.unique(unit[order], return_index=True)
        order = order[np.sort(at)]
    chosen = order
    found = target_decoy_q(signed[chosen])
    better = found < q[chosen]
    q[chosen[better]] = found[better]
    margin[chosen] = np.maximum(margin[chosen], signed[chosen])

"""How alike the volumes of two different people can look: the yardstick for "too alike" among volumes.

Each real volume of a sample looks for its likeliest stranger among the real volumes of other patients, by the same
search, alignment and comparison that the synthetic volumes go through, and its best find is what an honest generator
would be compared with. A mean over few slices scatters more than one over many; so there is one yardstick for each
number of slices compared, made of the very same pairs.

Patients are resampled, not volumes: two sequences of one patient have the same strangers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import NotEnoughData
from synthaudit.matching import strangers as single
from synthaudit.matching.lookup import Candidates
from synthaudit.matching.matcher import BLOCK, Matcher
from synthaudit.matching.similarity import CHANNELS, fisher_z
from synthaudit.matching.strangers import Strangers, sample_rows, scale_of, twins_among
from synthaudit.matching.volume import QueryVolume, SingleSlices, Volume, VolumePair, evenly, middle
from synthaudit.matching.volumes import VolumeMatcher
from synthaudit.parallel import ordered_map

LEVELS = (3, 4, 6)
"""Numbers of slices that volumes are compared on; a pair with more is read on the next lower number."""
LARGEST_SAMPLE = 120
LEAST_CHANNELS = 3
"""Channels above the lower bar without which nothing is beyond doubt: one of twelve may be far out by chance."""
PROOF_MARGIN = 3.0
"""Least distance of the higher bar from the most alike strangers, in spreads: volumes are fewer than images."""
LEAST_DRAWN = 6
"""Patients drawn in each resample, however few there are: a line needs points."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class VolumeScale:
    """The scales on which pairs of volumes are judged: number of slices -> scale (its images are volumes)."""

    levels: dict[int, Strangers]

    def level(self, pair: VolumePair) -> int:
        """The number of slices on which this pair is judged; 0 if it has too few.

        The largest at which something can be proven; where nothing can be at any, the largest.
        """
        fitting = [level for level in self.levels if level <= len(pair.slices)]
        return max(fitting, key=lambda level: (np.isfinite(self.levels[level].proof), level), default=0)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPair:
    """A synthetic and a real volume, judged.

    Attributes:
        likeness: In robust standard deviations above the median stranger.
        suspected: Above the lower bar: someone has to look at the two.
        proven: Beyond doubt.
        channel: The channel that decides.
        similarity, threshold: The middle similarity of the slices there, and what it had to exceed.
    """

    pair: VolumePair
    likeness: float
    suspected: bool
    proven: bool
    channel: int
    similarity: float
    threshold: float


def find_volume_strangers(
    matcher: Matcher, volumes: Sequence[Volume], *, n_queries: int, rng: np.random.Generator
) -> VolumeScale:
    """Measure how alike the volumes of strangers are.

    Args:
        volumes: The pool's.
        n_queries: How many synthetic volumes will be judged.

    Raises:
        NotEnoughData: Fewer than 20 real volumes have a stranger to be compared with.
    """
    patient = np.array([volume.patient for volume in volumes], dtype=np.intp)
    if len(volumes) < single.LEAST_STRANGERS:
        raise NotEnoughData(_too_few(len(volumes)))
    sampled = sample_rows(patient, LARGEST_SAMPLE, rng)
    places = [volumes[i].spread_out() for i in sampled]
    rows = [volumes[i].rows[place] for i, place in zip(sampled, places, strict=True)]
    every = np.concatenate(rows)
    found = _looked_up(matcher, every)
    starts = np.cumsum([0, *(len(one) for one in rows)])

    def asked(n: int) -> QueryVolume:
        def read(i: int) -> NDArray[np.float32]:
            return matcher.pool.prepared(int(rows[n][i]), matcher.size).full

        volume = volumes[sampled[n]]
        vectors = tuple(space.vectors[rows[n]] for space in matcher.spaces)
        return QueryVolume(
            np.arange(starts[n], starts[n + 1]), volume.positions[places[n]], vectors, volume.patient, read
        )

    pairs = VolumeMatcher(matcher, volumes).match(
        [asked(n) for n in range(len(sampled))], found, stage="strangers' volumes"
    )
    return volume_scale(pairs, patient[sampled], n_queries=n_queries, rng=rng)


def _looked_up(matcher: Matcher, rows: NDArray[np.intp]) -> SingleSlices:
    """The candidates of real slices among other patients' images; a block at a time, as memory is that of one."""
    look_up = matcher.look_up
    look_up.prepare()
    found: list[Candidates] = []
    starts = range(0, len(rows), BLOCK)
    for start in matcher.progress.track(starts, "strangers' slices", len(starts)):
        queries = [matcher.query_of_stranger(int(row)) for row in rows[start : start + BLOCK]]
        found += look_up.candidates(queries, list(ordered_map(look_up.see, queries, matcher.workers)))
    return SingleSlices(
        query=np.repeat(np.arange(len(found)), [len(one.rows) for one in found]),
        real=np.concatenate([one.rows for one in found]),
        score=np.concatenate([one.scores for one in found]),
    )


def volume_scale(
    pairs: Sequence[VolumePair],
    query_patient: NDArray[np.intp],
    *,
    n_queries: int,
    rng: np.random.Generator,
) -> VolumeScale:
    """The scales from pairs of strangers' volumes.

    Args:
        pairs: Of real volumes with real volumes of other patients.
        query_patient: Patient of each volume that asked.

    Raises:
        NotEnoughData: No number of slices has 20 strangers.
    """
    levels, most = {}, 0
    for level in LEVELS:
        first, second, asking = _likest(pairs, level)
        kept = ~twins_among(first, second)
        most = max(most, int(kept.sum()))
        if kept.sum() >= single.LEAST_STRANGERS:
            levels[level] = _scale(first[kept], query_patient[asking[kept]], n_queries, rng)
    if not levels:
        raise NotEnoughData(_too_few(most))
    return VolumeScale(levels)


def _too_few(found: int) -> str:
    return (
        f"knowing how alike strangers' volumes are needs at least {single.LEAST_STRANGERS} real volumes of 3 slices or "
        f"more, with numbers in the column `slice`, that have a stranger, got {found}; add volumes of more patients"
    )


def _evidence(pairs: Sequence[VolumePair], level: int) -> list[tuple[VolumePair, Floats]]:
    """The pairs with slices enough, each with its (12,) similarities and leads over the next patient, by channel.

    Noise and contrast lower the similarity with every volume alike; the lead is what they leave. It is the middle of
    the slices' differences, taken as Fisher's z, where differences near 1 count as much as others; and brought back.
    """
    by_query: dict[int, list[VolumePair]] = {}
    for pair in pairs:
        by_query.setdefault(pair.query, []).append(pair)
    found = []
    for mine in by_query.values():
        for pair in mine:
            if len(pair.slices) < level:
                continue
            lead = _lead(pair, [rival for rival in mine if rival.patient != pair.patient], level)
            found.append((pair, np.concatenate([middle(pair.similarity, level), np.tanh(lead)])))
    return found


def _lead(pair: VolumePair, rivals: Sequence[VolumePair], level: int) -> Floats:
    """(6,) how much more alike the slices are to this volume's than to the likest of other patients', slice by slice.

    0 where too few slices meet one of both: a lead over nobody is none.
    """
    best = np.full(pair.similarity.shape, -np.inf)
    for rival in rivals:
        _, mine, theirs = np.intersect1d(pair.slices, rival.slices, return_indices=True)
        best[mine] = np.maximum(best[mine], fisher_z(rival.similarity[theirs]))
    met = np.isfinite(best[:, 0])
    if np.count_nonzero(met) < min(LEVELS):
        return np.zeros(len(CHANNELS))
    # A slice that did not register with anybody is no lead: it is measured by what the others' better slices reach.
    rows = np.flatnonzero(met)[evenly(int(met.sum()), level)]  # the same number for strangers and for judged volumes
    rival_z = np.maximum(best[rows], np.quantile(best[rows], 0.75, axis=0))
    return middle(fisher_z(pair.similarity[rows]) - rival_z, len(rows))


def _likest(pairs: Sequence[VolumePair], level: int) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """(q, 12) best evidence of each query with enough slices; the same to the next other patient; (q,) the queries."""
    by_query: dict[int, list[tuple[int, Floats]]] = {}
    for pair, evidence in _evidence(pairs, level):
        by_query.setdefault(pair.query, []).append((pair.patient, evidence))
    first, second = (np.full((len(by_query), 2 * len(CHANNELS)), -1.0) for _ in range(2))
    for row, found in enumerate(by_query.values()):
        likest = max(found, key=lambda one: float(one[1][: len(CHANNELS)].sum()))[0]
        first[row] = np.max([evidence for _, evidence in found], axis=0)
        others = [evidence for who, evidence in found if who != likest]
        if others:
            second[row] = np.max(others, axis=0)
    return first, second, np.array(list(by_query), dtype=np.intp)


def _scale(first: Floats, asking: NDArray[np.intp], n_queries: int, rng: np.random.Generator) -> Strangers:
    """The scale of one number of slices; `asking` is the patient of each row of `first`."""
    # Of twelve channels, one has a robust spread too small by chance, so none counts below the plain one.
    center, robust = scale_of(first)
    spread = np.maximum(robust, fisher_z(first).std(axis=0))
    best = ((fisher_z(first) - center) / spread).max(axis=1)
    n_patients = len(np.unique(asking))
    enough = len(best) >= single.LEAST_FOR_PROOF and n_patients >= single.LEAST_PATIENTS_FOR_PROOF
    suspect = _bar(best, asking, single.SUSPECT_ALARMS / max(1, n_queries), rng) if n_patients > 1 else np.inf
    proof = _bar(best, asking, single.PROOF_ALARMS / max(1, n_queries), rng) if enough else np.inf
    return Strangers(
        center,
        spread,
        best,
        threshold=max(suspect, float(best.max()) + single.SUSPECT_MARGIN),
        proof=max(proof, float(best.max()) + single.PROOF_MARGIN),
        n_images=len(best),
        n_patients=n_patients,
        sampled=np.empty(0, dtype=np.intp),
        twins=np.empty((0, 2), dtype=np.intp),
    )


def _bar(best: Floats, asking: NDArray[np.intp], level: float, rng: np.random.Generator) -> float:
    """Upper 95 % limit, over patients drawn anew and one volume of each, of where a normal tail leaves that share."""
    order = np.argsort(asking, kind="stable")
    _, starts, sizes = np.unique(asking[order], return_index=True, return_counts=True)
    drawn = rng.integers(0, len(starts), (single.BAR_BOOTSTRAPS, max(len(starts), LEAST_DRAWN)))
    volume = starts[drawn] + np.floor(rng.random(drawn.shape) * sizes[drawn]).astype(np.intp)
    resampled = np.sort(best[order][volume], axis=1)
    return float(np.quantile(single.line_through_tail(resampled, level), 0.95))


def judged(pairs: Sequence[VolumePair], scale: VolumeScale) -> list[JudgedPair]:
    """Every pair that has slices enough, on the scale of its number of slices."""
    found = []
    for level, strangers in scale.levels.items():
        for pair, evidence in _evidence(pairs, level):
            if scale.level(pair) != level:
                continue
            standard = strangers.by_channel(evidence[None])[0]
            channel = int(standard.argmax())
            similarity = float(evidence[channel % len(CHANNELS)])
            bar = strangers.correlation(strangers.threshold, channel)
            if channel >= len(CHANNELS):  # a lead short of its bar by so much is a similarity short of it by as much
                bar = float(np.tanh(np.arctanh(similarity) - np.arctanh(evidence[channel]) + np.arctanh(bar)))
            likeness = float(standard[channel])
            suspected = likeness > strangers.threshold
            several = np.count_nonzero(standard > strangers.threshold) >= LEAST_CHANNELS
            proven = bool(several and likeness > strangers.proof)
            found.append(JudgedPair(pair, likeness, suspected, proven, channel % len(CHANNELS), similarity, bar))
    return sorted(found, key=lambda one: (one.pair.query, one.pair.real))

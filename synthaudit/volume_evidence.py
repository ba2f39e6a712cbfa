"""What the synthetic volumes, each taken as one, say about the real ones: computed once, read by the probe `volumes`.

All of it is computed on the pool of all real patients, blind to who was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.errors import NotEnoughData
from synthaudit.matching.volume import QueryVolume, SingleSlices, Volume, cohort_volumes, pool_volumes
from synthaudit.matching.volume_strangers import JudgedPair, VolumeScale, find_volume_strangers, judged
from synthaudit.matching.volumes import VolumeMatcher
from synthaudit.pixels import canvas
from synthaudit.probe import Evidence


@dataclass(frozen=True, slots=True, eq=False)
class VolumeEvidence:
    """The evidence for and against copying, a volume at a time.

    Attributes:
        volume_of: (n,) number of the synthetic volume each image belongs to; -1 for none.
        n_volumes: Number of synthetic volumes.
        judged: (n_volumes,) bool, those that could be judged as a whole.
        queries: What was looked up: synthetic volumes of at least 3 slices at known positions.
        real: The pool's volumes.
        pairs: Volumes that are more alike than strangers' are, most alike first.
        scale: None where there are too few real volumes to know how alike strangers' are (`why_not`).
    """

    volume_of: NDArray[np.intp]
    n_volumes: int
    judged: NDArray[np.bool_]
    queries: tuple[Volume, ...]
    real: tuple[Volume, ...]
    pairs: tuple[JudgedPair, ...]
    scale: VolumeScale | None
    why_not: str

    def synthetic(self, pair: JudgedPair) -> int:
        """Number of the synthetic volume of a pair."""
        return int(self.volume_of[self.queries[pair.pair.query].rows[0]])

    def patient(self, pair: JudgedPair) -> int:
        """Pool patient of the real volume of a pair."""
        return self.real[pair.pair.real].patient


def volume_evidence(evidence: Evidence) -> VolumeEvidence:
    """The evidence, computed at the first call."""
    return evidence.once("volumes", lambda: _gather(evidence))


def _gather(evidence: Evidence) -> VolumeEvidence:
    synthetic = evidence.synthetic
    queries, real = cohort_volumes(synthetic), pool_volumes(evidence.pool)
    looked_up = np.zeros(len(synthetic.volume_ids), dtype=bool)
    pairs: list[JudgedPair] = []
    scale, why_not = None, ""
    try:
        if not queries:
            raise NotEnoughData(
                "a volume is judged as a whole by at least 3 slices with a number in the column `slice`, and no "
                "synthetic volume has as many; fill in the column"
            )
        rng = evidence.rng("volume strangers")
        scale = find_volume_strangers(evidence.matcher, real, n_queries=len(queries), rng=rng)
    except NotEnoughData as error:
        why_not = str(error)
    else:
        matcher = VolumeMatcher(evidence.matcher, real)
        asked = [_asked(evidence, volume) for volume in queries]
        singly = evidence.synthetic_matches
        found = SingleSlices(singly.query, singly.real, singly.score)
        pairs = judged(matcher.match(asked, found, stage="synthetic volumes"), scale)
        looked_up[[synthetic.volume_index[queries[pair.pair.query].rows[0]] for pair in pairs]] = True
        pairs = sorted((pair for pair in pairs if pair.suspected), key=lambda pair: (-pair.likeness, pair.pair.query))
    return VolumeEvidence(
        synthetic.volume_index,
        len(synthetic.volume_ids),
        looked_up,
        tuple(queries),
        tuple(real),
        tuple(pairs),
        scale,
        why_not,
    )


def _asked(evidence: Evidence, volume: Volume) -> QueryVolume:
    """A synthetic volume to look up, by some of its slices."""
    places = volume.spread_out()
    rows = volume.rows[places]

    def read(i: int) -> NDArray[np.float32]:
        return canvas(evidence.synthetic.sources[rows[i]].read(), evidence.matcher.size)

    vectors = tuple(
        evidence.embeddings[space.encoder.name][Role.SYNTHETIC].vectors[rows] for space in evidence.matcher.spaces
    )
    return QueryVolume(rows, volume.positions[places], vectors, -1, read)

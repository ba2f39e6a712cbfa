"""All that is asked in one audit: whom the verifier knows, whom the synthetic images lead to, and what was visible.

Patients whose very picture is on both sides are left out of both, as in the other statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.attributes import SMALLEST_CELL
from synthaudit.cohort import Role
from synthaudit.copying import find_twins
from synthaudit.errors import NotEnoughData
from synthaudit.matching.patients import strata
from synthaudit.probe import Evidence
from synthaudit.reidentification.background import Background
from synthaudit.reidentification.linkage import Linkage
from synthaudit.reidentification.quality import FMR, Quality
from synthaudit.reidentification.shown_again import fewest_shown, looks_of
from synthaudit.reidentification.verifier import Verifier
from synthaudit.reidentification.visits import Visits, visits
from synthaudit.statistics.exposure import select_exposed
from synthaudit.statistics.label_scan import LEAST_PATIENTS, LOOKS, LabelScan, label_scan
from synthaudit.statistics.match_threshold import MatchThreshold, match_threshold
from synthaudit.statistics.patient_bootstrap import RESAMPLES
from synthaudit.statistics.standardized_excess import Excess, standardized_excess

LEAST_AGAIN = 15
"""Patients with two different images without whom nothing is asked.

Simulated, some people being like everybody (200 to 250 times each): of verifiers with an AUC of .83, .93 and .98, among
15 patients 98, 91 and 92 % were told from guessing, and the intervals held an AUC of .98 in 89 % of cases; among 10 it
was 78, 77 and 88 %, and 78 %. One that guesses was taken to see in under 2 %.
"""
LEAST_SYNTHETIC = 10
CHANCE_LINKS = 0.2
"""Of so large a share of the patients any one is linked by chance: of thousands of synthetic images, one matches nearly
everyone at 1 in 1,000, so that with more than 200 of them the rate allowed is lower."""
LISTED_BELOW_P = 0.05
"""Linked training patients who are not named are listed (unflagged) if their p-value is below this."""
DEPTH = 20
NEAREST, OTHER = "nearest_image", "other_visit"


@dataclass(frozen=True, slots=True, eq=False)
class LinkedImages:
    """Share of the synthetic images linked to anyone in a gallery of `gallery` training patients; floor: held-out."""

    value: float
    low: float
    high: float
    floor: float
    gallery: int


@dataclass(frozen=True, slots=True, eq=False)
class Linked:
    """Whom the synthetic images lead to, by one kind of likeness.

    Attributes:
        fmr: Share of the pairs with held-out patients that passes.
        of: (q,) patients, by their numbers in the linkage, to whom this likeness applies.
        threshold: What a pair must exceed.
        hit: (q,) bool, linked to at least one synthetic image.
        excess: Of the training patients linked; `widened` is the same with an interval that allows for two kinds.
        places: (DEPTH,) excess of those who stand so high or higher in the list of the synthetic image most like them.
        gallery: Patients in that list.
    """

    fmr: float
    of: NDArray[np.intp]
    threshold: MatchThreshold
    hit: NDArray[np.bool_]
    excess: Excess
    widened: Excess
    places: tuple[Excess, ...]
    gallery: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A training patient, and the pair of images that links them.

    Attributes:
        patient: Number in the pool. real: pool row. made: row of the synthetic cohort.
        named: Whether the false discovery rate allows to name them.
    """

    patient: int
    real: int
    made: int
    score: float
    p_value: float
    q_value: float
    named: bool


@dataclass(frozen=True, eq=False)
class Answers:
    """What was found.

    Attributes:
        quality: Of the verifier. Where it sees nothing, nothing below was asked.
        linked: By the patient's nearest image and by another visit; a kind that could not be asked holds why.
        scan: One test of both. fewest: training patients who would have been noticed; None if all would not.
        recognized: Patients recognized by another visit, shown as if it were made; of `quality.shown`.
        listed: Training patients who stand out most, most first.
    """

    quality: Quality
    visits: Visits
    n_real_images: int
    linkage: Linkage | None = None
    scan: LabelScan | None = None
    fewest: int | NotEnoughData | None = None
    linked: Mapping[str, Linked | NotEnoughData] | None = None
    images: LinkedImages | NotEnoughData | None = None
    listed: tuple[Listed, ...] = ()

    @classmethod
    def of(cls, evidence: Evidence, rng: np.random.Generator) -> Answers:
        """Ask.

        Raises:
            NotEnoughData: Too few patients with two visits, on a side, or too few synthetic images.
        """
        if len(evidence.synthetic) < LEAST_SYNTHETIC:
            raise NotEnoughData(
                f"linking synthetic images to patients needs at least {LEAST_SYNTHETIC}, got {len(evidence.synthetic)}"
            )
        pool = evidence.pool
        found = visits(pool, LEAST_AGAIN)
        kept = ~find_twins(pool, None)
        if min(int((kept & (pool.patient_is_train == side)).sum()) for side in (True, False)) < LEAST_PATIENTS:
            raise NotEnoughData(
                f"finding a person again needs at least {LEAST_PATIENTS} patients on each side whose very picture is "
                "not on the other side, too, got fewer; choose other patients for the holdout"
            )
        real, made = _vectors(evidence)
        verifier = Verifier.fit(real, pool, found, rng)
        background = Background.of(verifier, pool, kept, rng)
        quality = Quality.of(verifier, background, pool, found, rng)
        if not quality.sees:
            return cls(quality, found, len(pool))
        linkage = Linkage.of(made, verifier, background, pool, found, strata(pool, kept), kept)
        settings = evidence.settings
        columns = looks_of(linkage)
        scan = label_scan(columns, linkage.is_train, linkage.stratum, draws=settings.relabelings, rng=rng)
        fewest: int | NotEnoughData | None
        try:
            fewest = fewest_shown(linkage, scan, quality.shown, settings.family_wise_error, rng)
        except NotEnoughData as error:
            fewest = error
        linked = {kind: _linked(linkage, kind) for kind in (NEAREST, OTHER)}
        near = linked[NEAREST]
        images = near if isinstance(near, NotEnoughData) else _images(linkage, near, rng)
        listed = _listed(linkage, near, evidence, lambda s, rows: verifier.made(made[s][None], rows)[0], background)
        return cls(quality, found, len(pool), linkage, scan, fewest, linked, images, listed)

    def significant(self, alpha: float) -> bool:
        """Whether chance is refuted."""
        return self.scan is not None and self.scan.p_value <= alpha

    def p_value(self, kind: str) -> float | None:
        """Of one kind of likeness, corrected for all looks; None if it was not asked."""
        if self.scan is None:
            return None
        columns = self.scan.adjusted[:LOOKS] if kind == NEAREST else self.scan.adjusted[LOOKS:]
        return float(columns.min()) if len(columns) else None


def _vectors(evidence: Evidence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n, d) real and (m, d) synthetic vectors, all encoders side by side; the latter in the order of their pixels."""
    spaces = evidence.matcher.spaces
    scale = np.float32(1 / np.sqrt(len(spaces)))
    order = synthetic_order(evidence)
    made = [evidence.embeddings[space.encoder.name][Role.SYNTHETIC].vectors[order] for space in spaces]
    real = np.concatenate([space.vectors for space in spaces], axis=1) * scale
    return np.ascontiguousarray(real), np.ascontiguousarray(np.concatenate(made, axis=1) * scale)


def synthetic_order(evidence: Evidence) -> NDArray[np.intp]:
    """(m,) rows of the synthetic cohort in the order of their pixels: no number may depend on that of the files."""
    return np.argsort(np.array(evidence.synthetic.pixel_digests), kind="stable")


def _linked(linkage: Linkage, kind: str) -> Linked | NotEnoughData:
    """Who is linked by this likeness; or why that cannot be said."""
    likeness, best = (linkage.near, linkage.best) if kind == NEAREST else (linkage.other, linkage.best_other)
    of = np.flatnonzero(np.isfinite(best))
    is_train, stratum = linkage.is_train[of], linkage.stratum[of]
    try:
        if not is_train.any() or is_train.all():
            train, holdout = (
                f"fewer than {SMALLEST_CELL}" if n < SMALLEST_CELL else str(n)
                for n in (int(is_train.sum()), int((~is_train).sum()))
            )
            raise NotEnoughData(
                "linking by another visit needs training and held-out patients with at least 2 different images, got "
                f"{train} and {holdout}"
            )
        fmr = min(FMR, CHANCE_LINKS / len(likeness))
        threshold = match_threshold(likeness[:, of[~is_train]], fmr)
        bar = np.full(len(of), threshold.value)
        bar[~is_train] = threshold.without
        hit = best[of] > bar
        excess, widened = (standardized_excess(hit, is_train, stratum, level) for level in (0.95, 0.975))
        place = linkage.places(likeness, of)
        places = tuple(standardized_excess(place <= k, is_train, stratum) for k in range(1, DEPTH + 1))
    except NotEnoughData as error:
        return error
    return Linked(fmr, of, threshold, hit, excess, widened, places, len(of))


def _images(linkage: Linkage, near: Linked, rng: np.random.Generator) -> LinkedImages:
    """Share of the synthetic images that anyone in a gallery is linked to; both sides' galleries are equally large."""
    train, holdout = np.flatnonzero(linkage.is_train), np.flatnonzero(~linkage.is_train)
    to_train = (linkage.near[:, train] > near.threshold.value).astype(np.float32)
    to_holdout = (linkage.near[:, holdout] > near.threshold.without.astype(np.float32)).astype(np.float32)
    gallery = min(len(train), len(holdout))

    def share(links: NDArray[np.float32], weights: NDArray[np.floating]) -> float:
        """Chance that a gallery of so many patients, drawn from these, holds one who is linked; mean over images."""
        linked = links @ weights.astype(np.float32) / np.float32(weights.sum())
        return float(np.mean(1.0 - (1.0 - linked.astype(np.float64).clip(0, 1)) ** gallery))

    value = share(to_train, np.ones(len(train)))
    floor = share(to_holdout, np.ones(len(holdout)))
    drawn = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        drawn[i] = share(to_train, _again(len(train), rng)) - share(to_holdout, _again(len(holdout), rng))
    # Whoever is drawn twice cannot be found twice, so resamples find fewer on both sides; only their spread is used.
    low, high = np.quantile(value + drawn - drawn.mean(), [0.025, 0.975])
    return LinkedImages(value, float(max(0.0, min(low, value))), float(min(1.0, max(high, value))), floor, gallery)


def _again(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n,) how often each patient is drawn."""
    return np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)


def _listed(
    linkage: Linkage,
    near: Linked | NotEnoughData,
    evidence: Evidence,
    log_odds: Callable[[int, NDArray[np.intp]], NDArray[np.float64]],
    background: Background,
) -> tuple[Listed, ...]:
    """Training patients named, and linked ones close to it; each with the pair of images that are most alike."""
    settings, pool, is_train = evidence.settings, evidence.pool, linkage.is_train
    ranks, mine = linkage.ranks(linkage.best), np.flatnonzero(is_train)
    chosen = select_exposed(
        ranks[is_train], ranks[~is_train], q=settings.false_discovery_rate, alpha=settings.family_wise_error
    )
    close = chosen.p_values <= LISTED_BELOW_P
    if not isinstance(near, NotEnoughData):
        close &= near.hit[near.of.searchsorted(mine)]
    order = synthetic_order(evidence)
    found = []
    for i in np.lexsort((mine, -linkage.best[mine], chosen.p_values)):
        if not (close[i] or chosen.named[i]):
            continue
        number, made = int(linkage.number[mine[i]]), int(linkage.nearest[mine[i]])
        rows = linkage.rows[pool.patient[linkage.rows] == number]
        real = int(rows[np.argmax(log_odds(made, rows) - background.of_real(rows)[:, 0] / 2)])
        score, p, q = float(linkage.best[mine[i]]), float(chosen.p_values[i]), float(chosen.q_values[i])
        found.append(Listed(number, real, int(order[made]), score, p, q, bool(chosen.named[i])))
    return tuple(found)

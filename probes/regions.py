"""Are parts of patients' images put into what the generator makes?

A generator need not repeat a whole image to show someone: a device, a lesion or a corner with a burned-in mark is
enough. So parts of the synthetic images are looked for in the real ones, and moved into place. A part is evidence if it
is more alike in fine detail than the likest parts of two different people in the real data, and if no third person's
image is as alike there: what many patients share (a side marker, a collimator's edge) identifies no one.

Patients found whole are counted by the probe `copies`, and not again here. As there, parts of *held-out* patients'
images are a finding of their own. Parts of training patients' images are also planted on purpose, to learn how many of
them are found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.canaries.planting import choose_rows
from synthaudit.cohort import Role
from synthaudit.copying import CopyEvidence, copy_evidence
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Direction, Exposure, Finding, Kind, Measure, Withheld
from synthaudit.matching.regions import RegionMatcher, RegionPair, RegionScale, region_pairs, region_scale
from synthaudit.matching.regions_outline import picture
from synthaudit.matching.regions_planted import AREAS, PlantedRegions, plant_regions
from synthaudit.matching.strangers import SUSPECT_ALARMS
from synthaudit.pixels import canvas
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.proportion import clopper_pearson

LARGEST_ANNEX = 40
NO_HOLDOUT = "there is no holdout; give real images of other patients with --holdout, or set some apart with --split"
LIMITS = (
    "Parts smaller than about a tenth of the image, most of which are missed.",
    "Parts that were turned, enlarged or bent, or moved by more than 15 % of the side (9 % if mirrored).",
    "Parts without detail (background, evenly bright tissue), and parts that several patients have in common.",
)
HOW = (
    "High: a window is more alike in fine detail than strangers' likest windows are, and stands out from what other "
    "patients' images reach there, at a bar that leaves 0.01 expected false alarms in the whole audit if the tail over "
    "strangers is normal; someone has to look. Low: the same with 0.0001 expected false alarms. Patients found whole "
    "are left to the probe copies."
)
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class RegionEvidence:
    """Parts found, and the patients they show.

    Attributes:
        pairs: Most alike first.
        suspected, proven: (p,) patients not found whole; those of them beyond doubt.
        also_direct: (p,) patients of whom a part was found, and who were found whole as well.
    """

    matcher: RegionMatcher
    scale: RegionScale
    pairs: tuple[RegionPair, ...]
    suspected: NDArray[np.bool_]
    proven: NDArray[np.bool_]
    also_direct: NDArray[np.bool_]

    @classmethod
    def of(cls, evidence: Evidence, copies: CopyEvidence) -> RegionEvidence:
        """Look every synthetic image up.

        Raises:
            NotEnoughData: Too few real images to know how alike parts of strangers' images are.
        """
        pool, synthetic = evidence.pool, evidence.synthetic
        matcher = RegionMatcher(pool, size=evidence.matcher.size, workers=evidence.workers, progress=evidence.progress)
        scale = region_scale(matcher, n_queries=len(synthetic), rng=evidence.rng("parts of strangers"))
        matches = matcher.match(len(synthetic), lambda i: synthetic.sources[i].read(), stage="parts of images")
        pairs = tuple(region_pairs(matches, scale, pool))
        found, beyond_doubt = np.zeros(pool.n_patients, dtype=bool), np.zeros(pool.n_patients, dtype=bool)
        found[pool.patient[[pair.match.row for pair in pairs]]] = True
        beyond_doubt[pool.patient[[pair.match.row for pair in pairs if pair.proven]]] = True
        proven = beyond_doubt & ~copies.proven
        suspected = (found & ~copies.direct) | proven
        return cls(matcher, scale, pairs, suspected, proven, found & ~suspected)


@dataclass(frozen=True, slots=True)
class Regions:
    """The probe `regions`."""

    name: ClassVar[str] = "regions"
    question: ClassVar[str] = "Are parts of patients' images put into what the generator makes?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Who is shown in part, and what share of planted parts is found.

        Raises:
            NotEnoughData: Too few real images to know how alike parts of strangers' images are.
        """
        copies = copy_evidence(evidence)
        found = evidence.once("regions", lambda: RegionEvidence.of(evidence, copies))
        measures = _measures(evidence, found)
        try:
            planted = _plant(evidence, copies, found, rng)
        except NotEnoughData as error:
            measures += _not_planted(str(error))
        else:
            measures += (*(_sensitivity(evidence, one) for one in planted), _mistaken(planted))
        return Finding(
            self.name,
            self.question,
            _answer(found),
            measures,
            (),
            LIMITS,
            None,
            tuple(_exposures(evidence, found)),
            tuple(_withheld(evidence, copies, found)),
        )


def _best_by(pairs: Sequence[RegionPair], key: Callable[[RegionPair], T]) -> list[RegionPair]:
    """The most alike pair for each value of the key, most alike first."""
    best: dict[T, RegionPair] = {}
    for pair in pairs:
        best.setdefault(key(pair), pair)
    return list(best.values())


def _measures(evidence: Evidence, found: RegionEvidence) -> tuple[Measure, ...]:
    """Patients of either side, and synthetic images."""
    pool = evidence.pool

    def counted(name: str, value: int, low: int, n_patients: int, unit: str, note: str) -> Measure:
        return Measure(
            name,
            value,
            low=low,
            high=value,
            level=1 - SUSPECT_ALARMS,
            n_patients=n_patients,
            n_images=len(evidence.synthetic),
            unit=unit,
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note=note,
        )

    def patients(name: str, side: NDArray[np.bool_], note: str) -> Measure:
        value, low = (int(np.count_nonzero(who & side)) for who in (found.suspected, found.proven))
        return counted(name, value, low, int(np.count_nonzero(side)), "patients", note)

    is_train = pool.patient_is_train
    also = int(np.count_nonzero(found.also_direct))
    images = {pair.query for pair in found.pairs}
    sure = {pair.query for pair in found.pairs if pair.proven}
    return (
        patients("region_patients", is_train, HOW),
        patients("region_holdout_patients", ~is_train, "Held-out patients shown in part: trained on after all?")
        if evidence.holdout is not None
        else Measure("region_holdout_patients", None, not_measured=NO_HOLDOUT),
        counted(
            "region_images", len(images), len(sure), pool.n_patients, "images", "Synthetic images with such a part."
        ),
        counted("also_direct", also, also, pool.n_patients, "patients", "Found in part here, and whole by copies."),
    )


def _plant(
    evidence: Evidence, copies: CopyEvidence, found: RegionEvidence, rng: np.random.Generator
) -> list[PlantedRegions]:
    """Parts of real images put into synthetic images that show no one."""
    showing = {pair.query for pair in found.pairs} | {pair.query for pair in copies.pairs}
    free = sorted(set(range(len(evidence.synthetic))) - showing, key=lambda i: evidence.synthetic.pixel_digests[i])
    if not free:
        raise NotEnoughData("planting parts needs a synthetic image that shows no one, got none")
    rows = choose_rows(evidence, copies, rng)
    into = rng.choice(np.array(free, dtype=np.intp), len(rows) * len(AREAS))
    sources, size = evidence.synthetic.sources, found.matcher.size
    return plant_regions(
        found.matcher, found.scale, rows, lambda i: canvas(sources[into[i]].read(), size), evidence.rng
    )


def _variant(area: float) -> str:
    return f"region {area:.0%}".replace("%", " %")


def _sensitivity(evidence: Evidence, planted: PlantedRegions) -> Measure:
    of_train = evidence.pool.patient_is_train[planted.patient]
    n, hits = int(of_train.sum()), int(planted.named[of_train].sum())
    low, high = clopper_pearson(hits, n)
    return Measure(
        f"sensitivity[{_variant(planted.area)}]",
        hits / n,
        low,
        high,
        n_patients=n,
        n_images=n,
        unit="share",
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note=f"Share of squares of {planted.area:.0%} of a training patient's image, put at the same place into a "
        f"synthetic image, that point at the right patient; {int(planted.proven[of_train].sum())} beyond doubt.",
    )


def _mistaken(planted: Sequence[PlantedRegions]) -> Measure:
    wrong, total = sum(int(one.wrong.sum()) for one in planted), sum(len(one.wrong) for one in planted)
    low, high = clopper_pearson(wrong, total)
    return Measure(
        "mistaken_identity",
        wrong / total,
        low,
        high,
        n_patients=len(planted[0].patient),
        n_images=total,
        unit="share",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="Share of planted parts, of training and of held-out patients, that also point at somebody else.",
    )


def _not_planted(why: str) -> tuple[Measure, ...]:
    names = (*(f"sensitivity[{_variant(area)}]" for area in AREAS), "mistaken_identity")
    return tuple(Measure(name, None, not_measured=why) for name in names)


def _exposures(evidence: Evidence, found: RegionEvidence) -> list[Exposure]:
    """Each patient shown in part only, with the pair that shows it."""
    pool = evidence.pool
    exposures: list[Exposure] = []
    for pair in _best_by(found.pairs, lambda pair: int(pool.patient[pair.match.row])):
        patient = int(pool.patient[pair.match.row])
        if not found.suspected[patient]:
            continue
        train = bool(pool.patient_is_train[patient])
        image = canvas(evidence.synthetic.sources[pair.query].read(), found.matcher.size)
        exposures.append(
            Exposure(
                patient_id=pool.patient_ids[patient],
                role=Role.TRAIN if train else Role.HOLDOUT,
                real_image=pool.name(pair.match.row),
                synthetic_image=evidence.synthetic.names[pair.query],
                probe="regions" if train else "regions/holdout",
                encoder="patches",
                score=pair.likeness,
                p_value=None,
                q_value=None,
                kind=Kind.DIRECT,
                flagged=True,
                pair=picture(pair, image, found.matcher) if len(exposures) < LARGEST_ANNEX else None,
            )
        )
    return exposures


def _withheld(evidence: Evidence, copies: CopyEvidence, found: RegionEvidence) -> list[Withheld]:
    """Synthetic images with such a part, besides those withheld as whole copies."""
    known = {pair.query for pair in copies.pairs}
    return [
        Withheld(evidence.synthetic.names[pair.query], "regions", Kind.DIRECT, pair.likeness, None)
        for pair in _best_by(found.pairs, lambda pair: pair.query)
        if pair.query not in known
    ]


def _answer(found: RegionEvidence) -> str:
    """The answer in plain words."""
    proven, suspected = (int(np.count_nonzero(who)) for who in (found.proven, found.suspected))
    also = int(np.count_nonzero(found.also_direct))
    parts = []
    if proven:
        parts.append(f"Parts of the images of {proven} patient{'s' * (proven != 1)} are in synthetic images")
    else:
        parts.append("No part of a synthetic image is a part of a patient's image beyond doubt")
    if suspected > proven:
        parts.append(f"for {suspected - proven}{' more' * bool(proven)} someone has to look at the pair")
    if also:
        parts.append(f"{also} who were found whole were found here as well")
    return "; ".join(parts) + "."

"""Can patients' images be taken out of the generator by making many images?

Whoever holds a generator can make as many images as they like, and nobody audited those. What it has by heart it makes
again and again. So many images are made here, those that come back almost the same are gathered, and the middle one of
each gathering is looked up among the real images: by the same search, the same registration and the same bar as the
synthetic images of the probe `copies`. What that bar calls a copy of a patient's image is one, shown side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.attacks.extraction import FOR_EACH_IMAGE, MOST, SMALLEST_CLIQUE, Extracted, extract
from synthaudit.cohort import Role
from synthaudit.finding import Assumption, Direction, Exposure, Finding, Kind, Measure
from synthaudit.matching.direct import DirectPair, direct_pairs, equal_pixels, picture
from synthaudit.matching.lookup import Query
from synthaudit.matching.matcher import Matches
from synthaudit.matching.strangers import SUSPECT_ALARMS
from synthaudit.probe import Evidence, Need

LARGEST_ANNEX = 40
"""Pairs shown in the annex; all patients are listed in any case."""

LIMITS = (
    "More images show more patients: the number found is of those made here, and no upper bound.",
    "Patients whom the generator shows only once among the images made here, or only a part of whom it shows.",
)


@dataclass(frozen=True, slots=True)
class Extraction:
    """The probe `extraction`."""

    name: ClassVar[str] = "extraction"
    question: ClassVar[str] = "Can patients' images be taken out of the generator by making many images?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GENERATOR, Need.PIXEL_ENCODER})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Make, gather, look up.

        Raises:
            NotEnoughData: Too few real images to know how alike strangers are, or the generator makes volumes.
        """
        assert evidence.generator is not None  # noqa: S101  (the engine checked `needs`)
        strangers = evidence.strangers
        n = evidence.settings.extracted_images or min(FOR_EACH_IMAGE * len(evidence.train), MOST)
        # The bar allows for as many images as were audited, so no more are held against it.
        most = len(evidence.synthetic)
        found = extract(evidence.generator, evidence.pool, n, int(rng.integers(2**31)), most, evidence.progress)
        medoids = found.medoids
        queries = (Query(source.read, digest=medoids.pixel_digests[i]) for i, source in enumerate(medoids.sources))
        matches = evidence.matcher.match(queries, stage="images made again and again", total=len(medoids))
        pairs = direct_pairs(matches, strangers, equal_pixels(medoids.pixel_digests, evidence.pool))
        by_patient: dict[int, DirectPair] = {}
        for pair in pairs:
            by_patient.setdefault(int(evidence.pool.patient[pair.real]), pair)
        measures = _measures(evidence, found, by_patient)
        exposures = _exposures(evidence, found, matches, by_patient)
        return Finding(self.name, self.question, _answer(measures, n), measures, limits=LIMITS, exposures=exposures)


def _measures(evidence: Evidence, found: Extracted, by_patient: dict[int, DirectPair]) -> tuple[Measure, ...]:
    """Patients of either side, and what it took."""
    is_train = evidence.pool.patient_is_train

    def patients(name: str, of_train: bool, n_patients: int, note: str) -> Measure:
        mine = [pair for patient, pair in by_patient.items() if bool(is_train[patient]) is of_train]
        return Measure(
            name,
            len(mine),
            low=sum(pair.proven for pair in mine),
            high=len(mine),
            level=1 - SUSPECT_ALARMS,
            n_patients=n_patients,
            n_images=found.n_made,
            unit="patients",
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note=note,
        )

    def count(name: str, value: int, note: str) -> Measure:
        return Measure(name, value, n_images=found.n_made, unit="images", note=note)

    same = "High and low as in the probe copies: the same bar decides what is a copy."
    measures = [
        patients("extracted_patients", True, evidence.train.n_patients, f"Training patients with such a copy. {same}"),
        count("images_made", found.n_made, "By one seed; the seconds this took stand in the provenance."),
        count(
            "cliques",
            found.n_cliques,
            f"Sets of at least {SMALLEST_CLIQUE} images made that are mutually closer than half of what usually lies "
            "between two patients; the largest are looked up, as many as there are synthetic images.",
        ),
        count("images_looked_up", len(found.medoids), "The middle image of each set."),
        count("largest_clique", found.largest, "Images in the largest set."),
    ]
    if evidence.holdout is None:
        why = "there is no holdout; give real images of other patients with --holdout"
        measures.append(Measure("extracted_holdout_patients", None, not_measured=why))
    else:
        note = f"Held-out patients with such a copy: trained on after all, or under two ids. {same}"
        measures.append(patients("extracted_holdout_patients", False, evidence.holdout.n_patients, note))
    return tuple(measures)


def _exposures(
    evidence: Evidence, found: Extracted, matches: Matches, by_patient: dict[int, DirectPair]
) -> tuple[Exposure, ...]:
    """Each patient taken out, with the pair that shows it."""
    pool = evidence.pool
    return tuple(
        Exposure(
            patient_id=pool.patient_ids[patient],
            role=Role.TRAIN if pool.patient_is_train[patient] else Role.HOLDOUT,
            real_image=pool.name(pair.real),
            synthetic_image=f"made by the audit, set {pair.query + 1}",
            probe="extraction" if pool.patient_is_train[patient] else "extraction/holdout",
            encoder=evidence.encoder_names,
            score=pair.likeness if np.isfinite(pair.likeness) else pair.similarity,
            p_value=None,
            q_value=None,
            kind=Kind.DIRECT,
            flagged=True,
            pair=picture(pair, matches, found.medoids, pool, evidence.matcher.size) if number < LARGEST_ANNEX else None,
        )
        for number, (patient, pair) in enumerate(by_patient.items())
    )


def _answer(measures: tuple[Measure, ...], n: int) -> str:
    """The answer in plain words."""
    taken = next(one for one in measures if one.name == "extracted_patients")
    named, proven = int(taken.value or 0), int(taken.low or 0)
    if not named:
        return f"Among {n:,} images made for this audit, none made again and again is a copy of a patient's image."
    people = "1 training patient" if named == 1 else f"{named} training patients"
    doubt = "" if proven == named else f"; for {named - proven} of them someone has to look at the pair"
    return f"Yes: {people} can be shown side by side with one of {n:,} images made for this audit{doubt}."

"""Are patients' images copied into what the generator makes?

Two kinds of evidence, named apart. *Direct*: a synthetic image that, once mirrored, shifted, turned or scaled into
register, shares more fine detail with a patient's image than any two different people in the real data share. It is
shown side by side, and needs no statistics. *Statistical*: if the generator learned the population and no one in it,
then patients it was trained on and patients it never saw are alike to it. So the patients whose images the synthetic
ones come closest to should be training patients no more often than chance allows; how much more often is the evidence.

A direct match with a *held-out* patient is its own finding: the holdout was not held out, or one person stands under
two ids. Patients with direct evidence leave both sides before the statistics, by the same rule for both, so that one
person on top of the holdout does not hide twenty others below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.copying import CopyEvidence, copy_evidence
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Chart, Direction, Exposure, Finding, Kind, Measure, Withheld
from synthaudit.matching.direct import DirectPair, picture
from synthaudit.matching.strangers import SUSPECT_ALARMS
from synthaudit.patient_statistics import PatientStatistics, patient_statistics
from synthaudit.probe import Evidence, Need

LARGEST_ANNEX = 80
"""Pairs shown in the annex; all patients are listed in any case."""
NO_HOLDOUT = (
    "there is no holdout, so there is no way to know how close an image comes to a patient by chance; "
    "give real images of other patients with --holdout, or set some apart with --split patients:0.5"
)
LIMITS = (
    "Copies of a part of an image (a device, a lesion, a burned-in mark) put into another image: the probe `regions` "
    "looks for those.",
    "Many copies in which two patients are blended in equal parts, and copies altered more strongly than the planted "
    "ones: the probe `planted` tells which were missed on these images.",
    "What the generator itself remembers: a clean set of samples does not clear the checkpoint.",
)
UPRIGHT_ONLY = (
    "Mirrored and turned copies: the vectors were made elsewhere, so images could be looked up as they are only."
)


@dataclass(frozen=True, slots=True)
class Copies:
    """The probe `copies`."""

    name: ClassVar[str] = "copies"
    question: ClassVar[str] = "Are patients' images copied into what the generator makes?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002  (drawn once for all probes)
        """The direct part always; the statistical part where there is a holdout."""
        copies = copy_evidence(evidence)
        measures = _direct_measures(evidence, copies)
        exposures = _direct_exposures(evidence, copies)
        withheld = [_withheld_direct(evidence, pair) for pair in _best_by(copies.pairs, lambda pair: pair.query)]
        charts: tuple[Chart, ...] = ()
        try:
            if evidence.holdout is None:
                raise NotEnoughData(NO_HOLDOUT)
            statistics = patient_statistics(evidence, copies)
        except NotEnoughData as error:
            measures += _not_measured(str(error))
            answer = _answer(copies, None)
        else:
            measures += statistics.measures(self.name)
            exposures += statistics.exposures(self.name)
            withheld += statistics.withheld(self.name, {one.synthetic_image for one in withheld})
            charts = (statistics.chart(),)
            answer = _answer(copies, statistics)
        measures += (_to_withhold(evidence, len(withheld)),)
        limits = LIMITS if evidence.can_embed else (UPRIGHT_ONLY, *LIMITS)
        return Finding(
            self.name, self.question, answer, measures, charts, limits, None, tuple(exposures), tuple(withheld)
        )


T = TypeVar("T")


def _best_by(pairs: Sequence[DirectPair], key: Callable[[DirectPair], T]) -> list[DirectPair]:
    """The most alike pair for each value of the key, most alike first."""
    best: dict[T, DirectPair] = {}
    for pair in pairs:
        best.setdefault(key(pair), pair)
    return list(best.values())


def _patients(n: int) -> str:
    return f"{n} patient" if n == 1 else f"{n} patients"


def _direct_measures(evidence: Evidence, copies: CopyEvidence) -> tuple[Measure, ...]:
    """How many patients, on either side, have direct evidence, and by how many synthetic images."""
    pool, is_train = evidence.pool, evidence.pool.patient_is_train
    assumption = Assumption.MODEL_ASSISTED if copies.strangers is not None else Assumption.UNCALIBRATED
    how = (
        "High: a registered pair is more alike in fine detail than strangers are, at a bar that leaves 0.01 expected "
        "false alarms in the whole audit if the tail over strangers is normal; someone has to look. Low: the pair is "
        "beyond doubt (0.0001 expected false alarms)."
        if copies.strangers is not None
        else f"Equal pixels only: {copies.why_not}."
    )

    def patients(name: str, side: NDArray[np.bool_], n_patients: int, note: str) -> Measure:
        named = int(np.count_nonzero(copies.direct & side))
        if copies.strangers is None and not named:
            return Measure(name, None, n_patients=n_patients, unit="patients", not_measured=copies.why_not)
        return Measure(
            name,
            named,
            low=int(np.count_nonzero(copies.proven & side)),
            high=named if copies.strangers is not None else n_patients,
            level=1 - SUSPECT_ALARMS,
            n_patients=n_patients,
            n_images=len(evidence.synthetic),
            unit="patients",
            direction=Direction.HIGHER_IS_WORSE,
            assumption=assumption,
            note=note,
        )

    images = Measure(
        "direct_images",
        len({pair.query for pair in copies.pairs}),
        low=len({pair.query for pair in copies.pairs if pair.proven}),
        high=len({pair.query for pair in copies.pairs}),
        level=1 - SUSPECT_ALARMS,
        n_patients=pool.n_patients,
        n_images=len(evidence.synthetic),
        unit="images",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=assumption,
        note="Synthetic images that are such copies, of either side.",
    )
    found = [patients("direct_patients", is_train, evidence.train.n_patients, how), images]
    if evidence.holdout is None:
        found.append(Measure("direct_holdout_patients", None, not_measured=NO_HOLDOUT))
    else:
        note = (
            "Held-out patients found in the synthetic images: they were trained on after all, or stand under two ids."
        )
        found.append(patients("direct_holdout_patients", ~is_train, evidence.holdout.n_patients, note))
    return tuple(found)


def _direct_exposures(evidence: Evidence, copies: CopyEvidence) -> list[Exposure]:
    """Each patient with direct evidence, with the pair that shows it."""
    pool = evidence.pool
    best = _best_by(copies.pairs, lambda pair: int(pool.patient[pair.real]))
    return [
        Exposure(
            patient_id=pool.patient_ids[patient],
            role=Role.TRAIN if pool.patient_is_train[patient] else Role.HOLDOUT,
            real_image=pool.name(pair.real),
            synthetic_image=evidence.synthetic.names[pair.query],
            probe="copies" if pool.patient_is_train[patient] else "copies/holdout",
            encoder=evidence.encoder_names,
            score=pair.likeness if np.isfinite(pair.likeness) else pair.similarity,
            p_value=None,
            q_value=None,
            kind=Kind.DIRECT,
            flagged=True,
            pair=picture(pair, copies.matches, evidence.synthetic, pool, evidence.matcher.size)
            if number < LARGEST_ANNEX
            else None,
        )
        for number, pair in enumerate(best)
        for patient in [int(pool.patient[pair.real])]
    ]


def _withheld_direct(evidence: Evidence, pair: DirectPair) -> Withheld:
    score = pair.likeness if np.isfinite(pair.likeness) else pair.similarity
    return Withheld(evidence.synthetic.names[pair.query], "copies", Kind.DIRECT, score, None)


def _to_withhold(evidence: Evidence, n: int) -> Measure:
    return Measure(
        "synthetic_to_withhold",
        n,
        n_patients=evidence.pool.n_patients,
        n_images=len(evidence.synthetic),
        unit="images",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="Direct copies, and images named by target-decoy competition at the false discovery rate. Removing them "
        "and releasing the rest invites reconstruction: mend the generator and audit a fresh sample.",
    )


def _not_measured(why: str) -> tuple[Measure, ...]:
    names = ("statistical_patients", "global_p", "k_min", "k_min_share", "decision_agreement")
    return tuple(Measure(name, None, not_measured=why) for name in names)


def _answer(copies: CopyEvidence, statistics: PatientStatistics | None) -> str:
    """The answer in plain words."""
    proven = int(np.count_nonzero(copies.proven))
    suspected = int(np.count_nonzero(copies.direct)) - proven
    direct = (
        f"{_patients(proven)} can be shown side by side with a synthetic copy"
        if proven
        else "No synthetic image is a direct copy of a patient's image beyond doubt"
        if suspected
        else "No synthetic image is a direct copy of a patient's image"
    )
    if copies.strangers is None and not proven:
        direct = "Only images of equal pixels could be looked for, and there are none"
    if suspected:
        direct += f", and for {_patients(suspected)}{' more' if proven else ''} someone has to look at the pair"
    if statistics is None:
        return f"{direct}; whether the rest come closer to training patients than chance allows could not be tested."
    named = int(statistics.selection.named.sum())
    if statistics.confirmed:
        return f"{direct}; beyond that, closeness to the training patients is more than chance allows."
    if named:
        rates = statistics.evidence.settings
        return (
            f"{direct}; {_patients(named)} more stand out at a false discovery rate of "
            f"{rates.false_discovery_rate:.0%}, not confirmed at {rates.family_wise_error:.1%}."
        )
    return f"{direct}; beyond that, no training patient stands out from the held-out ones."

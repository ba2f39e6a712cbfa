"""Are patients' volumes copied, each volume counted once?

The slices of one volume show one person at one time. If forty slices of a synthetic volume look like forty of a
patient's, that is one copy and not forty; and if each slice is too noisy to prove anything, the forty together may. So
a synthetic volume is laid beside real ones, slice beside slice, and the middle of the slices' likeness, and of its lead
over the next patient, is compared with what volumes of different people show. One slice that looks alike by chance
makes no copy of a volume; and if one slice of a volume is not to be released, the rest of it is not either, since it
shows the same person.

Images that belong to no volume are judged by the probe `copies` alone. To let copied volumes decide a verdict, a policy
needs a rule of its own, for example `measure = "volumes/copied_volumes"` with `at_most = 0`; where no synthetic image
belongs to a volume, such a rule is inconclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.copying import CopyEvidence, copy_evidence
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Direction, Exposure, Finding, Kind, Measure, Pair, Withheld
from synthaudit.matching.direct import DirectPair, picture
from synthaudit.matching.matcher import Matches
from synthaudit.matching.strangers import SUSPECT_ALARMS
from synthaudit.matching.volume_strangers import JudgedPair
from synthaudit.patient_statistics import patient_statistics
from synthaudit.probe import Evidence, Need
from synthaudit.volume_evidence import VolumeEvidence, volume_evidence

LARGEST_ANNEX = 80
"""Pairs shown in the annex; all patients are listed in any case."""
NO_HOLDOUT = "there is no holdout; give real volumes of other patients with --holdout, or split the patients"
LIMITS = (
    "Copies of fewer than half of a volume's slices: these are judged slice by slice only.",
    "Volumes copied in another plane, or tilted by more than a slice is thick.",
    "Volumes of fewer than 3 slices, or without a number in the column `slice`, as a whole.",
)
NONE_THERE = "No synthetic image belongs to a volume: each was judged singly."


@dataclass(frozen=True, slots=True)
class Volumes:
    """The probe `volumes`."""

    name: ClassVar[str] = "volumes"
    question: ClassVar[str] = "Are patients' volumes copied, each volume counted once?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        """The answer; without synthetic volumes there is nothing to ask, which is no gap in the audit."""
        if not evidence.synthetic.volume_ids:
            return Finding(self.name, self.question, NONE_THERE, _none(evidence))
        copies, volumes = copy_evidence(evidence), volume_evidence(evidence)
        singly = _withheld_singly(evidence, copies)
        withheld, n_withheld = _withheld(evidence, volumes, singly)
        measures = (
            _judged_volumes(evidence, volumes),
            *_copied(evidence, volumes),
            _direct_volumes(evidence, volumes, copies),
            _to_withhold(evidence, volumes, n_withheld),
        )
        return Finding(
            self.name,
            self.question,
            _answer(volumes, n_withheld),
            measures,
            limits=LIMITS,
            exposures=tuple(_exposures(evidence, volumes)),
            withheld=tuple(withheld),
        )


def _none(evidence: Evidence) -> tuple[Measure, ...]:
    """Of no volumes, none is copied: that is known, and not for lack of data."""
    zero = Measure("copied_volumes", 0, low=0, high=0, unit="volumes", note=NONE_THERE)
    zero = replace(zero, n_patients=evidence.pool.n_patients, direction=Direction.HIGHER_IS_WORSE)
    return zero, replace(zero, name="copied_holdout_volumes")


def _slices(evidence: Evidence) -> int:
    """Synthetic images that belong to a volume."""
    return int(np.count_nonzero(evidence.synthetic.volume_index >= 0))


def _judged_volumes(evidence: Evidence, volumes: VolumeEvidence) -> Measure:
    scales = {} if volumes.scale is None else volumes.scale.levels
    sizes = "; ".join(f"{n} slices against {s.n_images} of {s.n_patients} patients" for n, s in scales.items())
    return Measure(
        "judged_volumes",
        int(volumes.judged.sum()),
        n_patients=evidence.pool.n_patients,
        n_images=_slices(evidence),
        unit="volumes",
        note=f"Of {volumes.n_volumes} synthetic volumes, those judged as a whole"
        + (f", beside real volumes ({sizes})." if sizes else "."),
    )


def _copied(evidence: Evidence, volumes: VolumeEvidence) -> tuple[Measure, ...]:
    """Copied volumes of either side, and the training patients they expose."""
    is_train = evidence.pool.patient_is_train
    note = (
        "Each volume counts once. High: alike beyond a bar that leaves 0.01 expected false alarms over all synthetic "
        "volumes if the tail over strangers' volumes is normal, or not judged; someone has to look. Low: beyond doubt "
        "(0.0001 expected false alarms)."
    )
    sides = [("copied_volumes", is_train, evidence.train.n_patients, volumes.synthetic, "volumes", note)]
    sides.append(
        ("volume_patients", is_train, evidence.train.n_patients, volumes.patient, "patients", "Training patients whose "
         "volume was copied; those found by a single slice are counted by the probe `copies`.")
    )  # fmt: skip
    if evidence.holdout is not None:
        note = "Copies of held-out patients' volumes: they were trained on after all, or stand under two ids."
        sides.append(
            ("copied_holdout_volumes", ~is_train, evidence.holdout.n_patients, volumes.synthetic, "volumes", note)
        )
    unjudged = int(np.count_nonzero(~volumes.judged))
    found = []
    for name, side, n_patients, key, unit, says in sides:
        if volumes.scale is None:
            found.append(Measure(name, None, n_patients=n_patients, unit=unit, not_measured=volumes.why_not))
            continue
        mine = [pair for pair in volumes.pairs if side[volumes.patient(pair)]]
        suspected = len({key(pair) for pair in mine})
        found.append(
            Measure(
                name,
                suspected,
                low=len({key(pair) for pair in mine if pair.proven}),
                high=suspected + unjudged,
                level=1 - SUSPECT_ALARMS,
                n_patients=n_patients,
                n_images=_slices(evidence),
                unit=unit,
                direction=Direction.HIGHER_IS_WORSE,
                assumption=Assumption.MODEL_ASSISTED,
                note=says,
            )
        )
    if evidence.holdout is None:
        found.append(Measure("copied_holdout_volumes", None, unit="volumes", not_measured=NO_HOLDOUT))
    return tuple(found)


def _direct_volumes(evidence: Evidence, volumes: VolumeEvidence, copies: CopyEvidence) -> Measure:
    """Volumes with a slice that the probe `copies` shows side by side, however many of their slices are."""
    suspected = {int(volumes.volume_of[pair.query]) for pair in copies.pairs} - {-1}
    proven = {int(volumes.volume_of[pair.query]) for pair in copies.pairs if pair.proven} - {-1}
    if copies.strangers is None and not suspected:
        return Measure("direct_volumes", None, unit="volumes", not_measured=copies.why_not)
    return Measure(
        "direct_volumes",
        len(suspected),
        low=len(proven),
        high=len(suspected) if copies.strangers is not None else volumes.n_volumes,
        level=1 - SUSPECT_ALARMS,
        n_patients=evidence.pool.n_patients,
        n_images=_slices(evidence),
        unit="volumes",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED if copies.strangers is not None else Assumption.UNCALIBRATED,
        note="Synthetic volumes with at least one slice that is by itself a copy, of either side; each counts once.",
    )


def _to_withhold(evidence: Evidence, volumes: VolumeEvidence, n: int) -> Measure:
    return Measure(
        "volumes_to_withhold",
        n,
        n_patients=evidence.pool.n_patients,
        n_images=_slices(evidence),
        unit="volumes",
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note=f"Of {volumes.n_volumes}: copied as a whole, or with a slice that the probe `copies` withholds; then all "
        "of their slices are.",
    )


def _withheld_singly(evidence: Evidence, copies: CopyEvidence) -> dict[int, Withheld]:
    """Synthetic row -> why the probe `copies` withholds it."""
    row_of = {name: row for row, name in enumerate(evidence.synthetic.names)}
    found: list[Withheld] = []
    for pair in copies.pairs:
        score = pair.likeness if np.isfinite(pair.likeness) else pair.similarity
        found.append(Withheld(evidence.synthetic.names[pair.query], "volumes", Kind.DIRECT, score, None))
    if evidence.holdout is not None:
        try:
            more = patient_statistics(evidence, copies).withheld("volumes", {one.synthetic_image for one in found})
        except NotEnoughData:
            more = []
        found += more
    singly: dict[int, Withheld] = {}
    for one in found:
        singly.setdefault(row_of[one.synthetic_image], one)
    return singly


def _withheld(evidence: Evidence, volumes: VolumeEvidence, singly: dict[int, Withheld]) -> tuple[list[Withheld], int]:
    """Every slice of every volume that is copied or has a slice to withhold; and the number of such volumes."""
    why: dict[int, Withheld] = {}

    def add(volume: int, one: Withheld) -> None:
        known = why.get(volume)
        rank = (one.kind is Kind.DIRECT, one.score)
        if known is None or rank > (known.kind is Kind.DIRECT, known.score):
            why[volume] = one

    for pair in volumes.pairs:
        add(volumes.synthetic(pair), Withheld("", "volumes", Kind.DIRECT, pair.likeness, None))
    for row, one in singly.items():
        if volumes.volume_of[row] >= 0:
            add(int(volumes.volume_of[row]), one)
    rows = np.flatnonzero(np.isin(volumes.volume_of, list(why)))
    found = [
        Withheld(evidence.synthetic.names[row], "volumes", one.kind, one.score, one.q_value)
        for row in rows
        for one in [why[int(volumes.volume_of[row])]]
    ]
    return found, len(why)


def _exposures(evidence: Evidence, volumes: VolumeEvidence) -> list[Exposure]:
    """Each patient whose volume was copied, with the pair of slices that shows it best."""
    pool = evidence.pool
    best: dict[int, JudgedPair] = {}
    for pair in volumes.pairs:
        best.setdefault(volumes.patient(pair), pair)
    found = []
    for number, (patient, pair) in enumerate(best.items()):
        slice_ = int(pair.pair.similarity[:, pair.channel].argmax())
        is_train = bool(pool.patient_is_train[patient])
        found.append(
            Exposure(
                patient_id=pool.patient_ids[patient],
                role=Role.TRAIN if is_train else Role.HOLDOUT,
                real_image=pool.name(int(pair.pair.rows[slice_])),
                synthetic_image=evidence.synthetic.names[int(pair.pair.slices[slice_])],
                probe="volumes" if is_train else "volumes/holdout",
                encoder=evidence.encoder_names,
                score=pair.likeness,
                p_value=None,
                q_value=None,
                kind=Kind.DIRECT,
                flagged=True,
                pair=_picture(evidence, pair, slice_) if number < LARGEST_ANNEX else None,
            )
        )
    return found


def _picture(evidence: Evidence, pair: JudgedPair, slice_: int) -> Pair:
    """Two slices side by side; similarity and bar are those of the volumes."""
    nothing: NDArray[np.intp] = np.empty(0, dtype=np.intp)
    one = pair.pair
    shown = Matches(
        n_queries=0,
        query=nothing,
        real=nothing,
        score=np.empty(0),
        fine_query=one.slices[slice_ : slice_ + 1],
        fine_real=one.rows[slice_ : slice_ + 1],
        similarity=one.similarity[slice_ : slice_ + 1],
        flip=np.array([one.flip]),
        matrix=one.matrix[slice_ : slice_ + 1],
    )
    query, real = int(one.slices[slice_]), int(one.rows[slice_])
    direct = DirectPair(query, real, pair.likeness, pair.similarity, pair.threshold, pair.proven, 0)
    return picture(direct, shown, evidence.synthetic, evidence.pool, evidence.matcher.size)


def _answer(volumes: VolumeEvidence, n_withheld: int) -> str:
    """The answer in plain words."""
    total = f"{volumes.n_volumes} synthetic volume{'s' if volumes.n_volumes != 1 else ''}"
    held = f"; {n_withheld} of them should be withheld whole" if n_withheld else ""
    if volumes.scale is None:
        return f"Whether any of the {total} is copied as a whole is not known: {volumes.why_not}{held}."
    proven = {volumes.synthetic(pair) for pair in volumes.pairs if pair.proven}
    suspected = {volumes.synthetic(pair) for pair in volumes.pairs} - proven
    said = [f"{len(proven)} beyond doubt"] if proven else []
    said += [f"{len(suspected)} that someone has to look at"] if suspected else []
    unjudged = int(np.count_nonzero(~volumes.judged))
    left = f"; {unjudged} could not be judged" if unjudged else ""
    if not said:
        return f"None of the {total} is a copy of a patient's volume as a whole{left}{held}."
    return f"Of the {total}, copies of a patient's volume: {' and '.join(said)}{left}{held}."

"""Can the encoders tell these images apart?

All that is searched for is searched for with encoders: programs that turn an image into numbers, such that like images
get like numbers. One that serves well on photographs may see nothing in mammograms, and an audit that looks through it
finds nothing and sounds clean. So each is tried on the very images of the audit, and so are all of them together as the
search uses them: does a real image, mildly altered, lead back to itself? Are two images of one patient more alike than
images of two? How many different directions do the images spread along, and do a few of them resemble everyone?

Only the first of these decides anything: an audit that looks through encoders which do not even find an altered image
again is inconclusive. The other three describe, and their notes say what they do not mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.embeddings import PixelEncoder
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Finding, Measure, Series
from synthaudit.fitness import (
    IMAGES_COMPARED,
    combined,
    likeness,
    places,
    rows_to_alter,
    searches,
    two_images_each,
)
from synthaudit.index.exact import top_k
from synthaudit.matching.lookup import LookUp
from synthaudit.matching.strangers import sample_rows
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.effective_rank import effective_rank
from synthaudit.statistics.hubness import NEIGHBORS, hubness
from synthaudit.statistics.proportion import clopper_pearson
from synthaudit.statistics.same_patient import same_patient_auc

USELESS = 0.25
"""Share of altered images that lead back to themselves below which the answer is "no"; what follows, the policy says.

On five sets of images, encoders that tell nothing (random or nearly constant vectors) found at most 1 of 60 again, and
the descriptor at least 31 of 52: the line is drawn where an encoder is evidently useless, not where it is middling.
"""
LEAST_ALTERED = 5
QUANTITIES = (
    "retrieval_at_1",
    "retrieval_registered",
    "same_patient_auc",
    "effective_rank",
    "effective_rank_share",
    "hubness",
)


@dataclass(frozen=True, slots=True)
class Encoders:
    """The probe `encoders`."""

    name: ClassVar[str] = "encoders"
    question: ClassVar[str] = "Can the encoders tell these images apart?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Four figures for each encoder alone, and for all of them as the search combines them."""
        together, alone = searches(evidence)
        sample = _Sample.of(evidence, rng)
        measures: list[Measure] = []
        for search in alone:
            (space,) = search.spaces
            measures += sample.measured(search, f"[{space.encoder.name}]", rng)
        if len(alone) > 1:
            overall, *rest = sample.measured(together, "", rng)
        else:
            overall, rest = replace(measures[0], name="retrieval_at_1"), []
        measures = sorted([overall, *rest, *measures], key=_place)
        chart = _chart(measures) if len(alone) > 1 else None
        return Finding(
            self.name,
            self.question,
            _answer(overall, evidence),
            tuple(measures),
            () if chart is None else (chart,),
            _limits(evidence),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """The images that all encoders are tried on: the same for each, drawn without looking at sides.

    Attributes:
        altered: Pool rows that are altered and looked up.
        first, second: Pool rows of two images of each patient who has them.
        compared: Pool rows among which effective rank and hubness are measured.
    """

    evidence: Evidence
    altered: NDArray[np.intp]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    compared: NDArray[np.intp]

    @classmethod
    def of(cls, evidence: Evidence, rng: np.random.Generator) -> _Sample:
        pool = evidence.pool
        altered, pairs = rows_to_alter(pool, rng), two_images_each(pool, rng)
        return cls(evidence, altered, *pairs, sample_rows(pool.patient, IMAGES_COMPARED, rng))

    def measured(self, search: LookUp, variant: str, rng: np.random.Generator) -> list[Measure]:
        """All figures for the encoders of this search."""
        return [
            *self._retrieval(search, variant),
            self._same_patient(search, variant, rng),
            *self._spread(search, variant),
        ]

    def _retrieval(self, search: LookUp, variant: str) -> list[Measure]:
        """How often an altered image leads back to itself: at once, and among what is then registered."""
        names, n = (f"retrieval_at_1{variant}", f"retrieval_registered{variant}"), len(self.altered)
        tables = [s.encoder.name for s in search.spaces if not isinstance(s.encoder, PixelEncoder)]
        why = ""
        if tables:
            known = f"{' and '.join(tables)} has vectors of the user's own images only"
            why = f"{known}, and cannot be shown an altered one"
        elif n < LEAST_ALTERED:
            why = f"it needs real images of at least {LEAST_ALTERED} patients, got {n}"
        if why:
            return [Measure(name, None, unit="share", not_measured=why) for name in names]
        place = places(search, self.altered, self.evidence)
        notes = (
            "One real image of each of so many patients was mildly altered (noise, blur, mirrored, shifted, cropped, "
            "turned or re-lit) and looked up as synthetic images are, without registration: how often did it come "
            "first itself, among all real images? It does not say that a copy which a generator redrew would be found: "
            "planted copies tell more.",
            f"How often it was among the {self.evidence.matcher.effort.candidates} candidates that the audit goes on "
            "to lay on it. What is not among them cannot be found, whatever registration can do.",
        )
        hits = (int((place == 0).sum()), int((place >= 0).sum()))
        return [_share(name, hit, n, note) for name, hit, note in zip(names, hits, notes, strict=True)]

    def _same_patient(self, search: LookUp, variant: str, rng: np.random.Generator) -> Measure:
        """How well two images of one patient are told from images of two."""
        name = f"same_patient_auc{variant}"
        try:
            found = same_patient_auc(likeness(search, self.first, self.second), rng)
        except NotEnoughData as error:
            return Measure(name, None, not_measured=str(error))
        return Measure(
            name,
            found.auc,
            found.low,
            found.high,
            n_patients=found.n_patients,
            n_images=2 * found.n_patients,
            floor=0.5,
            direction=Direction.LOWER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note="How often two different images of one patient are more alike, mirrored or not, than images of two "
            "patients; 0.5 is chance, the interval a bootstrap over patients. What makes them alike may be the scanner "
            "or the pose. A low figure does not hide copies: those are of the same image, and these are not.",
        )

    def _spread(self, search: LookUp, variant: str) -> list[Measure]:
        """Effective rank, as a number and as a share of the most possible, and hubness."""
        pool, rows = self.evidence.pool, self.compared
        vectors = combined(search, rows)
        n, patients = len(rows), len(np.unique(pool.patient[rows]))
        most = min(n - 1, vectors.shape[1])
        names = (f"effective_rank{variant}", f"effective_rank_share{variant}", f"hubness{variant}")
        measures = []
        try:
            rank = effective_rank(vectors)
        except NotEnoughData as error:
            measures += [Measure(one, None, not_measured=str(error)) for one in names[:2]]
        else:
            note = (
                f"Along how many directions the images spread, of {most} possible ones (Roy and Vetterli 2007): near "
                "1, all are told apart by one feature. It grows with the images, and noise has the most, so high is "
                "not good by itself; for the same reason there is no interval."
            )
            measures += [
                Measure(names[0], rank, n_patients=patients, n_images=n, note=note),
                Measure(names[1], rank / most, n_patients=patients, n_images=n, unit="share", note=note),
            ]
        groups = (pool.patient[rows], pool.patient[rows])
        near = top_k(vectors, vectors, NEIGHBORS, exclude=groups, workers=self.evidence.workers)
        try:
            skewness = hubness(near.ids, n)
        except NotEnoughData as error:
            return [*measures, Measure(names[2], None, not_measured=str(error))]
        note = (
            f"How unequally often images are among the {NEIGHBORS} likest of other patients' images (skewness; "
            "Radovanovic 2010): 0 if all are equally often, and the larger, the more a few images resemble everyone. "
            "The search corrects for that. It describes all images together, so there is no interval."
        )
        return [*measures, Measure(names[2], skewness, n_patients=patients, n_images=n, note=note)]


def _share(name: str, hits: int, n: int, note: str) -> Measure:
    """A share of the altered images, with its exact interval: one image a patient, so they are independent."""
    low, high = clopper_pearson(hits, n)
    return Measure(
        name,
        hits / n,
        low,
        high,
        n_patients=n,
        n_images=n,
        unit="share",
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.EXACT,
        note=note,
    )


def _place(measure: Measure) -> int:
    """One quantity after the other; within each, the combination and then the encoders in their order."""
    return QUANTITIES.index(measure.name.partition("[")[0])


def _chart(measures: list[Measure]) -> Chart | None:
    """Each encoder beside their combination; None where nothing could be measured."""
    shown = [one for one in measures if one.name.startswith("retrieval_at_1") and one.value is not None]
    if not shown:
        return None
    names = tuple(one.name.partition("[")[2].rstrip("]") or "combined, as used" for one in shown)
    return Chart(
        "retrieval",
        "Altered images that lead back to themselves",
        ChartKind.INTERVALS,
        "encoder",
        "share found first",
        (
            Series(
                "found first",
                names,
                tuple(one.value or 0.0 for one in shown),
                tuple(one.low or 0.0 for one in shown),
                tuple(one.high or 0.0 for one in shown),
            ),
        ),
        "With exact 95 % intervals (Clopper-Pearson). The combination decides; none is picked after looking.",
    )


def _answer(overall: Measure, evidence: Evidence) -> str:
    if overall.value is None or overall.low is None or overall.high is None:
        return f"It is not known: {overall.not_measured}."
    together = " together" if len(evidence.matcher.spaces) > 1 else ""
    hits = round(overall.value * overall.n_patients)
    says = (
        f"of {overall.n_patients} real images, mildly altered, {hits} led back to themselves first among all "
        f"{len(evidence.pool)} ({evidence.encoder_names}{together})"
    )
    if overall.low >= USELESS:
        return f"Yes: {says}."
    if overall.high < USELESS:
        return f"No: {says}. What this audit did not find by them counts for nothing."
    return f"Not surely: {says}, which is too few to tell."


def _limits(evidence: Evidence) -> tuple[str, ...]:
    limits = ["An encoder was tried on mild alterations of whole images; a generator may change a copy in other ways."]
    tables = [s.encoder.name for s in evidence.matcher.spaces if not isinstance(s.encoder, PixelEncoder)]
    if tables:
        limits.append(f"Whether {' and '.join(tables)} sees through any alteration could not be tried.")
    return tuple(limits)

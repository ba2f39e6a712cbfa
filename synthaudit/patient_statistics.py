"""Do training patients stand out from held-out ones, once direct copies are set aside?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Role
from synthaudit.copying import CopyEvidence, withheld_q
from synthaudit.errors import NotEnoughData
from synthaudit.finding import (
    Assumption,
    Chart,
    ChartKind,
    Direction,
    Exposure,
    Kind,
    Measure,
    Series,
    Withheld,
)
from synthaudit.probe import Evidence
from synthaudit.statistics.conformal import k_min
from synthaudit.statistics.exposure import Selection, select_exposed
from synthaudit.statistics.permutation import PermutationTest, train_above_holdout
from synthaudit.statistics.tail import LEAST_FIT, ParetoTail, fit_tail

LISTED_BELOW_P = 0.05
"""Patients who are not named are listed too (unflagged) if their p-value is below this."""
TOP_SHARE = 0.05
MOST_BINS = 24
PATIENTS_PER_BIN = 15
"""Bins of fewer than ten patients are masked when they are published, so bins are kept wide."""


@dataclass(frozen=True, slots=True, eq=False)
class PatientStatistics:
    """The statistical half of the probe `copies`.

    Attributes:
        train, holdout: Pool patients compared (direct evidence and twins left out).
        tail: The fitted tail, or None; `tail_note` says why.
        selection: p-, q-values and decisions for `train`.
        global_test: Whether training patients as a whole score higher.
        agreement: Share of patient bootstraps with the same decision (anyone named, or nobody).
    """

    evidence: Evidence
    copies: CopyEvidence
    train: NDArray[np.intp]
    holdout: NDArray[np.intp]
    tail: ParetoTail | None
    tail_note: str
    selection: Selection
    global_test: PermutationTest
    agreement: float
    margins: tuple[NDArray[np.float64], NDArray[np.float64]]

    @classmethod
    def of(cls, evidence: Evidence, copies: CopyEvidence, rng: np.random.Generator) -> PatientStatistics:
        """Run the tests.

        Raises:
            NotEnoughData: Too few patients on one side, or no scale to judge pairs by.
        """
        if copies.matches is None:
            raise NotEnoughData(copies.why_not)
        settings, pool = evidence.settings, evidence.pool
        kept = ~copies.left_out
        train = np.flatnonzero(kept & pool.patient_is_train)
        holdout = np.flatnonzero(kept & ~pool.patient_is_train)
        a, b = copies.scores[train], copies.scores[holdout]
        top = max(1, min(10, round(TOP_SHARE * len(a)), len(b)))
        level = copies.strata.level
        test = train_above_holdout(
            a,
            b,
            top=top,
            draws=settings.relabelings,
            rng=rng,
            train_stratum=level[train],
            holdout_stratum=level[holdout],
        )
        tail, note = usable_tail(evidence, b)
        q, alpha = settings.false_discovery_rate, settings.family_wise_error / 2  # the global test has the other half
        selection = select_exposed(a, b, q=q, alpha=alpha, tail=tail)
        same = 0
        for _ in range(settings.bootstraps):
            again = rng.choice(a, len(a)), rng.choice(b, len(b))
            same += select_exposed(*again, q=q, alpha=alpha, tail=tail).named.any() == selection.named.any()
        margins = withheld_q(copies, pool, evidence.synthetic.volume_index, rng)
        return cls(evidence, copies, train, holdout, tail, note, selection, test, same / settings.bootstraps, margins)

    @property
    def confirmed(self) -> int:
        """Lower bound, at the family-wise error, for the number of training patients exposed."""
        anyone = int(self.global_test.p_value <= self.evidence.settings.family_wise_error / 2)
        return max(int(self.selection.confirmed.sum()), anyone)

    def measures(self, probe: str) -> tuple[Measure, ...]:  # noqa: ARG002  (one shape with exposures and withheld)
        """Counts with their error rates, the global test, and what could have been named at all."""
        settings = self.evidence.settings
        n_patients = len(self.train) + len(self.holdout)
        n_images = len(self.evidence.synthetic)
        named = int(self.selection.named.sum())
        assumption = Assumption.EXACT if self.tail is None else Assumption.MODEL_ASSISTED
        least = k_min(len(self.train), len(self.holdout), settings.false_discovery_rate)

        def measure(name: str, value: float, note: str, **more: object) -> Measure:
            return Measure(name, value, n_patients=n_patients, n_images=n_images, note=note, **more)  # type: ignore[arg-type]

        return (
            measure(
                "statistical_patients",
                max(named, self.confirmed),
                f"Low: confirmed at a family-wise error of {settings.family_wise_error:.1%}; high: named at a false "
                f"discovery rate of {settings.false_discovery_rate:.0%}. {self.tail_note}",
                low=self.confirmed,
                high=max(named, self.confirmed),
                level=1 - settings.family_wise_error,
                unit="patients",
                direction=Direction.HIGHER_IS_WORSE,
                assumption=assumption,
            ),
            measure(
                "global_p",
                self.global_test.p_value,
                f"Permutation of patients, {self.global_test.draws} draws, on the excess of the highest scores "
                f"(p = {self.global_test.p_top:.4f}) and the rank sum (p = {self.global_test.p_rank:.4f}), doubled.",
                p_value=self.global_test.p_value,
                direction=Direction.LOWER_IS_WORSE,
                assumption=Assumption.EXACT if not self.copies.strata.thinned else Assumption.MODEL_ASSISTED,
            ),
            measure(
                "k_min",
                least,
                "With exact p-values alone, fewer leaking patients than this can be seen by the global test only.",
                unit="patients",
                assumption=Assumption.EXACT,
            ),
            measure(
                "k_min_share",
                0.0 if self.tail is not None else least / len(self.train),
                "The same as a share of the training patients; 0 where a fitted tail lets single patients be named.",
                unit="share",
                direction=Direction.HIGHER_IS_WORSE,
                assumption=assumption,
            ),
            measure(
                "decision_agreement",
                self.agreement,
                f"Share of {settings.bootstraps} patient bootstraps that come to the same decision: someone is named "
                "statistically, or no one.",
                unit="share",
                direction=Direction.LOWER_IS_WORSE,
            ),
        )

    def exposures(self, probe: str) -> list[Exposure]:
        """Training patients named, and those close to it; each with the synthetic image that comes closest."""
        copies, pool = self.copies, self.evidence.pool
        assert copies.matches is not None  # noqa: S101  (checked in `of`)
        listed = np.flatnonzero(self.selection.named | (self.selection.p_values <= LISTED_BELOW_P))
        best = _best_pairs(copies.matches.score, pool.patient[copies.matches.real], pool.n_patients)
        found = []
        for i in listed[np.argsort(self.selection.p_values[listed], kind="stable")]:
            patient = int(self.train[i])
            pair = int(best[patient])
            found.append(
                Exposure(
                    patient_id=pool.patient_ids[patient],
                    role=Role.TRAIN,
                    real_image=pool.name(int(copies.matches.real[pair])) if pair >= 0 else "",
                    synthetic_image=self.evidence.synthetic.names[copies.matches.query[pair]] if pair >= 0 else "",
                    probe=probe,
                    encoder=self.evidence.encoder_names,
                    score=float(copies.scores[patient]),
                    p_value=float(self.selection.p_values[i]),
                    q_value=float(self.selection.q_values[i]),
                    kind=Kind.STATISTICAL,
                    flagged=bool(self.selection.named[i]),
                )
            )
        return found

    def withheld(self, probe: str, already: set[str]) -> list[Withheld]:
        """Synthetic images named by target-decoy competition, besides those already withheld."""
        q, margin = self.margins
        return [
            Withheld(self.evidence.synthetic.names[i], probe, Kind.STATISTICAL, float(margin[i]), float(q[i]))
            for i in np.flatnonzero(q <= self.evidence.settings.false_discovery_rate)
            if self.evidence.synthetic.names[i] not in already
        ]

    def chart(self) -> Chart:
        """Scores of training and holdout patients, binned."""
        a, b = self.copies.scores[self.train], self.copies.scores[self.holdout]
        bins = int(np.clip(min(a.size, b.size) // PATIENTS_PER_BIN, 5, MOST_BINS))
        # Rounded outward: the exact ends would be the scores of two persons.
        low, high = np.floor(2 * min(a.min(), b.min())) / 2, np.floor(2 * max(a.max(), b.max())) / 2 + 0.5
        edges = np.linspace(low, high, bins + 1)

        def series(name: str, scores: NDArray[np.float64]) -> Series:
            counts, _ = np.histogram(scores, edges)
            return Series(name, tuple(float(x) for x in edges[:-1]), tuple(float(n) for n in counts))

        return Chart(
            "patient_scores",
            "How strongly the synthetic images point at each patient",
            ChartKind.HISTOGRAM,
            "score of a patient (standard deviations over all real patients)",
            "patients",
            (series("training patients", a), series("held-out patients", b)),
            "Without a leak the two lie on top of each other. Direct copies are not shown: they are counted above.",
        )


def patient_statistics(evidence: Evidence, copies: CopyEvidence) -> PatientStatistics:
    """The tests, run once for all probes: who is named, and what is withheld, must not depend on who asks.

    Raises:
        NotEnoughData: As in `PatientStatistics.of`.
    """
    return evidence.once(
        "patient statistics", lambda: PatientStatistics.of(evidence, copies, evidence.rng("probe copies"))
    )


def _best_pairs(score: NDArray[np.float64], patient: NDArray[np.intp], n_patients: int) -> NDArray[np.intp]:
    """(p,) number of the best-scored pair of each patient; -1 where there is none."""
    best = np.full(n_patients, -1, dtype=np.intp)
    ascending = np.lexsort((-np.arange(score.size), score))
    best[patient[ascending]] = ascending  # the last one written is the best
    return best


def usable_tail(evidence: Evidence, holdout: NDArray[np.float64]) -> tuple[ParetoTail | None, str]:
    """The fitted tail if there are enough patients and it fits, and one sentence on it; one fit for all probes."""
    return evidence.once("tail", lambda: _fitted_tail(holdout, evidence.rng("tail")))


def _fitted_tail(holdout: NDArray[np.float64], rng: np.random.Generator) -> tuple[ParetoTail | None, str]:
    try:
        tail = fit_tail(holdout, rng)
    except NotEnoughData as error:
        return None, f"p-values are exact (conformal): {error}."
    if tail.fit_p < LEAST_FIT:
        return None, f"p-values are exact (conformal): a generalized Pareto tail does not fit (p = {tail.fit_p:.2f})."
    return tail, (
        f"p-values beyond the 90 % quantile of the holdout come from a generalized Pareto tail with shape "
        f"{tail.shape:.2f} (goodness of fit p = {tail.fit_p:.2f})."
    )

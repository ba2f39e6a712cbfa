"""Can someone who holds the generator itself tell who was in its training set?

A clean set of samples does not clear the checkpoint. Whoever holds the weights can show the generator a patient's image
and see how well it knows it: how much noise it leaves in the image, how well it restores it, how close it comes to it.
Images that it was trained on are known better than others. Here every patient, training and held-out alike, is shown to
the generator in each way that it allows, and the question is whether the training patients stand out.

Some images are easy for any generator, whoever was trained on. So every attack is read beside a guess that needs no
generator, and once more after what that guess explains has been taken out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.attacks.shown import ENOUGH_TOLD, Shown, show
from synthaudit.errors import NotEnoughData
from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Finding, Measure, Series
from synthaudit.membership.patients import Attacked
from synthaudit.probe import Evidence, Need
from synthaudit.statistics.auc_bootstrap import auc_interval, resampled_aucs
from synthaudit.statistics.roc import auc
from synthaudit.statistics.tpr_at_fpr import least_nonmembers

RATES = {"tpr_at_1pct_fpr": 0.01, "tpr_at_0.1pct_fpr": 0.001}
DIFFICULTY = "difficulty"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The probe `checkpoint`."""

    name: ClassVar[str] = "checkpoint"
    question: ClassVar[str] = "Can someone who holds the generator itself tell who was in its training set?"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GENERATOR, Need.HOLDOUT})

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """Every attack that the generator allows, and one test of all of them.

        Raises:
            NotEnoughData: The generator allows none, or there are fewer than 5 patients on a side.
        """
        from threadpoolctl import threadpool_limits

        from synthaudit.generators.threads import one_thread

        with threadpool_limits(limits=1, user_api="blas"), one_thread():  # other orders of sums have other last digits
            shown = show(evidence, rng)
            attacked = Attacked.of(shown.scores, shown.asked, draws=evidence.settings.relabelings, rng=rng)
            beyond = _Baseline.of(shown, rng)
        alpha, names = evidence.settings.family_wise_error, (*shown.names, "ensemble")
        measures = (
            *_together(attacked, alpha),
            _access(shown),
            *_by_attack(attacked, names),
            *beyond.measures(shown.names),
            *_rates(attacked, names),
            *(Measure(f"auc[{name}]", None, not_measured=why) for name, why in shown.not_run.items()),
        )
        n_patients, n_images = len(attacked.is_member), len(shown.scores)
        told = tuple(replace(one, n_patients=n_patients, n_images=n_images) for one in measures)
        answer = _answer(attacked, names, beyond, alpha)
        return Finding(self.name, self.question, answer, told, (_chart(told),), _limits(shown))


@dataclass(frozen=True, slots=True, eq=False)
class _Baseline:
    """How well patients are told apart without the generator, and by each attack beyond that: (k + 1, 3) each."""

    aucs: NDArray[np.float64]
    """Value, low and high of difficulty alone, then of what each attack adds."""

    @classmethod
    def of(cls, shown: Shown, rng: np.random.Generator) -> _Baseline:
        ranks = shown.patient_ranks(np.column_stack([shown.easiness, shown.beyond]))
        members, others = ranks[shown.asked.is_member], ranks[~shown.asked.is_member]
        drawn = resampled_aucs(members, others, rng)
        rows = [(auc(a, b), *auc_interval(a, b, d)) for a, b, d in zip(members.T, others.T, drawn.T, strict=True)]
        return cls(np.array(rows))

    def measures(self, names: tuple[str, ...]) -> Iterator[Measure]:
        """The baseline, and each attack's excess over it."""
        value, low, high = (float(number) for number in self.aucs[0])
        yield Measure(
            f"auc[{DIFFICULTY}]",
            value,
            low,
            high,
            floor=0.5,
            assumption=Assumption.MODEL_ASSISTED,
            note="What is guessed without the generator, from how easy an image is (compressed size, local variance, "
            "remoteness). Away from one half, training and held-out images are not alike, and the attacks say less.",
        )
        for name, row in zip(names, self.aucs[1:], strict=True):
            value, low, high = (float(number) - 0.5 for number in row)
            yield Measure(
                f"excess_auc[{name}]",
                value,
                low,
                high,
                floor=0.0,
                direction=Direction.HIGHER_IS_WORSE,
                assumption=Assumption.MODEL_ASSISTED,
                note="AUC less one half, after what difficulty explains was taken out of the scores by a regression "
                "that has not seen the patient.",
            )


def _together(attacked: Attacked, alpha: float) -> Iterator[Measure]:
    """The test of all attacks, the size of the best, and what could have been seen."""
    test = attacked.test
    yield Measure(
        "p_value",
        test.p_value,
        p_value=test.p_value,
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.EXACT,
        note=f"Of no attack telling the sides apart, by {len(test.highest):,} relabelings of patients and the best "
        "attack in each. It says whether, not how well.",
    )
    value, low, high = attacked.best_auc() if test.p_value <= alpha else (0.5, 0.5, 0.5)
    yield Measure(
        "auc_beyond_chance",
        max(0.5, value),
        max(0.5, low),
        max(0.5, high),
        floor=0.5,
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="AUC of the best attack, with an interval that allows for its choice; one half where no attack is told "
        f"from guessing at a family-wise error of {alpha:.1%}.",
    )
    seen, why = None, None
    try:
        seen = test.detectable_auc(alpha)
    except NotEnoughData as error:
        why = str(error)
    yield Measure(
        "detectable_auc",
        seen,
        direction=Direction.HIGHER_IS_WORSE,
        assumption=Assumption.MODEL_ASSISTED,
        note="An attack this good would have been told from guessing four times in five, at the same error.",
        not_measured=why,
    )


def _access(shown: Shown) -> Measure:
    """Whether the generator was asked in earnest."""
    return Measure(
        "loss_or_critic_asked",
        float(any(name in shown.names for name in ("loss", "discriminator"))),
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.EXACT,
        note="1 if the generator could be asked for its own loss or for its critic's opinion, else 0: then little was "
        "asked of it, and whoever holds its weights can ask more.",
    )


def _by_attack(attacked: Attacked, names: tuple[str, ...]) -> Iterator[Measure]:
    for i, name in enumerate(names):
        value, low, high = attacked.auc(i)
        yield Measure(
            f"auc[{name}]",
            value,
            low,
            high,
            floor=0.5,
            p_value=float(attacked.test.adjusted[i]),
            direction=Direction.HIGHER_IS_WORSE,
            assumption=Assumption.MODEL_ASSISTED,
            note="Chance that a training patient is known better than a held-out one; p-value corrected for all "
            f"attacks. Read it beside auc[{DIFFICULTY}]. Far below one half tells as much, to who turns it round: the "
            "ensemble does.",
        )


def _rates(attacked: Attacked, names: tuple[str, ...]) -> Iterator[Measure]:
    """How many training patients are named with few mistakes."""
    n = len(attacked.nonmembers)
    for stem, rate in RATES.items():
        for i, name in enumerate(names):
            label = f"{stem}[{name}]"
            if n < least_nonmembers(rate):
                least = least_nonmembers(rate)
                why = f"{100 * rate:g} % of {n:,} held-out patients is less than one; at least {least:,} are needed."
                yield Measure(label, None, unit="share", direction=Direction.HIGHER_IS_WORSE, not_measured=why)
                continue
            found = attacked.tpr(i, rate)
            yield Measure(
                label,
                found.value,
                found.low,
                found.high,
                floor=found.chance,
                unit="share",
                direction=Direction.HIGHER_IS_WORSE,
                assumption=Assumption.EXACT if i < len(names) - 1 else Assumption.MODEL_ASSISTED,
                note="Training patients known better than all but this share of held-out ones (conformal), with the "
                "interval of Clopper and Pearson. Floor: the share that guessing names.",
            )


def _answer(attacked: Attacked, names: tuple[str, ...], beyond: _Baseline, alpha: float) -> str:
    """One sentence for the first page."""
    best, low, high = attacked.best_auc()
    guess = f"guessing from how easy an image is gives {beyond.aucs[0, 0]:.2f}"
    if attacked.test.p_value <= alpha:
        return (
            f"Yes: the generator knows training patients better than held-out ones. The best of {len(names)} attacks "
            f"on it has an AUC of {best:.2f} ({low:.2f} to {high:.2f}; 0.5 is guessing, and {guess})."
        )
    return (
        f"No attack on the generator told training from held-out patients beyond chance (best AUC of {len(names)} "
        f"attacks {best:.2f}, p = {attacked.test.p_value:.2g} for all together; {guess})."
    )


def _chart(measures: tuple[Measure, ...]) -> Chart:
    """Every AUC with its interval, the guess without the generator among them."""
    told = [one for one in measures if one.name.startswith("auc[") and one.value is not None]
    names = tuple(one.name[4:-1] for one in told)
    value, low, high = (tuple(float(getattr(one, end)) for one in told) for end in ("value", "low", "high"))
    return Chart(
        "checkpoint_auc",
        "How well each attack on the generator tells training from held-out patients",
        ChartKind.INTERVALS,
        "attack",
        "AUC",
        (Series("AUC", names, value, low, high),),
        f'0.5 is guessing; "{DIFFICULTY}" looks at the image alone, without the generator.',
        marker=0.5,
        marker_label="guessing",
    )


def _limits(shown: Shown) -> tuple[str, ...]:
    limits = [
        "An attack that was not thought of, or that retrains the generator, may tell more than these.",
        "An average over patients: a few who are known by heart hardly move it.",
    ]
    if shown.left_out:
        limits.append(f"Patients beyond the first {ENOUGH_TOLD:,} images, drawn at random, were not shown.")
    return tuple(limits)

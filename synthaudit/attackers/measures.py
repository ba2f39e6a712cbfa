"""What the three probes print of an attack's success: measures and a chart, in one form for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from synthaudit.attackers.outliers import GROUPS
from synthaudit.attackers.success import LEVEL, Excess, Success
from synthaudit.attributes import SMALLEST_CELL
from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Measure, Series
from synthaudit.statistics.fdr import holm
from synthaudit.statistics.newcombe import wilson

AGAIN = "A figure of today: records to link with, and attacks, grow, so this is not a one-off exercise; audit again."


UNSETTLED = 0.2
"""An excess that may be larger than this is no silence: too few patients took part to tell."""


def answer(best: Excess | None, risk: str, nothing: str, shares: str) -> str:
    """One sentence for the first page: it is so, it is not, or it cannot be told.

    Args:
        best: The highest excess; None where nobody could be compared.
        risk, nothing: What is said when it is so, and when chance explains it.
        shares: Of whom the two shares are, as the end of "of ...".
    """
    if best is None:
        return "Too few patients can be compared to tell."
    figures = f"{best.train:.0%} against {best.holdout:.0%} of {shares}"
    low, high = 100 * best.low, 100 * best.high
    if best.low > 0:
        return f"{risk}: {figures}, a difference of {low:.0f} to {high:.0f} percentage points."
    if best.high > UNSETTLED:
        found = f"{figures}, a difference of {low:.0f} to {high:.0f} percentage points"
        return f"Too few patients took part to tell whether {risk[0].lower()}{risk[1:]}: {found}."
    return f"{nothing}: {figures}, a difference of at most {max(high, 0.0):.0f} percentage points."


def headline(success: Success, note: str) -> Iterator[Measure]:
    """What policies look at, and whether it is there at all."""
    best = success.highest()
    if best is None:
        return
    yield _measure(
        success,
        "excess",
        (best.value, best.low, best.high),
        floor=0.0,
        assumption=Assumption.MODEL_ASSISTED,
        note=f"Success on training patients less that on held-out ones, of the attack where it is highest; Newcombe's "
        f"interval over patients, widened to allow for the choice. {note}",
    )
    yield _measure(
        success,
        "excess_p",
        (success.p_value, None, None),
        p_value=success.p_value,
        unit="",
        direction=Direction.LOWER_IS_WORSE,
        assumption=Assumption.EXACT,
        note="Of no attack succeeding more often on training patients: labels dealt to patients again, Holm's "
        "correction for all attacks. It says whether, not how much.",
    )


def of_each(success: Success, notes: Mapping[str, str], rates: bool = True) -> Iterator[Measure]:
    """Each attack: excess, and the three shares it is made of."""
    adjusted = holm(success.p_values)
    for i, name in enumerate(success.attacks):
        found = success.excess(i)
        if found is None:
            continue
        note = notes.get(name, "")
        yield _measure(
            success,
            f"excess[{name}]",
            (found.value, found.low, found.high),
            attack=i,
            floor=0.0,
            p_value=float(adjusted[i]),
            assumption=Assumption.MODEL_ASSISTED,
            note=f"{note} Newcombe's interval over patients; p-value corrected for all attacks.".strip(),
        )
        if rates:
            yield from _rates(success, i, name, found)


def _rates(success: Success, i: int, name: str, found: Excess) -> Iterator[Measure]:
    for side, share, n in (("train", found.train, found.n_train), ("holdout", found.holdout, found.n_holdout)):
        who = success.is_train if side == "train" else ~success.is_train
        yield _measure(
            success,
            f"{side}_success[{name}]",
            (share, *wilson(share * n, n)),
            attack=i,
            group=who,
            direction=Direction.HIGHER_IS_WORSE if side == "train" else Direction.NEUTRAL,
            assumption=Assumption.MODEL_ASSISTED,
            note="What the attack achieves on training patients; Wilson's interval over patients."
            if side == "train"
            else "The control: what the attack achieves on people whom the generator never saw.",
        )
    yield _measure(
        success,
        f"blind_success[{name}]",
        (success.blind[i], None, None),
        attack=i,
        direction=Direction.NEUTRAL,
        note="What a guess without the synthetic images achieves.",
    )


def of_outliers(success: Success, groups: Mapping[str, NDArray[np.bool_]]) -> Iterator[Measure]:
    """The highest excess again, of people who stand out."""
    for name, group in groups.items():
        best = success.highest(group)
        sides = [int((success.tried(group=group) & (success.is_train == side)).sum()) for side in (True, False)]
        note = f"Only {GROUPS[name]}, drawn up from both sides together. Few people, so read the interval; no test."
        if best is None:
            why = f"needs at least {SMALLEST_CELL} such patients on each side who can be compared"
            got = " and ".join(f"fewer than {SMALLEST_CELL}" if n < SMALLEST_CELL else str(n) for n in sides)
            why = f"{why}, got {got}" if min(sides) < SMALLEST_CELL else f"{why} in a draw of equally many"
            yield Measure(
                f"outlier_excess[{name}]",
                None,
                unit="share",
                direction=Direction.HIGHER_IS_WORSE,
                note=note,
                not_measured=f"{why}.",
            )
            continue
        yield _measure(
            success,
            f"outlier_excess[{name}]",
            (best.value, best.low, best.high),
            group=group,
            floor=0.0,
            assumption=Assumption.MODEL_ASSISTED,
            note=note,
        )


def _measure(
    success: Success,
    name: str,
    numbers: tuple[float, float | None, float | None],
    *,
    attack: int | None = None,
    group: NDArray[np.bool_] | None = None,
    floor: float | None = None,
    p_value: float | None = None,
    unit: str = "share",
    direction: Direction = Direction.HIGHER_IS_WORSE,
    assumption: Assumption = Assumption.UNCALIBRATED,
    note: str = "",
) -> Measure:
    there = success.tried(attack, group)
    value, low, high = numbers
    return Measure(
        name,
        value,
        low,
        high,
        level=LEVEL,
        n_patients=int(there.sum()),
        n_images=int(success.images_of[there].sum()),
        floor=floor,
        p_value=p_value,
        unit=unit,
        direction=direction,
        assumption=assumption,
        note=note,
    )


def chart(success: Success, name: str, title: str, y_label: str, caption: str) -> Chart:
    """Success on training patients, on held-out ones and by guessing, attack by attack."""
    every = [(attack, one) for i, attack in enumerate(success.attacks) if (one := success.excess(i)) is not None]
    names = tuple(attack for attack, _ in every)
    series = []
    for side in ("training patients", "held-out patients"):
        shares = [(o.train, o.n_train) if side == "training patients" else (o.holdout, o.n_holdout) for _, o in every]
        ends = [wilson(share * n, n) for share, n in shares]
        series.append(
            Series(side, names, tuple(s for s, _ in shares), tuple(low for low, _ in ends), tuple(h for _, h in ends))
        )
    guesses = tuple(success.blind[success.attacks.index(attack)] for attack in names)
    series.append(Series("blind guess", names, guesses, guesses, guesses))
    return Chart(name, title, ChartKind.INTERVALS, "", y_label, tuple(series), caption)

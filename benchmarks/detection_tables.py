"""Results of `copy_detection` as Markdown tables, one a data set and encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Line = dict[str, Any]


def tables(lines: Sequence[Line], alterations: Sequence[str], none: str) -> Iterator[str]:
    """A table for each data set and encoder, in the order of the results."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line["data"], line["encoder"]), []).append(line)
    for (data, encoder), mine in groups.items():
        yield "\n".join(_table(data, encoder, mine, alterations, none))


def _table(data: str, encoder: str, lines: Sequence[Line], alterations: Sequence[str], none: str) -> Iterator[str]:
    fullest = max((list(line["named"]) for line in lines), key=len)
    methods = list(dict.fromkeys([*fullest, *(name for line in lines for name in line["named"])]))
    one = lines[0]
    train, holdout, synthetic = (_span([line["images"][i] for line in lines]) for i in range(3))
    patients, held = (_span([line["patients"][i] for line in lines]) for i in range(2))
    machines = ", ".join(dict.fromkeys(line["machine"] for line in lines))
    yield f"**{data}, {encoder}** (patients of the half `{one['half']}`; {machines})"
    yield ""
    yield (
        f"{train} training images of {patients} patients, {holdout} held-out images of {held} patients, {synthetic} "
        "others. In a cell: share of the copied patients named / realized FDP; n where fewer seeds have it."
    )
    yield ""
    yield f"| copies | seeds | {' | '.join(methods)} |"
    yield f"|---|---|{'---|' * len(methods)}"
    for alteration in alterations:
        mine = [line for line in lines if line["alteration"] == alteration]
        if mine:
            yield f"| {alteration} | {len(mine)} | {' | '.join(_power(mine, method) for method in methods)} |"
    honest = [line for line in lines if line["alteration"] == none]
    if honest:
        anyone = [_share([sum(line["named"][m]) > 0 for line in honest if m in line["named"]]) for m in methods]
        yield f"| none: seeds with anyone named | {len(honest)} | {' | '.join(anyone)} |"
        many = [_mean([sum(line["named"][m]) for line in honest if m in line["named"]]) for m in methods]
        yield f"| none: patients named, mean | {len(honest)} | {' | '.join(many)} |"
        fails = _share([line["fails"] for line in honest])
        yield f"| none: seeds with FAIL | {len(honest)} | {' | '.join([fails, *['-'] * (len(methods) - 1)])} |"


def _power(lines: Sequence[Line], method: str) -> str:
    """Share named and realized false discovery proportion, means over seeds."""
    counts = [(*line["named"][method], line["copied"]) for line in lines if method in line["named"]]
    if not counts:
        return "-"
    share = np.mean([right / copied for right, _, copied in counts])
    fdp = np.mean([wrong / max(1, right + wrong) for right, wrong, _ in counts])
    fewer = f" (n = {len(counts)})" if len(counts) < len(lines) else ""
    return f"{share:.2f} / {fdp:.2f}{fewer}"


def _share(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.2f}" if hits else "-"


def _mean(counts: Sequence[int]) -> str:
    return f"{np.mean(counts):.1f}" if counts else "-"


def _span(counts: Sequence[int]) -> str:
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)}-{max(counts)}"

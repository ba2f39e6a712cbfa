"""`synthaudit selftest`: the probes against generators whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from synthaudit.selftest.trial import Cell, Trial

SCHEMA = "synthaudit/selftest/1"
WRONG = 1


@click.command()
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the simulated patients.")
@click.option("--workers", type=click.IntRange(min=1), help="Threads. [default: all processors]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, and nothing else.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def selftest(ctx: click.Context, *, seed: int, workers: int | None, as_json: bool, quiet: bool) -> None:
    """Check every probe against controls whose truth is known.

    Patients are simulated; the controls copy them (plain, shifted, mirrored, noisy, a few of them, in part), or are
    honest (fresh patients, out of focus, of another hospital), or make the comparison void. Takes under a minute.

    Exit code 0 if every answer is right, else 1.
    """
    from synthaudit.progress import Progress
    from synthaudit.selftest.trial import run_trial

    trial = run_trial(seed, workers=workers, progress=Progress(quiet=quiet))
    click.echo(json.dumps(_document(trial, seed), indent=2) if as_json else "\n".join(_lines(trial)))
    ctx.exit(WRONG if trial.wrong else 0)


def _lines(trial: Trial) -> Iterator[str]:
    """The truth table."""
    rows: list[tuple[str, ...]] = [("control", "check", "expected", "observed", "", "")]
    for name, _ in trial.controls:
        mine = [cell for cell in trial.cells if cell.control == name]
        rows += [_row(cell, name if cell is mine[0] else "") for cell in mine]
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for name, says in trial.controls:
        yield f"{name}: {says}"
    yield ""
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, wide, strict=True)).rstrip()
    yield ""
    yield "Several words under expected: at this size either is right, and an audit may answer one or the other."
    if trial.not_covered:
        yield f"Not covered, no truth is declared: {', '.join(trial.not_covered)}"
    yield (
        f"{len(trial.wrong)} of {len(trial.cells)} answers are WRONG. Please report this."
        if trial.wrong
        else f"All {len(trial.cells)} answers are right."
    )


def _row(cell: Cell, name: str) -> tuple[str, ...]:
    mark = "ok" if cell.right else "WRONG"
    return name, cell.check, " or ".join(cell.expected), cell.observed.word, mark, cell.observed.figures


def _document(trial: Trial, seed: int) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "seed": seed,
        "all_right": not trial.wrong,
        "controls": [{"name": name, "says": says} for name, says in trial.controls],
        "answers": [
            {
                "control": cell.control,
                "check": cell.check,
                "probe": cell.probe or None,
                "expected": list(cell.expected),
                "observed": cell.observed.word,
                "figures": cell.observed.figures,
                "right": cell.right,
            }
            for cell in trial.cells
        ],
        "not_covered": list(trial.not_covered),
    }

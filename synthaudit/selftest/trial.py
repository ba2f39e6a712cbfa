"""Audits of all controls, each answer beside the truth."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from synthaudit import registry
from synthaudit.audit_record import Audit
from synthaudit.embedding_cache import EmbeddingCache
from synthaudit.finding import Finding
from synthaudit.matching.memo import Memo
from synthaudit.progress import Progress
from synthaudit.run_audit import audit, judge_again
from synthaudit.selftest.checks import CHECKS, Check, not_covered
from synthaudit.selftest.controls import FIRST, Control, Sizes, controls
from synthaudit.selftest.readings import Observation

POLICY = "internal"
ONCE = ("encoders", "inputs", "planted")
"""Probes whose answer rests on the real images: asked of the first control, and used to judge those that share them."""
ASKED_AGAIN = ("inputs",)
"""Those of them that are asked of real images of another kind, too."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One check of one control.

    Attributes:
        expected: Words, any of which is right.
    """

    control: str
    check: str
    probe: str
    expected: tuple[str, ...]
    observed: Observation

    @property
    def right(self) -> bool:
        """Whether the probe answered as the truth demands."""
        return self.observed.word in self.expected


@dataclass(frozen=True, slots=True)
class Trial:
    """The truth table.

    Attributes:
        controls: Name and description of each, in order.
        cells: All checks of all controls.
        not_covered: Probes of which no truth is declared.
    """

    controls: tuple[tuple[str, str], ...]
    cells: tuple[Cell, ...]
    not_covered: tuple[str, ...]

    @property
    def wrong(self) -> tuple[Cell, ...]:
        """The cells that contradict the truth."""
        return tuple(cell for cell in self.cells if not cell.right)


def run_trial(
    seed: int = 0, sizes: Sizes | None = None, *, workers: int | None = None, progress: Progress | None = None
) -> Trial:
    """Audit every control with every probe that is installed.

    Controls share their real images, so pairs are compared and images embedded once for all of them.
    """
    sizes, progress = sizes or Sizes(), progress or Progress()
    progress.note("simulating patients")
    cases = controls(seed, sizes)
    cells: list[Cell] = []
    shared: tuple[Finding, ...] = ()
    with tempfile.TemporaryDirectory() as folder:
        auditor = _Auditor(seed, sizes, EmbeddingCache(Path(folder)), Memo(), workers)
        for case in progress.track(cases, "controls", len(cases)):
            same_people = case.holdout is cases[0].holdout
            known = ONCE if same_people else tuple(name for name in ONCE if name not in ASKED_AGAIN)
            result = auditor.audited(case, () if case.name == FIRST else known)
            if case.name == FIRST:
                shared = tuple(finding for finding in result.findings if finding.probe in ONCE)
            elif same_people:
                result = judge_again(replace(result, findings=(*result.findings, *shared)), POLICY)
            asked = [check for check in CHECKS if not check.only or case.name in check.only]
            mine = [_cell(check, result, case) for check in asked]
            wrong = [cell.check for cell in mine if not cell.right]
            progress.note(f"{case.name}: {'WRONG: ' + ', '.join(wrong) if wrong else 'as it should be'}")
            cells += mine
    names = tuple((case.name, case.says) for case in cases)
    return Trial(names, tuple(cells), not_covered(registry.names("probes")))


@dataclass(frozen=True, slots=True)
class _Auditor:
    """Audits that remember what they have in common."""

    seed: int
    sizes: Sizes
    cache: EmbeddingCache
    memo: Memo
    workers: int | None

    def audited(self, case: Control, without: tuple[str, ...]) -> Audit:
        """The audit of one control by all probes but these."""
        return audit(
            train=case.train,
            holdout=case.holdout,
            synthetic=case.synthetic,
            probes=[name for name in registry.names("probes") if name not in without],
            policy=POLICY,
            seed=self.seed,
            workers=self.workers,
            cache=self.cache,
            memo=self.memo,
            settings=self.sizes.settings,
            generator=case.generator,
        )


def _cell(check: Check, result: Audit, case: Control) -> Cell:
    return Cell(case.name, check.name, check.probe, check.expected(case.name), check.read(result, case))

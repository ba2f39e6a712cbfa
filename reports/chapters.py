"""The order in which a report asks its questions, and the chapters they stand in.

A reader who signs for a release asks first whether the audit itself can be trusted, then whether patients are shown,
then what else could be done to them, and only then whether the images are any good. Probes of other packages follow,
before the figures that stand there for comparison only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthaudit.finding import Finding


@dataclass(frozen=True, slots=True)
class Chapter:
    """Questions that belong together.

    Attributes:
        title: What they have in common.
        probes: Who asks them, in order.
    """

    title: str
    probes: tuple[str, ...]


FURTHER = Chapter("Further questions", ())
"""Where probes stand that no chapter names."""
CHAPTERS = (
    Chapter("Can this audit see", ("inputs", "encoders")),
    Chapter("Are patients copied", ("copies", "regions", "volumes", "planted")),
    Chapter("Can it be told who was trained on", ("membership", "checkpoint", "extraction", "pairs")),
    Chapter("Can a person be found again", ("reidentification", "singling-out", "linkability", "inference")),
    Chapter("Do the files say too much", ("phi",)),
    Chapter("Are the images right, and of use", ("realism", "hallucination", "utility")),
    Chapter("Are all groups served alike", ("bias",)),
    FURTHER,
    Chapter("For comparison only", ("context",)),
)
_PLACES = {probe: (c, i) for c, chapter in enumerate(CHAPTERS) for i, probe in enumerate(chapter.probes)}


def by_chapter(findings: Sequence[Finding]) -> list[tuple[Chapter, list[Finding]]]:
    """The chapters that have a finding, each with its findings in the order of its questions."""
    chapters: list[tuple[Chapter, list[Finding]]] = []
    last = (CHAPTERS.index(FURTHER), 0)
    placed = sorted(findings, key=lambda finding: _PLACES.get(finding.probe, last))
    for number, chapter in enumerate(CHAPTERS):
        mine = [finding for finding in placed if _PLACES.get(finding.probe, last)[0] == number]
        if mine:
            chapters.append((chapter, mine))
    return chapters


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The findings in the order in which a report tells them."""
    return [finding for _, mine in by_chapter(findings) for finding in mine]

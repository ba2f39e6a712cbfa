"""Can a person be found again: are synthetic images linked to training patients more often than to held-out ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.probe import Evidence, Need


@dataclass(frozen=True, slots=True)
class Reidentification:
    """The probe `reidentification`."""

    name: ClassVar[str] = "reidentification"
    question: ClassVar[str] = "Can a person be found again: are synthetic images linked to training patients more often than to held-out ones?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        """The answer."""
        raise NotEnoughData("it is being built")

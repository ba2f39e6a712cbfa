"""Are the synthetic images, as a set, like real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.probe import Evidence, Need


@dataclass(frozen=True, slots=True)
class Realism:
    """The probe `realism`."""

    name: ClassVar[str] = "realism"
    question: ClassVar[str] = "Are the synthetic images, as a set, like real ones?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        """The answer."""
        raise NotEnoughData("it is being built")

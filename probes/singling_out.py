"""Can someone who holds the synthetic images single out a training patient?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.probe import Evidence, Need


@dataclass(frozen=True, slots=True)
class SinglingOut:
    """The probe `singling-out`."""

    name: ClassVar[str] = "singling-out"
    question: ClassVar[str] = "Can someone who holds the synthetic images single out a training patient?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        """The answer."""
        raise NotEnoughData("it is being built")

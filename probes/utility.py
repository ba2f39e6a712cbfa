"""Does a classifier trained on the synthetic images work on real patients?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.probe import Evidence, Need


@dataclass(frozen=True, slots=True)
class Utility:
    """The probe `utility`."""

    name: ClassVar[str] = "utility"
    question: ClassVar[str] = "Does a classifier trained on the synthetic images work on real patients?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        """The answer."""
        raise NotEnoughData("it is being built")

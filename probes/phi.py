"""Do the files say who the patients are, beside their pixels?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.probe import Evidence, Need


@dataclass(frozen=True, slots=True)
class Phi:
    """The probe `phi`."""

    name: ClassVar[str] = "phi"
    question: ClassVar[str] = "Do the files say who the patients are, beside their pixels?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        """The answer."""
        raise NotEnoughData("it is being built")

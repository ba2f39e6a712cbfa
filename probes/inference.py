"""Can someone infer an attribute of a training patient from the synthetic images?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthaudit.errors import NotEnoughData
from synthaudit.finding import Finding
from synthaudit.probe import Evidence, Need


@dataclass(frozen=True, slots=True)
class Inference:
    """The probe `inference`."""

    name: ClassVar[str] = "inference"
    question: ClassVar[str] = "Can someone infer an attribute of a training patient from the synthetic images?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        """The answer."""
        raise NotEnoughData("it is being built")

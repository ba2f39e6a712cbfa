"""Audits that cost nothing, and remember what they were shown."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.audit_record import Audit
from synthaudit.gating import gate as module

_AUDITS = runpy.run_path(str(Path(__file__).parents[1] / "reports" / "realistic_audits.py"))
Images = NDArray[np.float32]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Images]:
    """The samples of each audit so far; bright ones fail."""
    seen: list[Images] = []

    def audit(**asked: Any) -> Audit:
        seen.append(np.stack([source.read() for source in asked["synthetic"].sources]))
        np.random.random(5)  # noqa: NPY002  (an audit that is careless with other people's random numbers)
        found: Audit = _AUDITS["failing" if seen[-1].mean() > 0.75 else "passing"]()
        return found

    monkeypatch.setattr(module, "audit", audit)
    return seen

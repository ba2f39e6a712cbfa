"""Privacy audit for synthetic medical images: can the patients who trained a generator be found in what it makes?

>>> from synthaudit import audit, write  # doctest: +SKIP
>>> result = audit(train="train/", holdout="holdout/", synthetic="synthetic/", metadata="patients.csv")
>>> result.verdict, write(result, "out/")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthaudit.audit_record import Audit
    from synthaudit.cohort import Cohort, Role
    from synthaudit.embedding_cache import EmbeddingCache
    from synthaudit.embeddings import Encoder, PixelEncoder, TableEncoder
    from synthaudit.errors import (
        EncoderError,
        InputError,
        MissingDependency,
        NotEnoughData,
        OutputError,
        PolicyError,
        SynthauditError,
        UsageError,
    )
    from synthaudit.finding import Assumption, Chart, ChartKind, Direction, Exposure, Finding, Kind, Measure, Series
    from synthaudit.gating.gate import Checked, CheckpointGate
    from synthaudit.output import check_output, write
    from synthaudit.policy import Policy, Rule, Verdict, load_policy
    from synthaudit.probe import Evidence, Need, Probe, Settings
    from synthaudit.progress import Progress
    from synthaudit.report import Report
    from synthaudit.run_audit import audit, judge_again

__version__ = "0.1.0"

_HOMES = {
    "synthaudit.audit_record": ("Audit",),
    "synthaudit.cohort": ("Cohort", "Role"),
    "synthaudit.embedding_cache": ("EmbeddingCache",),
    "synthaudit.embeddings": ("Encoder", "PixelEncoder", "TableEncoder"),
    "synthaudit.errors": (
        "EncoderError",
        "InputError",
        "MissingDependency",
        "NotEnoughData",
        "OutputError",
        "PolicyError",
        "SynthauditError",
        "UsageError",
    ),
    "synthaudit.finding": (
        "Assumption",
        "Chart",
        "ChartKind",
        "Direction",
        "Exposure",
        "Finding",
        "Kind",
        "Measure",
        "Series",
    ),
    "synthaudit.gating.gate": ("Checked", "CheckpointGate"),
    "synthaudit.output": ("check_output", "write"),
    "synthaudit.policy": ("Policy", "Rule", "Verdict", "load_policy"),
    "synthaudit.probe": ("Evidence", "Need", "Probe", "Settings"),
    "synthaudit.progress": ("Progress",),
    "synthaudit.report": ("Report",),
    "synthaudit.run_audit": ("audit", "judge_again"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Assumption",
    "Audit",
    "Chart",
    "ChartKind",
    "Checked",
    "CheckpointGate",
    "Cohort",
    "Direction",
    "EmbeddingCache",
    "Encoder",
    "EncoderError",
    "Evidence",
    "Exposure",
    "Finding",
    "InputError",
    "Kind",
    "Measure",
    "MissingDependency",
    "Need",
    "NotEnoughData",
    "OutputError",
    "PixelEncoder",
    "Policy",
    "PolicyError",
    "Probe",
    "Progress",
    "Report",
    "Role",
    "Rule",
    "Series",
    "Settings",
    "SynthauditError",
    "TableEncoder",
    "UsageError",
    "Verdict",
    "audit",
    "check_output",
    "judge_again",
    "load_policy",
    "write",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that `synthaudit --help` need not load numpy."""
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module synthaudit has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

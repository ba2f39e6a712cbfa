"""An audit in the MLflow run that is active: what may leave the house, and nothing else."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from synthaudit.audit_record import Audit
from synthaudit.output import RESTRICTED


def log_audit(audit: Audit, epoch: int, folder: Path | None) -> bool:
    """Whether there was a run to log to.

    Every rule's measure becomes a metric `synthaudit/probe/measure` at the epoch, the verdict a metric
    `synthaudit/exit_code` (0 PASS, 1 FAIL, 3 INCONCLUSIVE) and a tag, and the reports artifacts. Nothing of the
    restricted folder goes there: tracking servers are shared.

    Args:
        audit: What was found.
        epoch: The step under which MLflow shows it.
        folder: Where the reports are; None logs numbers only.
    """
    # A run can be active only if the training imported MLflow itself.
    mlflow = sys.modules.get("mlflow")
    if mlflow is None or mlflow.active_run() is None:
        return False
    mlflow.log_metrics(metrics(audit), step=epoch)
    mlflow.set_tag("synthaudit.verdict", audit.verdict.value)
    for file in sorted(folder.iterdir()) if folder is not None else ():
        if file.name != RESTRICTED:
            mlflow.log_artifact(str(file), f"synthaudit/{folder.name if folder else ''}")
    return True


def metrics(audit: Audit) -> dict[str, float]:
    """Metric name -> value, of the verdict and of every measure that a rule reads."""
    found = {"synthaudit/exit_code": float(audit.verdict.exit_code)}
    for result in audit.rules:
        if result.measure is not None and result.measure.value is not None:
            found[f"synthaudit/{_allowed(result.rule.measure)}"] = float(result.measure.value)
    return found


def _allowed(name: str) -> str:
    """The name in the characters that MLflow takes.

    >>> _allowed("planted/detection_limit[plain]")
    'planted/detection_limit.plain'
    """
    return re.sub(r"[^\w./ -]", "_", re.sub(r"\[(.*?)\]", r".\1", name))

"""The public evidence for machines, in the published format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from synthaudit.audit_record import Audit
from synthaudit.evidence_file import dump


@dataclass(frozen=True, slots=True)
class EvidenceJson:
    """evidence.json: all that the public reports say, as data; its SHA-256 begins with the id of the audit."""

    name: ClassVar[str] = "json"
    filename: ClassVar[str] = "evidence.json"
    restricted: ClassVar[bool] = False

    def render(self, audit: Audit) -> bytes:
        """UTF-8 JSON; equal audits give equal bytes."""
        return dump(audit)

"""An audit in, bytes out. A report never computes, and says on which side of the wall it belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from synthaudit.audit_record import Audit


@runtime_checkable
class Report(Protocol):
    """One way to write an audit down.

    Attributes:
        name: What `--format` calls it.
        filename: Its name inside the output folder.
        restricted: True if it may name patients or files: it is then written below `restricted/`.
    """

    name: ClassVar[str]
    filename: ClassVar[str]
    restricted: ClassVar[bool]

    def render(self, audit: Audit) -> bytes:
        """The file's content; equal audits give equal bytes."""
        ...

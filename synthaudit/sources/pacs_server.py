"""What is asked of a PACS, by whichever protocol; and how often it is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from synthaudit.errors import InputError

T = TypeVar("T")

WAITS_S = (0.5, 1.0, 2.0, 4.0)
"""Before each further attempt: five attempts in 7.5 seconds outlive a restart of a proxy, not one of the PACS."""
LARGEST_INSTANCE_BYTES = 2 * 2**30
Answer = Mapping[str, str]
"""Keyword -> value as text; several values are joined by a backslash."""


class Unreachable(Exception):
    """The server does not answer, or answers that it cannot just now: worth another attempt."""


class Refused(Exception):
    """The server answers that there is no such thing, or that it will not give it: asking again does not help."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance that a PACS listed; `patient` is whose the study is, "" if it does not say."""

    study: str = field(repr=False)
    series: str = field(repr=False)
    uid: str = field(repr=False)
    sop_class: str = field(default="", repr=False)
    patient: str = field(default="", repr=False, compare=False)


class PacsServer(Protocol):
    """A connection to a PACS; safe for threads."""

    def find(self, level: str, keys: Mapping[str, str], returned: Sequence[str]) -> list[Answer]:
        """What there is at a level ("STUDY", "SERIES", "IMAGE") under these keys, with the keywords in `returned`.

        Raises:
            Unreachable: Worth another attempt.
            InputError: The server refuses, or its answer cannot be complete.
        """
        ...

    def fetch(self, instance: Instance) -> bytes:
        """The whole instance as a DICOM file.

        Raises:
            Unreachable: Worth another attempt.
            Refused: It is not there, or not given.
        """
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...


def attempted(
    attempt: Callable[[], T], waits_s: Sequence[float] | None = None, sleep: Callable[[float], None] = time.sleep
) -> T:
    """What `attempt` gives, tried again after each wait while the server is unreachable.

    Raises:
        Unreachable: It still is after the last wait.
    """
    for wait_s in WAITS_S if waits_s is None else waits_s:
        try:
            return attempt()
        except Unreachable:
            sleep(wait_s)
    return attempt()


def access_denied(code: int | str) -> InputError:
    """The error for a server that does not know us, or does not let us in."""
    return InputError(
        f"the PACS refuses access ({code}); give SYNTHAUDIT_DICOMWEB_TOKEN, or user and password, or a certificate "
        f"that it accepts (DIMSE: an AE title that it knows), with the right to search and to retrieve"
    )

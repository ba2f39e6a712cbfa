"""DIMSE: C-FIND to find, C-GET to fetch; an instance comes over the connection that asked for it: no port is opened.

In a C-GET the PACS stores to us, so we offer the role of a storage provider for the class of the instance, once for
each transfer syntax: the PACS then sends what it has, and decompresses nothing on its way.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from synthaudit.errors import InputError, MissingDependency
from synthaudit.sources.pacs_login import PacsLogin
from synthaudit.sources.pacs_server import (
    LARGEST_INSTANCE_BYTES,
    Answer,
    Instance,
    Refused,
    Unreachable,
    access_denied,
)
from synthaudit.sources.pacs_uri import PacsAddress

CONNECT_S, ANSWER_S = 10.0, 60.0
LINES = 2
"""Associations held at once: many a PACS takes four in all, and lets the fifth wait."""
IDLE_S = 1.0
"""After which an association is released: a PACS has few, and one that stands keeps a process from ending."""
_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_GET = "1.2.840.10008.5.1.4.1.2.2.3"
"""Study Root Query/Retrieve: find, and get."""
_SYNTAXES = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
)
_ANY = "any"
"""The class of an instance of which the PACS does not tell it: then the usual ones are offered, ..."""
_USUAL_CLASSES = tuple(
    f"1.2.840.10008.5.1.4.1.1.{number}"
    for number in (
        *("1", "1.1", "1.1.1", "1.2", "1.2.1", "2", "2.1", "3.1", "4", "4.1", "6.1", "7", "12.1", "12.2", "13.1.3"),
        *("20", "77.1.1", "77.1.4", "77.1.5.1", "128"),
    )
)
_USUAL_SYNTAXES = tuple(f"1.2.840.10008.1.2{end}" for end in (".1", "", ".5", ".4.50", ".4.70", ".4.90"))
"""... in these transfer syntaxes, as an association has room for 128 pairs."""
_PENDING = (0xFF00, 0xFF01)
_STORED = 0x0000
_FOR_NOW = 2
_NOT_AUTHORIZED = 0x0124


@dataclass(eq=False, slots=True)
class _Line:
    """An association, the class of instances that it takes, and what came over it."""

    association: Any
    sop_class: str
    received: list[bytes]


class Dimse:
    """A PACS that speaks DIMSE; a few associations, kept open, that threads take in turn."""

    def __init__(self, address: PacsAddress, login: PacsLogin) -> None:
        try:
            import pynetdicom  # noqa: F401
        except ImportError:
            raise MissingDependency(
                "dimse:// needs pynetdicom, which is not installed; install synthaudit[pacs]"
            ) from None
        # It logs what it is asked for, and that is patients.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
        self._address, self._login = address, login
        self._free: list[_Line] = []
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(LINES)
        self._timer: threading.Timer | None = None

    def find(self, level: str, keys: Mapping[str, str], returned: Sequence[str]) -> list[Answer]:
        """All results.

        Raises:
            Unreachable: Worth another attempt.
            InputError: The PACS refuses.
        """
        found: list[Answer] = []
        asked = _identifier(level, dict.fromkeys(returned, "") | dict(keys))
        with self._line("") as line:
            for status, answer in line.association.send_c_find(asked, _FIND):
                code = _code(status)
                if code == _NOT_AUTHORIZED:
                    raise access_denied("not authorized")
                if code in _PENDING and answer is not None:
                    found.append(_texts(answer))
                elif code != _STORED:
                    raise InputError(
                        f"the PACS does not take the query (status {code:04X}); divide it, such as by StudyDate, and "
                        f"check that it can search by these keys"
                    )
        return found

    def fetch(self, instance: Instance) -> bytes:
        """The instance as the PACS sends it.

        Raises:
            Unreachable: Worth another attempt.
            Refused: It is not there, or not given.
        """
        keys = {
            "StudyInstanceUID": instance.study,
            "SeriesInstanceUID": instance.series,
            "SOPInstanceUID": instance.uid,
        }
        code = _STORED
        with self._line(instance.sop_class or _ANY) as line:
            line.received.clear()
            for status, _ in line.association.send_c_get(_identifier("IMAGE", keys), _GET):
                code = _code(status)
            received = line.received.copy()
            line.received.clear()
            is_established = line.association.is_established
        if code == _STORED and len(received) == 1:
            if len(received[0]) > LARGEST_INSTANCE_BYTES:
                raise Refused("too large")
            return received[0]
        if not is_established:
            raise Unreachable("connection lost")
        raise Refused(f"{code:04X}")

    def close(self) -> None:
        """Release every association that is not in use; a later request opens a new one."""
        with self._lock:
            lines, self._free = self._free, []
        for line in lines:
            _release(line)

    @contextmanager
    def _line(self, sop_class: str) -> Iterator[_Line]:
        """An association that takes this class, for as long as it is needed; given back if it still stands."""
        with self._turns:
            line = self._taken(sop_class)
            try:
                yield line
            except BaseException:
                line.association.abort()
                raise
            with self._lock:
                self._free.append(line)
            self._close_when_idle()

    def _close_when_idle(self) -> None:
        timer = threading.Timer(IDLE_S, self.close)
        timer.daemon = True
        with self._lock:
            former, self._timer = self._timer, timer
        if former is not None:
            former.cancel()
        timer.start()

    def _taken(self, sop_class: str) -> _Line:
        """A free association that takes this class, or a new one in the place of another."""
        with self._lock:
            self._free = [line for line in self._free if line.association.is_established]
            fitting = next((line for line in self._free if sop_class in ("", line.sop_class)), None)
            # An unfit one makes room, so that those in use and those held are never more than `LINES`.
            spare = fitting or next(iter(self._free), None)
            if spare is not None:
                self._free.remove(spare)
        if fitting is not None:
            return fitting
        if spare is not None:
            _release(spare)
        received: list[bytes] = []
        return _Line(self._associated(sop_class, received), sop_class, received)

    def _associated(self, sop_class: str, received: list[bytes]) -> Any:
        from pynetdicom import AE, build_role, evt
        from pynetdicom.presentation import build_context

        def store(event: Any) -> int:
            received.append(event.encoded_dataset())
            return _STORED

        entity = AE(ae_title=self._address.calling)
        entity.connection_timeout = entity.acse_timeout = CONNECT_S
        entity.dimse_timeout = entity.network_timeout = ANSWER_S
        contexts = [build_context(_FIND), build_context(_GET)]
        classes = _USUAL_CLASSES if sop_class == _ANY else (sop_class,) * bool(sop_class)
        syntaxes = _USUAL_SYNTAXES if sop_class == _ANY else _SYNTAXES
        contexts += [build_context(one, syntax) for one in classes for syntax in syntaxes]
        roles: list[Any] = [build_role(one, scu_role=True, scp_role=True) for one in classes]
        association = entity.associate(
            self._address.host,
            self._address.port,
            contexts=contexts,
            ae_title=self._address.called,
            ext_neg=roles,
            evt_handlers=[(evt.EVT_C_STORE, store)],
            tls_args=self._tls(),
        )
        if association.is_rejected and _is_for_good(association):
            raise access_denied("the association is rejected")
        if not association.is_established:
            raise Unreachable("no association")
        return association

    def _tls(self) -> tuple[Any, str] | None:
        import ssl

        if not self._address.encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=self._login.ca or None)
            if self._login.certificate:
                context.load_cert_chain(self._login.certificate, self._login.certificate_key or None)
        except (OSError, ValueError):
            raise InputError(
                "a certificate for the PACS cannot be loaded; SYNTHAUDIT_PACS_CERTIFICATE, _CERTIFICATE_KEY and _CA "
                "must be PEM files"
            ) from None
        return context, self._address.host


def _is_for_good(association: Any) -> bool:
    """Whether a rejected association is rejected for good, and not for want of a free one."""
    return getattr(association.acceptor.primitive, "result", 1) != _FOR_NOW


def _release(line: _Line) -> None:
    if line.association.is_established:
        line.association.release()


def _identifier(level: str, keys: Mapping[str, str]) -> Any:
    from pydicom import DataElement, Dataset
    from pydicom.config import IGNORE
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    asked = Dataset()
    for keyword, value in {"QueryRetrieveLevel": level, **keys}.items():
        tag = tag_for_keyword(keyword)
        if tag is not None:
            # Not validated: a wildcard or a range is no value of its type, and a warning would repeat it.
            asked.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
    return asked


def _code(status: Any) -> int:
    """The status of an answer.

    Raises:
        Unreachable: There is none: the connection was lost, or nothing came in time.
    """
    if status is None or "Status" not in status:
        raise Unreachable("no answer")
    return int(status.Status)


def _texts(answer: Any) -> Answer:
    found = {}
    for element in answer:
        value = element.value
        many = value if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]
        found[element.keyword] = "\\".join("" if one is None else str(one).strip() for one in many)
    return found

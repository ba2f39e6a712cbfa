"""DIMSE: C-FIND to find, C-GET to fetch; an instance comes over the connection that asked for it: no port is opened.

In a C-GET the PACS stores to us, so we offer the role of a storage provider for the class of the instance, once for
each transfer syntax: the PACS then sends what it has, and decompresses nothing on its way.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
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
_PENDING = (0xFF00, 0xFF01)
_STORED = 0x0000
_NOT_AUTHORIZED = 0x0124


class Dimse:
    """A PACS that speaks DIMSE; one association for each thread, kept open."""

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
        self._threads = threading.local()
        self._open: list[Any] = []
        self._lock = threading.Lock()

    def find(self, level: str, keys: Mapping[str, str], returned: Sequence[str]) -> list[Answer]:
        """All results.

        Raises:
            Unreachable: Worth another attempt.
            InputError: The PACS refuses.
        """
        found: list[Answer] = []
        asked = _identifier(level, dict.fromkeys(returned, "") | dict(keys))
        for status, answer in self._association("").send_c_find(asked, _FIND):
            code = _code(status)
            if code == _NOT_AUTHORIZED:
                raise access_denied("not authorized")
            if code in _PENDING and answer is not None:
                found.append(_texts(answer))
            elif code != _STORED:
                raise InputError(
                    f"the PACS does not take the query (status {code:04X}); divide it, such as by StudyDate, and check "
                    f"that it can search by these keys"
                )
        return found

    def fetch(self, instance: Instance) -> bytes:
        """The instance as the PACS sends it.

        Raises:
            Unreachable: Worth another attempt.
            Refused: It is not there, or not given.
        """
        association = self._association(instance.sop_class)
        received: list[bytes] = self._threads.received
        received.clear()
        keys = {
            "StudyInstanceUID": instance.study,
            "SeriesInstanceUID": instance.series,
            "SOPInstanceUID": instance.uid,
        }
        code = _STORED
        for status, _ in association.send_c_get(_identifier("IMAGE", keys), _GET):
            code = _code(status)
        if code == _STORED and len(received) == 1:
            content = received.pop()
            if len(content) > LARGEST_INSTANCE_BYTES:
                raise Refused("too large")
            return content
        if not association.is_established:
            raise Unreachable("connection lost")
        raise Refused(f"{code:04X}")

    def close(self) -> None:
        """Release every association; a later request opens a new one."""
        with self._lock:
            associations, self._open = self._open, []
        self._threads = threading.local()
        for association in associations:
            if association.is_established:
                association.release()

    def _association(self, sop_class: str) -> Any:
        """This thread's association, made anew where it is lost or does not take that class."""
        current = getattr(self._threads, "association", None)
        if current is not None and current.is_established and sop_class in ("", self._threads.sop_class):
            return current
        if current is not None:
            with self._lock:
                self._open = [one for one in self._open if one is not current]
            if current.is_established:
                current.release()
        self._threads.received = []
        self._threads.association = self._associated(sop_class, self._threads.received)
        self._threads.sop_class = sop_class
        return self._threads.association

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
        roles: list[Any] = []
        if sop_class:
            contexts += [build_context(sop_class, syntax) for syntax in _SYNTAXES]
            roles = [build_role(sop_class, scu_role=True, scp_role=True)]
        association = entity.associate(
            self._address.host,
            self._address.port,
            contexts=contexts,
            ae_title=self._address.called,
            ext_neg=roles,
            evt_handlers=[(evt.EVT_C_STORE, store)],
            tls_args=self._tls(),
        )
        if association.is_rejected:
            raise access_denied("the association is rejected")
        if not association.is_established:
            raise Unreachable("no association")
        with self._lock:
            self._open.append(association)
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

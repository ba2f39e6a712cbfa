"""DICOMweb: QIDO-RS to find, WADO-RS to fetch.

The two requests are made directly: what matters here (no redirect, no header value in a log, answers of limited size,
a truncated list recognized) is what a general client leaves to its caller.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from synthaudit.errors import InputError
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

PAGE = 1000
"""Results asked for at once; a server may give fewer."""
LARGEST_LIST_BYTES = 256 * 2**20
TIMEOUT_S = (10.0, 60.0)
"""To connect, and between two pieces of an answer."""
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_DENIED = frozenset({401, 403, 407})
_WHO_ARE_YOU = 401
_CHUNK = 2**18
_MORE_REMAINS = "299"
_IDENTITY = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


class DicomWeb:
    """A DICOMweb service."""

    def __init__(self, address: PacsAddress, login: PacsLogin) -> None:
        # It logs what it is asked for, and that is patients.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.CRITICAL + 1)
        self._address, self._login = address, login
        self._threads = threading.local()
        self._sessions: list[Any] = []
        self._lock = threading.Lock()

    def find(self, level: str, keys: Mapping[str, str], returned: Sequence[str]) -> list[Answer]:
        """All results, page after page.

        Raises:
            Unreachable: Worth another attempt.
            InputError: The server refuses, or does not give the rest of a long list.
        """
        path, matched = _search_path(level, keys)
        found: dict[str, Answer] = {}
        while True:
            fields = [("includefield", name) for name in returned]
            status, headers, body = self._get(
                path,
                {"Accept": "application/dicom+json"},
                [*matched.items(), *fields, ("limit", str(PAGE)), ("offset", str(len(found)))],
                LARGEST_LIST_BYTES,
            )
            _check_search(status)
            page = _answers(body)
            before = len(found)
            found |= {answer.get(_IDENTITY[level], ""): answer for answer in page}
            if "" in found:
                raise InputError("the PACS lists something without its UID; it cannot be audited from there")
            if len(found) == before:
                if page and (before >= PAGE or _MORE_REMAINS in headers.get("warning", "")):
                    raise InputError(
                        "the PACS gives the first part of a long list only, and not the rest when asked for it; "
                        "divide the query, such as by StudyDate"
                    )
                return list(found.values())

    def fetch(self, instance: Instance) -> bytes:
        """The instance as the server has it stored.

        Raises:
            Unreachable: Worth another attempt.
            Refused: It is not there, or not given.
        """
        path = f"/studies/{instance.study}/series/{instance.series}/instances/{instance.uid}"
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        status, headers, body = self._get(path, {"Accept": accept}, [], LARGEST_INSTANCE_BYTES)
        if status == _WHO_ARE_YOU:  # a token that ran out: the images are there, and none must count as missing
            raise Unreachable(str(status))
        if status != 200:
            raise Refused(str(status))
        kind = headers.get("content-type", "")
        return body if kind.lower().startswith("application/dicom") else only_part(body, kind)

    def close(self) -> None:
        """Close every connection; a later request opens a new one."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        self._threads = threading.local()
        for session in sessions:
            session.close()

    def _get(
        self, path: str, headers: Mapping[str, str], query: Sequence[tuple[str, str]], limit_bytes: int
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers in lower case, body)."""
        import requests

        try:
            with self._session().get(
                self._address.url + path + _query_string(query),
                headers=dict(headers),
                timeout=TIMEOUT_S,
                stream=True,
                allow_redirects=False,
            ) as answer:
                if answer.status_code in _LATER:
                    raise Unreachable(str(answer.status_code))
                body = bytearray()
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > limit_bytes:
                        raise Refused("too large")
                return answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, bytes(body)
        except requests.exceptions.SSLError:
            raise InputError(
                "the PACS has no certificate that is trusted here, or does not trust ours; give the authority that "
                "signed it as SYNTHAUDIT_PACS_CA, and our own as SYNTHAUDIT_PACS_CERTIFICATE"
            ) from None
        except (requests.exceptions.RequestException, OSError) as error:
            # The text of these errors holds the address with its query, and so patients.
            raise Unreachable(type(error).__name__) from None

    def _session(self) -> Any:
        import requests

        session = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            # No proxy and no .netrc of the environment: images and secrets go to the server that was named, only.
            session.trust_env = False
            if self._login.token:
                session.headers["Authorization"] = f"Bearer {self._login.token}"
            elif self._login.user:
                session.auth = (self._login.user, self._login.password)
            if self._login.certificate:
                key = self._login.certificate_key
                session.cert = (self._login.certificate, key) if key else self._login.certificate
            if self._login.ca:
                session.verify = self._login.ca
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session


def only_part(body: bytes, kind: str) -> bytes:
    """The content of a multipart/related answer that has one part.

    Raises:
        Unreachable: It ends too early.
        Refused: It is no multipart answer, or has several parts.
    """
    found = re.search(r'boundary="?([^";,\s]+)"?', kind, re.IGNORECASE)
    if not kind.lower().startswith("multipart/related") or found is None:
        raise Refused("not DICOM")
    mark = b"--" + found[1].encode("latin-1", "replace")
    start = body.find(mark)
    end = body.rfind(b"\r\n" + mark)
    if start < 0 or end <= start or not body[end + 2 + len(mark) :].startswith(b"--"):
        raise Unreachable("cut off")
    head, blank, content = body[start + len(mark) : end].partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    if not blank or (length and int(length[1]) < len(content)):
        raise Refused("several parts")
    if length and int(length[1]) > len(content):
        raise Unreachable("cut off")
    return content


def _query_string(query: Sequence[tuple[str, str]]) -> str:
    """The query, wildcards left as they are: RFC 3986 allows both, and some servers do not undo their escapes."""
    return "?" * bool(query) + "&".join(f"{quote(key)}={quote(value, safe='*?')}" for key, value in query)


def _search_path(level: str, keys: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Where to search, and what is left to match: a series is searched for in its study, an instance in its series."""
    left = dict(keys)
    if level == "STUDY":
        return "/studies", left
    study = left.pop("StudyInstanceUID")
    if level == "SERIES":
        return f"/studies/{study}/series", left
    return f"/studies/{study}/series/{left.pop('SeriesInstanceUID')}/instances", left


def _check_search(status: int) -> None:
    if status in _DENIED:
        raise access_denied(status)
    if status not in (200, 204):
        raise InputError(
            f"the PACS does not take the query (status {status}); check the path of its DICOMweb service, often "
            f"/dicom-web, and whether it can search by these keys"
        )


def _answers(body: bytes) -> list[Answer]:
    """The results in a DICOM JSON answer."""
    import json

    from pydicom.datadict import keyword_for_tag

    if not body.strip():
        return []
    try:
        found = json.loads(body)
        return [
            {
                keyword: "\\".join(_text(value) for value in element.get("Value") or [])
                for tag, element in result.items()
                if (keyword := keyword_for_tag(int(tag, 16)))
            }
            for result in ([found] if isinstance(found, dict) else found)
        ]
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise InputError(
            "the PACS answers with something else than DICOM JSON; check the path of its DICOMweb service, often "
            "/dicom-web"
        ) from None


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("Alphabetic", ""))
    return "" if value is None else str(value)

"""The address of a query to a PACS: where it is, and which of its studies, series and images are meant.

    dicomweb+https://pacs.example.org/dicom-web?PatientID=@training-patients.txt&Modality=MR
    dimse://ORTHANC@pacs.example.org:4242/?calling=SYNTHAUDIT&StudyInstanceUID=1.2.3

A key may be given several times, or as `@file` with one value a line: that keeps patients out of the command line and
its history. Secrets have no place in an address; `pacs_login` says where they come from.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import SplitResult, parse_qsl, urlsplit

from synthaudit.errors import UsageError

WEB_SCHEMES = ("dicomweb+https", "dicomweb+http")
DIMSE_SCHEMES = ("dimse", "dimse+tls")
LEVELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "STUDY": (
            "PatientID",
            "IssuerOfPatientID",
            "PatientSex",
            "PatientBirthDate",
            "StudyInstanceUID",
            "StudyDate",
            "StudyID",
            "StudyDescription",
            "AccessionNumber",
            "ModalitiesInStudy",
        ),
        "SERIES": (
            "SeriesInstanceUID",
            "Modality",
            "SeriesNumber",
            "SeriesDescription",
            "BodyPartExamined",
            "ProtocolName",
        ),
        "IMAGE": ("SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
    }
)
"""Level -> the keys by which it can be chosen."""
DEFAULT_CALLING = "SYNTHAUDIT"


@dataclass(frozen=True, slots=True)
class PacsAddress:
    """Where a PACS is; nothing secret.

    Attributes:
        protocol: "dicomweb" or "dimse".
        host: Name or address.
        port: TCP port.
        path: Of the DICOMweb service, without a slash at the end; "" for DIMSE.
        encrypted: Whether TLS is used.
        called: Application entity title of the PACS (DIMSE).
        calling: Our own (DIMSE).
    """

    protocol: str
    host: str
    port: int
    path: str = ""
    encrypted: bool = True
    called: str = ""
    calling: str = ""

    @property
    def url(self) -> str:
        """Of the DICOMweb service."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.encrypted else 'http'}://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class PacsQuery:
    """What is asked of which PACS.

    Attributes:
        address: Of the PACS.
        keys: (key, its values), sorted; several values mean any of them.
    """

    address: PacsAddress
    keys: tuple[tuple[str, tuple[str, ...]], ...] = field(repr=False)

    def at(self, level: str) -> dict[str, tuple[str, ...]]:
        """The keys of one level."""
        return {key: values for key, values in self.keys if key in LEVELS[level]}


def is_pacs(text: str) -> bool:
    """Whether the text is meant as the address of a PACS."""
    return text.partition("://")[0].lower() in (*WEB_SCHEMES, *DIMSE_SCHEMES) and "://" in text


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def parsed(text: str) -> PacsQuery:
    """The query that an address stands for.

    Raises:
        UsageError: It is incomplete, holds a password, has a key that there is not, or would send data unencrypted to
            another machine by DICOMweb. The message repeats no value.
    """
    parts = urlsplit(text)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError("the port of a PACS address must be a number from 1 to 65535; correct it") from None
    if not host:
        raise UsageError("the address of a PACS needs a host, as in dicomweb+https://HOST/dicom-web?PatientID=...")
    if parts.password is not None or (parts.username is not None and parts.scheme in WEB_SCHEMES):
        raise UsageError(
            "the address of a PACS must not hold a user name or password: others can see the command line. Set "
            "SYNTHAUDIT_DICOMWEB_TOKEN or SYNTHAUDIT_DICOMWEB_USER and _PASSWORD (or _TOKEN_FILE, _PASSWORD_FILE)"
        )
    if parts.fragment:
        raise UsageError("the address of a PACS must have no '#'; write %23 where it is part of a value")
    given = parse_qsl(parts.query, keep_blank_values=True)
    if parts.scheme in WEB_SCHEMES:
        return PacsQuery(_web(parts, host, port), _keys(given))
    titles = {name: value for name, value in given if name in ("called", "calling")}
    keys = [(name, value) for name, value in given if name not in titles]
    return PacsQuery(_dimse(parts, host, port, titles), _keys(keys))


def _web(parts: SplitResult, host: str, port: int | None) -> PacsAddress:
    encrypted = parts.scheme == "dicomweb+https"
    if not encrypted and not is_loopback(host):
        raise UsageError(
            "dicomweb+http sends patients' images unencrypted and is for this machine only (127.0.0.1, localhost); "
            "use dicomweb+https"
        )
    return PacsAddress("dicomweb", host, port or (443 if encrypted else 80), parts.path.rstrip("/"), encrypted)


def _dimse(parts: SplitResult, host: str, port: int | None, titles: Mapping[str, str]) -> PacsAddress:
    if port is None:
        raise UsageError("a dimse:// address needs a port, as in dimse://AET@HOST:11112/?PatientID=...")
    if parts.path.strip("/"):
        raise UsageError("a dimse:// address has no path: write dimse://AET@HOST:PORT/?PatientID=...")
    called = {title for title in (parts.username or "", titles.get("called", "")) if title}
    if len(called) != 1:
        raise UsageError(
            "a dimse:// address needs the application entity title (AET) of the PACS once, as in "
            "dimse://AET@HOST:PORT/?PatientID=... or with called=AET"
        )
    calling = titles.get("calling", "") or DEFAULT_CALLING
    (title,) = called
    if any(not 0 < len(one) <= 16 or not one.isascii() or "\\" in one for one in (title, calling)):
        raise UsageError("an application entity title must have 1 to 16 ASCII characters; correct called or calling")
    return PacsAddress("dimse", host, port, "", parts.scheme == "dimse+tls", title, calling)


def _keys(given: Sequence[tuple[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    accepted = {key.lower(): key for keys in LEVELS.values() for key in keys}
    values: dict[str, list[str]] = {}
    for name, text in given:
        key = accepted.get(name.lower())
        if key is None:
            # Never passed over: a key with a typing error would ask for everybody.
            raise UsageError(f"a PACS can be asked by {', '.join(accepted.values())}; got another key: correct it")
        values.setdefault(key, []).extend(_values(text, key))
    if not values:
        raise UsageError(
            "the address of a PACS needs at least one key, as in ?PatientID=@patients.txt or ?StudyInstanceUID=1.2.3; "
            "for everything it has, say ?PatientID=*"
        )
    return tuple((key, tuple(dict.fromkeys(found))) for key, found in sorted(values.items()))


def _values(text: str, key: str) -> list[str]:
    if text.startswith("@"):
        try:
            lines = Path(text[1:]).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise UsageError(f"{key}=@FILE needs a text file in UTF-8 with one value a line, found none") from None
        found = [line.strip() for line in lines if line.strip()]
    else:
        found = [text.strip()]
    if not found or not all(found):
        raise UsageError(f"{key} in the address of a PACS needs a value, got none; for any value write {key}=*")
    if any("\\" in one or any(ord(c) < 32 for c in one) for one in found):
        raise UsageError(f"{key} must hold no backslash and no control character; give a key several times for a list")
    return found

"""Images in a PACS: listed once, fetched when they are read, never written to a disk.

An audit reads an image several times, and memory is bounded; so an instance that was let go is fetched again. What
spares most of that is kept elsewhere: digests and vectors of pixels, as for files, and the headers (`kept_heads`). So
an audit that was cut off goes on with what it has not seen yet.
"""

from __future__ import annotations

import atexit
import io
import os
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from synthaudit.errors import InputError, UnreadableImage, UsageError
from synthaudit.parallel import ordered_map
from synthaudit.readers.folder import FoundFile, Kind, Listing
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.sources.bounded_memory import BoundedMemory
from synthaudit.sources.kept_heads import KeptHeads
from synthaudit.sources.opened import Opened
from synthaudit.sources.pacs_listing import instances
from synthaudit.sources.pacs_login import login_for
from synthaudit.sources.pacs_server import Instance, PacsServer, Refused, Unreachable, attempted
from synthaudit.sources.pacs_uri import PacsAddress, PacsQuery

MEMORY_VARIABLE = "SYNTHAUDIT_PACS_MEMORY_MIB"
MEMORY_MIB = 512
"""Of instances, as fetched, for each PACS, unless the variable says otherwise."""
GROUP = 64
"""Instances that are scanned together, at least; more where a patient has more."""
FETCHING_THREADS = 4
GIVE_UP_AFTER = 3
"""Instances in a row that could not be had after all attempts: then the PACS is taken to be gone."""


class Connection:
    """One PACS in this process: what was fetched of it, and whether it still answers."""

    def __init__(self, server: PacsServer) -> None:
        self.server = server
        self.heads: KeptHeads | None = None
        self.fetched = 0
        """Instances that came over the network."""
        self.lost: set[Instance] = set()
        """Instances that were asked for in vain, as the PACS did not answer."""
        self._memory: BoundedMemory[bytes] = BoundedMemory(_memory_bytes(), len)
        self._failed = 0
        self._lock = threading.Lock()

    def head(self, instance: PacsInstance) -> bytes:
        """The bytes before the pixels, as far as they are known without asking."""
        found = self.heads.get(instance.state()) if self.heads is not None else None
        return found or b""

    def content(self, instance: PacsInstance) -> bytes:
        """The whole instance.

        Raises:
            UnreadableImage: "not-retrieved" where the PACS does not answer; "missing-file" where it does not give it.
        """
        return self._memory.get(instance, lambda: self._fetched(instance))

    def fetch_ahead(self, files: Sequence[FoundFile]) -> None:
        """Have the heads of these in memory or in what is kept, several fetched at once; what fails will fail again."""

        def fetch(file: FoundFile) -> None:
            with suppress(UnreadableImage):
                if isinstance(file.path, PacsInstance):
                    file.path.open().close()

        for _ in ordered_map(fetch, files, FETCHING_THREADS):
            pass

    def _fetched(self, instance: PacsInstance) -> bytes:
        if self._failed >= GIVE_UP_AFTER:
            self._lose(instance.instance)
        try:
            content = attempted(lambda: self.server.fetch(instance.instance))
        except (Unreachable, InputError):
            # An InputError, such as for a certificate, would be taken for one about the image.
            self._lose(instance.instance)
        except Refused:
            raise UnreadableImage(
                "missing-file", "the PACS lists this instance and does not give it; look for it there"
            ) from None
        head = _head_of(content, instance.instance.uid)
        with self._lock:
            self._failed = 0
            self.fetched += 1
            self.lost.discard(instance.instance)
        if self.heads is not None:
            self.heads.put(instance.state(), head)
        return content

    def _lose(self, instance: Instance) -> NoReturn:
        with self._lock:
            self._failed += 1
            self.lost.add(instance)
        raise UnreadableImage(
            "not-retrieved",
            "the PACS does not answer any more; what was read is kept, so run the same command again when it does",
        ) from None

    def close(self) -> None:
        """Close what is open to the network and to the disk; what is in memory stays."""
        self.server.close()
        if self.heads is not None:
            self.heads.close()
            self.heads = None


_connections: dict[PacsAddress, Connection] = {}
_connecting = threading.Lock()


def connection_to(address: PacsAddress) -> Connection:
    """This process's connection to a PACS, made if there is none yet."""
    with _connecting:
        if address not in _connections:
            login = login_for(address)
            if address.protocol == "dimse":
                from synthaudit.sources.dimse import Dimse

                _connections[address] = Connection(Dimse(address, login))
            else:
                from synthaudit.sources.dicomweb import DicomWeb

                _connections[address] = Connection(DicomWeb(address, login))
        return _connections[address]


def close_connections() -> None:
    """Close all connections of this process, and forget what they had in memory."""
    with _connecting:
        for connection in _connections.values():
            connection.close()
        _connections.clear()


atexit.register(close_connections)


@dataclass(frozen=True, slots=True)
class PacsInstance:
    """One instance in a PACS; fetched when it is read."""

    address: PacsAddress
    instance: Instance = field(repr=False)

    def open(self) -> BinaryIO:
        """A stream of its bytes; the PACS is asked at once if nothing is known, else when more is read than is.

        Raises:
            UnreadableImage: "not-retrieved" or "missing-file"; later reads of the stream may raise it, too.
        """
        connection = connection_to(self.address)
        return cast("BinaryIO", io.BufferedReader(_Stream(connection, self)))

    def state(self) -> str:
        """Its UIDs at this PACS: under a UID, DICOM allows one image for good."""
        one, at = self.instance, self.address
        return f"{at.protocol} {at.host}:{at.port}{at.path} {at.called} {one.study}/{one.series}/{one.uid}"


class _Stream(io.RawIOBase):
    """The bytes of an instance: those before its pixels at once, all others from the PACS."""

    name = ""  # pydicom asks every buffered stream for the name of its file

    def __init__(self, connection: Connection, instance: PacsInstance) -> None:
        super().__init__()
        self._connection, self._instance, self._at = connection, instance, 0
        self._known = connection.head(instance)
        self._is_whole = False
        if not self._known:
            self._complete()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            self._complete()
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._known)}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if self._at >= len(self._known):
            self._complete()
        found = self._known[self._at : self._at + len(view)]
        view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def _complete(self) -> None:
        if not self._is_whole:
            self._known, self._is_whole = self._connection.content(self._instance), True


def open_pacs(query: PacsQuery, folder: Path | None, key: bytes | None) -> Opened:
    """The instances that a query means, each named by its SOP instance UID.

    The name is what a table's `file` may hold, and what a person with access finds the image by.

    Args:
        query: What is asked of which PACS.
        folder: The cache; None keeps nothing.
        key: The institution's secret; None keeps nothing.

    Raises:
        InputError: The PACS cannot be reached, refuses, or has nothing that fits.
    """
    connection = connection_to(query.address)
    if folder is not None and key is not None and connection.heads is None:
        connection.heads = KeptHeads(folder, key)
    found = instances(connection.server, query)
    if not found:
        raise InputError("the PACS has no image that fits the query; check its keys, and that we may see them")
    times = Counter(one.uid for one in found)
    named = {
        one.uid if times[one.uid] == 1 else f"{one.study}/{one.series}/{one.uid}": PacsInstance(query.address, one)
        for one in found
    }
    files = tuple(FoundFile(stored, name, Kind.DICOM) for name, stored in sorted(named.items()))
    listed = set(found)
    return Opened(
        Path(f"/{query.address.protocol}"),
        Listing(files, ()),
        groups=_by_patient(files),
        fetch=connection.fetch_ahead,
        lost=lambda: len(connection.lost & listed),
    )


def _by_patient(files: Sequence[FoundFile]) -> tuple[tuple[FoundFile, ...], ...]:
    """The files in groups of whole patients: what is told apart within one (volumes, visits) must not be split.

    A group is scanned before the next is fetched: so images are fetched once, and what was scanned is kept when the
    PACS goes away.
    """
    of_patient: dict[str, list[FoundFile]] = {}
    for file in files:
        one = file.path.instance if isinstance(file.path, PacsInstance) else None
        if one is not None:
            of_patient.setdefault(one.patient or one.study, []).append(file)
    groups: list[list[FoundFile]] = [[]]
    for patient in sorted(of_patient):
        if len(groups[-1]) >= GROUP:
            groups.append([])
        groups[-1] += of_patient[patient]
    return tuple(tuple(sorted(group, key=lambda file: file.name)) for group in groups)


def _memory_bytes() -> int:
    text = os.environ.get(MEMORY_VARIABLE, "") or str(MEMORY_MIB)
    if not text.isdigit():
        raise UsageError(f"{MEMORY_VARIABLE} must be a whole number of MiB, got something else; correct it")
    return int(text) * 2**20


def _head_of(content: bytes, uid: str) -> bytes:
    """The bytes before the pixels, and the few that tell a reader that pixels follow.

    Raises:
        UnreadableImage: "missing-file" if it is another instance than the one asked for.
    """
    from pydicom import dcmread

    stream = io.BytesIO(content)
    try:
        with library_warnings_silenced:
            dataset = dcmread(stream, stop_before_pixels=True, force=True)
            found = str(dataset.get("SOPInstanceUID", ""))
    except Exception:  # broken: the reader will say so
        return b""
    if found and found != uid:
        raise UnreadableImage("missing-file", "the PACS gives another instance than the one asked for; look there")
    return content[: stream.tell() + 12]

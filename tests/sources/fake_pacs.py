"""A DICOMweb service on this machine that does what it is told, right or wrong."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydicom

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class FakePacs:
    """What it holds, and how it misbehaves.

    Attributes:
        objects: SOP instance UID -> DICOM file.
        before: Called with path and number of the request so far; what it returns is answered instead.
        filters: Whether it heeds the keys of a query.
        pages: Whether it heeds limit and offset.
        most: Results that it gives at most.
    """

    objects: dict[str, bytes]
    before: Callable[[str, int], Answer | None] = lambda _path, _count: None
    filters: bool = True
    pages: bool = True
    most: int = 10_000
    port: int = 0
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def web(self, query: str) -> str:
        return f"dicomweb+http://127.0.0.1:{self.port}/dw?{query}"

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(target)
        path = parts.path.removeprefix("/dw")
        self.asked.append(target)
        self.headers.append(headers)
        instead = self.before(path, len(self.asked))
        if instead is not None:
            return instead
        *_, last = path.split("/")
        if last in ("studies", "series", "instances"):
            return self._found(path, parse_qs(parts.query))
        if last not in self.objects:
            return 404, {}, b""
        return multipart(self.objects[last])

    def _found(self, path: str, query: dict[str, list[str]]) -> Answer:
        level = path.rsplit("/", 1)[-1]
        above = dict(zip(["StudyInstanceUID", "SeriesInstanceUID"], path.split("/")[2::2], strict=False))
        identity = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}[level]
        found: dict[str, dict[str, Any]] = {}
        headers = [pydicom.dcmread(BytesIO(data), stop_before_pixels=True) for data in self.objects.values()]
        for one in headers:
            wanted = {k: v[0] for k, v in query.items() if k not in ("limit", "offset", "includefield")}
            fits = not self.filters or all(v in ("*", str(one.get(k))) for k, v in wanted.items())
            if fits and all(str(one.get(k)) == v for k, v in above.items()):
                found[str(one[identity].value)] = {
                    "00100020": {"vr": "LO", "Value": [str(one.PatientID)]},
                    "0020000D": {"vr": "UI", "Value": [str(one.StudyInstanceUID)]},
                    "0020000E": {"vr": "UI", "Value": [str(one.SeriesInstanceUID)]},
                    "00080018": {"vr": "UI", "Value": [str(one.SOPInstanceUID)]},
                    "00080016": {"vr": "UI", "Value": [str(one.SOPClassUID)]},
                    "00201209": {
                        "vr": "IS",
                        "Value": [sum(o.SeriesInstanceUID == one.SeriesInstanceUID for o in headers)],
                    },
                }
        results = [found[uid] for uid in sorted(found)]
        if self.pages:
            start = int(query.get("offset", ["0"])[0])
            results = results[start : start + int(query["limit"][0])]
        results = results[: self.most]
        return 200, {"Content-Type": "application/dicom+json"}, json.dumps(results).encode()


def multipart(content: bytes, end: bytes = b"\r\n--b--\r\n") -> Answer:
    """An answer of one part."""
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + content + end
    return 200, {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}, body


@contextmanager
def serving(pacs: FakePacs, tls: ssl.SSLContext | None = None) -> Iterator[FakePacs]:
    """It answers on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = pacs.answer(self.path, {k.lower(): v for k, v in self.headers.items()})
            if status == 0:  # the line is cut
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that does not trust us hangs up: that is what is tested."""

    server = Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    pacs.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield pacs
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A real PACS: Orthanc on this machine, with images of simulated patients."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from synthaudit.sources.pacs import close_connections

PROGRAM = shutil.which("Orthanc")
PLUGINS = ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/lib/orthanc/libOrthancDicomWeb.so")
STARTS_IN_S = 30.0
USER, PASSWORD = "auditor", "not-a-secret"


def free_port() -> int:
    """A TCP port that nobody uses just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Orthanc:
    """One Orthanc with a folder of its own; it can be killed and started again on the same ports."""

    folder: Path
    http: int = field(default_factory=free_port)
    dicom: int = field(default_factory=free_port)
    settings: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(exist_ok=True)
        configuration = {
            "Name": "test",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "DicomAlwaysAllowEcho": True,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "Plugins": [plugin for plugin in PLUGINS if Path(plugin).exists()][:1],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            **self.settings,
        }
        (self.folder / "orthanc.json").write_text(json.dumps(configuration))
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [str(PROGRAM), "orthanc.json"], cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + STARTS_IN_S
        while time.monotonic() < deadline:
            with suppress(OSError):
                self.ask("/system")
                return
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"Orthanc did not start: {(self.folder / 'log.txt').read_text()[-2000:]}")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def ask(self, path: str, data: bytes | None = None) -> Any:
        """What its own interface answers."""
        import base64

        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data=data)
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def store(self, folder: Path) -> int:
        """Store every DICOM file below a folder; how many."""
        files = sorted(folder.rglob("*.dcm"))
        for file in files:
            self.ask("/instances", file.read_bytes())
        return len(files)

    def web(self, query: str) -> str:
        """The address of a query by DICOMweb."""
        return f"dicomweb+http://127.0.0.1:{self.http}/dicom-web?{query}"

    def dimse(self, query: str) -> str:
        """The address of a query by DIMSE."""
        return f"dimse://ORTHANC@127.0.0.1:{self.dicom}/?{query}"


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A running Orthanc, the same for all tests."""
    server = Orthanc(tmp_path_factory.mktemp("orthanc"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def _login(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Known to the PACS, and no connection of one test in the next."""
    monkeypatch.setenv("SYNTHAUDIT_DICOMWEB_USER", USER)
    monkeypatch.setenv("SYNTHAUDIT_DICOMWEB_PASSWORD", PASSWORD)
    yield
    close_connections()

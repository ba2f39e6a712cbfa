"""How an audit could be done again, and the key under which its cohorts are named.

A plain digest of a cohort's images would be a membership oracle: whoever holds a candidate image could try it. So
digests are keyed (HMAC) with a secret of the institution: SYNTHAUDIT_KEY, or a file made at the first audit.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import platform
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from synthaudit.audit_record import Provenance

PACKAGES = ("numpy", "scipy", "faiss-cpu", "opencv-python-headless", "torch", "pillow", "pydicom", "reportlab")


def secret_key() -> bytes:
    """The institution's key: from the environment, else from its file, made if need be; else one for this run only."""
    given = os.environ.get("SYNTHAUDIT_KEY")
    if given:
        return os.fsencode(given)
    from platformdirs import user_config_dir

    file = Path(user_config_dir("synthaudit")) / "key"
    try:
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):  # another audit made it just now
                handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w", encoding="ascii") as stream:
                    stream.write(secrets.token_hex(32))
        kept = file.read_bytes().strip()
    except OSError:
        kept = b""
    return kept or secrets.token_bytes(32)  # an empty key would make plain digests


def keyed_digest(digest: str, key: bytes) -> str:
    """HMAC-SHA-256 (hex) of a digest."""
    return hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def provenance(
    *, seed: int, started: datetime, seconds: float, stages: Mapping[str, float], settings: Mapping[str, Any]
) -> Provenance:
    """The provenance of an audit that started then and took so long."""
    return Provenance(
        version=_installed("synthaudit"),
        seed=seed,
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=round(seconds, 1),
        stages={stage: round(spent, 2) for stage, spent in stages.items()},
        platform=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages={package: _installed(package) for package in PACKAGES},
        settings=dict(settings),
    )

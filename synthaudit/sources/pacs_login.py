r"""Who we are to a PACS: token, password and certificates, from the environment or from files, never from an address.

    SYNTHAUDIT_DICOMWEB_TOKEN       or  SYNTHAUDIT_DICOMWEB_TOKEN_FILE       a bearer token
    SYNTHAUDIT_DICOMWEB_USER        and SYNTHAUDIT_DICOMWEB_PASSWORD         or SYNTHAUDIT_DICOMWEB_PASSWORD_FILE
    SYNTHAUDIT_PACS_CERTIFICATE     and SYNTHAUDIT_PACS_CERTIFICATE_KEY      our own, PEM, for servers that ask for one
    SYNTHAUDIT_PACS_CA                                                       PEM with the authorities that are trusted
    SYNTHAUDIT_PACS_CONFIG          a TOML file with all of these for several servers:

        ["pacs.example.org:443"]
        token_file = "pacs.token"
        certificate = "audit.pem"

The file goes before the environment, for the servers it names. A secret is read when a connection is made, and is
part of no message, no report and nothing that is kept.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synthaudit.errors import InputError, UsageError
from synthaudit.sources.pacs_uri import PacsAddress, is_loopback

CONFIG = "SYNTHAUDIT_PACS_CONFIG"
_VARIABLES = {
    "token": "SYNTHAUDIT_DICOMWEB_TOKEN",
    "token_file": "SYNTHAUDIT_DICOMWEB_TOKEN_FILE",
    "user": "SYNTHAUDIT_DICOMWEB_USER",
    "password": "SYNTHAUDIT_DICOMWEB_PASSWORD",
    "password_file": "SYNTHAUDIT_DICOMWEB_PASSWORD_FILE",
    "certificate": "SYNTHAUDIT_PACS_CERTIFICATE",
    "certificate_key": "SYNTHAUDIT_PACS_CERTIFICATE_KEY",
    "ca": "SYNTHAUDIT_PACS_CA",
}


@dataclass(frozen=True, slots=True)
class PacsLogin:
    """What identifies us to one server; every part may be empty."""

    token: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    certificate_key: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)


def login_for(address: PacsAddress, environment: Mapping[str, str] | None = None) -> PacsLogin:
    """How to log in at that address.

    Raises:
        UsageError: The settings contradict each other.
        InputError: A file that they name cannot be read.
    """
    environment = os.environ if environment is None else environment
    found, folder = _configured(address, environment)
    if found is None:
        found = {name: environment[variable] for name, variable in _VARIABLES.items() if environment.get(variable)}
    token = _secret(found, "token", folder)
    password = _secret(found, "password", folder)
    user = found.get("user", "")
    if token and user:
        raise UsageError("a PACS is asked with a token or with user and password, got both; leave one out")
    if bool(user) != bool(password):
        raise UsageError("a PACS that asks for a password needs user and password, got one of them; give both")
    if ":" in user or any(c in token + user + password for c in "\r\n\0"):
        raise UsageError("token, user and password of a PACS must be one line each, and the user without a colon")
    if (token or user) and not address.encrypted and not is_loopback(address.host):
        raise UsageError("a token or password is sent over TLS or to this machine only; use dicomweb+https")
    files = {name: _existing(found.get(name, ""), folder) for name in ("certificate", "certificate_key", "ca")}
    return PacsLogin(token, user, password, **files)


def _configured(address: PacsAddress, environment: Mapping[str, str]) -> tuple[dict[str, str] | None, Path]:
    """The server's own section of the configuration, and the folder its files are relative to."""
    named = environment.get(CONFIG)
    if not named:
        return None, Path()
    path = Path(named).expanduser()
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{CONFIG} must name a TOML file that can be read, found none; correct it") from None
    section = sections.get(f"{address.host}:{address.port}", sections.get(address.host))
    if section is None:
        return None, path.parent
    if not isinstance(section, dict) or set(section) - set(_VARIABLES):
        raise InputError(f"each server in the file of {CONFIG} may have {', '.join(_VARIABLES)}; remove anything else")
    return {name: str(value) for name, value in section.items()}, path.parent


def _secret(found: Mapping[str, str], name: str, folder: Path) -> str:
    if found.get(name) and found.get(f"{name}_file"):
        raise UsageError(f"the {name} of a PACS is given directly or as a file, got both; leave one out")
    if not found.get(f"{name}_file"):
        return found.get(name, "")
    try:
        return (folder / Path(found[f"{name}_file"]).expanduser()).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"the file with the {name} of the PACS cannot be read; check that it exists") from None


def _existing(text: str, folder: Path) -> str:
    path = folder / Path(text).expanduser()
    if text and not path.is_file():
        raise InputError("a certificate file of the PACS does not exist; check SYNTHAUDIT_PACS_CERTIFICATE, _KEY, _CA")
    return str(path) if text else ""

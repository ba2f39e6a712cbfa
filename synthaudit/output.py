"""The output folder: complete or not there at all; what must not leave the house lies below `restricted/`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from synthaudit import registry
from synthaudit.audit_record import Audit
from synthaudit.errors import OutputError
from synthaudit.finding import Pair
from synthaudit.report import Report

EVIDENCE = "evidence.json"
RESTRICTED = "restricted"


def check_output(out: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """The output folder, if an audit can be written there; called before anything long is started.

    Raises:
        OutputError: It holds an audit (and `overwrite` is off), holds something of somebody else's, or cannot be
            written.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"output must be a folder, found a file named {folder.name!r}; choose another name")
    if (folder / EVIDENCE).exists() and not overwrite:
        raise OutputError(
            f"output folder {folder.name!r} already holds an audit; choose another folder, or add --overwrite"
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / EVIDENCE).exists():
        raise OutputError(f"output folder {folder.name!r} holds other files; choose a new or an empty folder")
    foreign = _foreign(folder) if folder.is_dir() else 0
    if foreign:
        raise OutputError(
            f"output folder {folder.name!r} also holds {foreign} files or folders that no audit wrote; "
            "move them away, or choose another folder"
        )
    if folder.is_mount():
        raise OutputError(
            f"output folder {folder.name!r} is a mount point and cannot be replaced; choose a folder below it"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".synthaudit-", dir=folder.parent):
            pass
    except OSError as error:
        raise OutputError(
            f"output folder {folder.name!r} must be writable, got {error.strerror}; choose another place"
        ) from None
    return folder


def _foreign(folder: Path) -> int:
    """How many things in the folder are not from an audit: overwriting would lose them."""
    ours = {report.filename for report in registry.reports() if not report.restricted} | {EVIDENCE, RESTRICTED}
    return sum(entry.name not in ours for entry in folder.iterdir())


def write(
    audit: Audit, out: str | os.PathLike[str], *, overwrite: bool = False, reports: Sequence[Report] | None = None
) -> Path:
    """Write every report of the audit, and give the folder.

    Everything is written beside the folder first and moved in one step: a full disk or an interruption leaves what was
    there before.

    Raises:
        OutputError: As `check_output`; or writing failed midway.
    """
    folder = check_output(out, overwrite=overwrite)
    chosen = registry.reports() if reports is None else reports
    made = Path(tempfile.mkdtemp(prefix=".synthaudit-", dir=folder.parent))
    try:
        (made / RESTRICTED / "pairs").mkdir(parents=True)
        (made / RESTRICTED).chmod(0o700)
        for report in chosen:
            place = made / RESTRICTED if report.restricted else made
            (place / report.filename).write_bytes(report.render(audit))
        _write_pairs(audit, made / RESTRICTED / "pairs")
        made.chmod(0o755)
        _replace(folder, made)
    except OSError as error:
        raise OutputError(f"writing to {folder.name!r} failed: {error.strerror}; nothing was changed there") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _replace(folder: Path, made: Path) -> None:
    """Put `made` in the place of `folder`; the old one goes last."""
    if not folder.exists():
        made.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=".synthaudit-old-", dir=folder.parent))
    folder.rename(old / "old")
    try:
        made.rename(folder)
    except BaseException:  # an interruption, too
        (old / "old").rename(folder)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _write_pairs(audit: Audit, folder: Path) -> None:
    """One PNG a pair: synthetic, real, real registered, difference, from left to right."""
    pairs = [exposure.pair for finding in audit.findings for exposure in finding.exposures if exposure.pair is not None]
    for number, pair in enumerate(pairs, 1):
        _write_pair(pair, folder / f"pair-{number:03d}.png")


def _write_pair(pair: Pair, file: Path) -> None:
    import numpy as np
    from PIL import Image

    strip = np.concatenate([pair.synthetic, pair.real, pair.registered, pair.difference], axis=1)
    Image.fromarray(strip).save(file)

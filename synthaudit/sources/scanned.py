"""One pass over a source: every image decoded once, all at once or a few patients at a time."""

from __future__ import annotations

from pathlib import Path

from synthaudit.progress import Progress
from synthaudit.readers.folder import Listing
from synthaudit.readers.scan import ScannedFolder, scan_files
from synthaudit.sources.opened import Opened


def scanned(
    opened: Opened, stage: str, workers: int, progress: Progress, cache: Path | None, *, keep_empty: bool = False
) -> ScannedFolder:
    """What `scan_files` finds in the source; the same whether it is read in groups or not.

    Args:
        opened: The source.
        stage: What progress calls this pass.
        workers: Threads that decode.
        progress: Where to tell how far it is; counts groups where there are any.
        cache: Folder that keeps digests between audits, or None.
        keep_empty: Whether slices of NIfTI volumes on which nothing is to be seen are images, too.
    """
    if not opened.groups:
        return scan_files(opened.listing, stage, workers, progress, cache, keep_empty=keep_empty)
    parts = []
    for group in progress.track(opened.groups, stage, len(opened.groups)):
        opened.fetch(group)
        parts.append(scan_files(Listing(group, ()), stage, workers, Progress(), cache, keep_empty=keep_empty))
    return ScannedFolder(
        images=tuple(sorted((image for part in parts for image in part.images), key=lambda image: image.file)),
        rejected=tuple(sorted((file for part in parts for file in part.rejected), key=lambda file: file.name)),
        passed_over=opened.listing.passed_over,
        notes=tuple(sorted((note for part in parts for note in part.notes), key=lambda note: note.name)),
    )

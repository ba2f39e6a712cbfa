"""Images found in files, with the volumes they are slices of, the visits they are of, and windows of whole volumes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from synthaudit.errors import UnreadableImage
from synthaudit.parallel import ordered_map
from synthaudit.progress import Progress
from synthaudit.readers.dicom import DicomSource
from synthaudit.readers.dicom_intensity import Tally, Window, percentile_window, together
from synthaudit.readers.digest_cache import DigestCache, joint_key
from synthaudit.readers.items import Item
from synthaudit.readers.rejection import Rejected
from synthaudit.readers.series import volumes_of

Found = Item | Rejected


def with_volumes(found: Iterable[Found]) -> tuple[list[Found], list[Rejected]]:
    """The same with the volumes and visits that DICOM headers make of them, and what is odd about these volumes.

    Memory holds headers only.
    """
    listed = list(found)
    rows = [row for row, item in enumerate(listed) if isinstance(item, Item) and isinstance(item.source, DicomSource)]
    items = [item for row in rows if isinstance(item := listed[row], Item)]
    notes = []
    of_series: Counter[str] = Counter()
    for volume in volumes_of([item.place for item in items]):
        series = str(items[volume.members[0]].place.stack[0])
        of_series[series] += 1
        for i in volume.members:
            items[i] = replace(items[i], volume=f"{series}#{of_series[series]}", position=items[i].place.position)
        if volume.missing:
            first = items[volume.members[0]].name
            notes.append(Rejected(first, "volume-gap", f"{volume.missing} slices seem to be missing"))
    for row, item in zip(rows, _with_visits(items), strict=True):
        listed[row] = item
    return listed, notes


def with_volume_windows(
    found: Sequence[Found], kept: DigestCache, workers: int, progress: Progress, stage: str
) -> list[Found]:
    """The same, MR and other images of no fixed window given one window for their whole volume.

    An image of no volume keeps a window of its own. Each such image is decoded for it, unless the window is kept from
    before.

    Args:
        found: As `with_volumes` gives it.
        kept: Where windows are kept between audits.
        workers: Threads that decode.
        progress: Where to tell how far it is.
        stage: What progress calls this pass, if there is anything to do.
    """
    members: dict[str, list[tuple[int, Item]]] = defaultdict(list)
    for row, item in enumerate(found):
        if isinstance(item, Item) and item.is_open and item.volume:
            members[item.volume].append((row, item))
    windowed = list(found)
    volumes = progress.track(members.values(), stage, len(members)) if members else ()
    for volume in volumes:
        key = joint_key([item.key for _, item in volume])
        window = kept.window(key) or _window([item for _, item in volume], workers)
        if window is None:
            continue
        kept.put_window(key, window)
        for row, item in volume:
            if isinstance(item.source, DicomSource):
                windowed[row] = replace(item, source=replace(item.source, window=window))
    return windowed


def _window(volume: Sequence[Item], workers: int) -> Window | None:
    """The window of a volume; None where none of its images can be read."""
    total = together(tally for tally in ordered_map(_tally, volume, workers) if tally is not None)
    return percentile_window(total) if len(total.values) else None


def _tally(item: Item) -> Tally | None:
    try:
        return item.source.tally() if isinstance(item.source, DicomSource) else None
    except UnreadableImage:  # the scan says why
        return None


def _with_visits(items: Sequence[Item]) -> list[Item]:
    """The same with a column `visit`: 1 for a patient's first day, 2 for the next; by study where dates are missing."""
    seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for item in items:
        if item.header.get("patient_id") and any(item.visit):
            seen[item.header["patient_id"]].add(_day(item))
    number = {(patient, day): i for patient, days in seen.items() for i, day in enumerate(sorted(days), 1)}
    headers: dict[int, Mapping[str, str]] = {}  # one for all frames of a file
    for item in items:
        visit = number.get((item.header["patient_id"], _day(item)), "")
        headers.setdefault(id(item.header), {**item.header, "visit": str(visit)})
    return [replace(item, header=headers[id(item.header)]) for item in items]


def _day(item: Item) -> tuple[str, str]:
    date, study = item.visit
    return (date, "") if date else ("", study)

"""`synthaudit inspect`: what is there, what an audit would do with it, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from synthaudit.inspection.look import Column, Inspection

SHOWN = 6
"""Values of one column, or kinds of one thing, on one line."""
LEAST_TOLD = 10
"""Patients; of fewer it is said that they are that."""
UNDER_TEN = f"under {LEAST_TOLD}"


@click.command()
@click.argument("path")
@click.option("--metadata", type=click.Path(path_type=Path, dir_okay=False), help="Table with file and patient_id.")
@click.option("--images", type=click.IntRange(min=1), help="How many images to decode. [default: 64]")
@click.option("--all", "every", is_flag=True, help="Decode every image: whatever cannot be read is found.")
@click.option("--workers", type=click.IntRange(min=1), help="Threads. [default: all processors]")
@click.option("--cache", type=click.Path(path_type=Path, file_okay=False), help="As in audit.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON, and nothing else.")
@click.option("--quiet", is_flag=True, help="No progress.")
def inspect(*, path: str, every: bool, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Look at a set of images before an audit: a folder, an archive, a DICOMDIR or a PACS.

    Every header is read, and a sample of the images is decoded. Names no patient and no file.
    """
    from synthaudit import provenance
    from synthaudit.embedding_cache import EmbeddingCache
    from synthaudit.inspection.look import LOOKED_AT, inspect
    from synthaudit.inspection.plan import plan
    from synthaudit.progress import Progress

    if every and asked["images"] is not None:
        raise click.UsageError("--images and --all cannot both be given")
    found = inspect(
        path,
        metadata=asked["metadata"],
        look_at=None if every else asked["images"] or LOOKED_AT,
        workers=asked["workers"],
        progress=Progress(quiet=quiet or as_json),
        cache=EmbeddingCache(asked["cache"]).location,
        key=provenance.secret_key(),
    )
    if as_json:
        click.echo(json.dumps({**_document(found), "plan": plan(found)}, indent=2))
    else:
        click.echo("\n".join([*_there(found), "", *_would_do(plan(found)), "", *_wrong(found)]))


_HARMLESS = frozenset({"not-an-image", "slice-empty", "no-file", "not-in-dicomdir"})
"""Reasons that leave no image out which could have been used, nor put it in doubt; told last."""


def _there(found: Inspection) -> list[str]:
    look = found.look
    sizes = sorted(set(look.sides), key=lambda side: (side[0] * side[1], side))
    size = " to ".join(dict.fromkeys(f"{width} x {height}" for width, height in (sizes[:1] + sizes[-1:])))
    images = f"{found.images:,} images" + (f", slices of {found.volumes:,} volumes among them" if found.volumes else "")
    several = (
        f"{_told(found.several_images)} with several images, {_told(found.several_visits)} with several study dates"
    )
    unknown = f"; {found.unknown_patient:,} images of unknown patients" if found.unknown_patient else ""
    lines = [
        ("What is there", f"{images}, in {found.files:,} files ({found.form}: {_counted(found.formats)})"),
        ("Patients", f"{found.patients:,}: {several}{unknown}"),
        ("Modalities", _counted({name or "not stated": n for name, n in found.modalities.items()})),
        ("Roles", _counted(found.roles) if set(found.roles) != {"train"} else ""),
        ("Sizes", f"{size} pixels; {_counted(look.colors)} ({look.looked_at:,} images decoded)" if size else ""),
        ("Depths", _counted(look.depths)),
        ("Transfer syntaxes", _counted(look.syntaxes)),
        *((f"Column {column.name}", _values(column)) for column in found.columns),
    ]
    return [line for name, text in lines if text for line in _entry(name, text)]


def _masked(n: int | None) -> int | None:
    return None if n is None or 0 < n < LEAST_TOLD else n


def _told(n: int | None) -> str:
    """A number of patients in words."""
    masked = _masked(n)
    return UNDER_TEN if masked is None else f"{masked:,}"


def _values(column: Column) -> str:
    lacking = f"; missing for {_told(column.missing)} patients" if column.missing != 0 else ""
    rare = column.values - len(column.counts)
    others = f"{rare:,} value{'s' if rare > 1 else ''} of {UNDER_TEN} patients"
    others += ", or of more from which such a number would follow" if rare > 1 else ""
    return ", ".join([*([_counted(column.counts)] if column.counts else []), *([others] if rare else [])]) + lacking


def _counted(counts: Mapping[str, int]) -> str:
    """The most frequent first."""
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{name} {count:,}" for name, count in order[:SHOWN]]
    return ", ".join(shown) + (f" and {len(order) - SHOWN} more" if len(order) > SHOWN else "")


def _would_do(sentences: list[str]) -> list[str]:
    return ["What an audit would do", *(line for sentence in sentences for line in _item(sentence))]


def _wrong(found: Inspection) -> list[str]:
    if not found.issues:
        return ["What is wrong", *_item("Nothing was found.")]
    lines = ["What is wrong"]
    for issue in sorted(found.issues, key=lambda issue: (issue.reason in _HARMLESS, -issue.count)):
        part = "left out" if issue.excluded else "used, with this warning"
        lines += _item(f"{issue.count:,} ({part}): {issue.says}")
    if found.look.looked_at < found.images:
        lines += _item(f"Of {found.images:,} images {found.look.looked_at:,} were decoded; --all tries every one.")
    return lines


def _entry(name: str, text: str) -> list[str]:
    from synthaudit.cli.verdict_text import wrapped

    lines = wrapped(text, " " * 22).splitlines()
    return [f"{name:<21} {lines[0].strip()}", *lines[1:]]


def _item(sentence: str) -> list[str]:
    from synthaudit.cli.verdict_text import wrapped

    lines = wrapped(sentence, "    ").splitlines()
    return [f"  - {lines[0].strip()}", *lines[1:]]


def _document(found: Inspection) -> dict[str, Any]:
    """For a program; None stands for 1 to 9."""
    look = found.look
    return {
        "schema": "synthaudit/inspection/1",
        "form": found.form,
        "files": found.files,
        "images": found.images,
        "volumes": found.volumes,
        "formats": dict(found.formats),
        "modalities": dict(found.modalities),
        "roles": dict(found.roles),
        "patients": found.patients,
        "patients_with_several_images": _masked(found.several_images),
        "patients_with_several_visits": _masked(found.several_visits),
        "images_of_unknown_patients": found.unknown_patient,
        "columns": {
            column.name: {"patients": dict(column.counts), "missing": column.missing} for column in found.columns
        },
        "decoded": {
            "images": look.looked_at,
            "sizes": sorted({f"{width}x{height}" for width, height in look.sides}),
            "colors": dict(look.colors),
            "depths": dict(look.depths),
            "transfer_syntaxes": dict(look.syntaxes),
            "seconds": round(look.seconds, 2),
        },
        "issues": [
            {"reason": one.reason, "says": one.says, "count": one.count, "left_out": one.excluded}
            for one in found.issues
        ],
    }

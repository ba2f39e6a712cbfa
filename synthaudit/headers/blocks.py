"""Blocks that several picture formats share: named texts, XMP packets, color profiles, and what nobody knows."""

from __future__ import annotations

import re

from synthaudit.headers.made_up import is_made_up_text
from synthaudit.headers.record import Topic, Weight
from synthaudit.headers.sealing import Notes

_PROGRAMS = re.compile(
    r"^(matplotlib|imageio|pillow|pil\b|tifffile|imagemagick|graphicsmagick|opencv|gimp|adobe|photoshop|paint\.net|lavc|"
    r"libjpeg|libpng|created with|creator: gd|file written by|applemark|lead tech|intel\(r\) jpeg|optimized|jpegtran|"
    r"scikit|imagej|fiji|itk|simpleitk|spm|fsl|ants|nibabel|freesurfer|niftyreg|dcm2niix|monai|pytorch|torch|diffusers|"
    r"stable diffusion|python|www\.|https?://(www\.)?(matplotlib|inkscape|imagemagick))",
    re.IGNORECASE,
)
_TIMES_OF_WRITING = frozenset(
    {"creation time", "date:create", "date:modify", "date:timestamp", "modify-date", "create-date", "timestamp"}
)
"""When the picture file was written: of a synthetic one, no patient's date."""
_KEYS = {
    "author": Topic.PERSON,
    "artist": Topic.PERSON,
    "source": Topic.DEVICE,
    "title": Topic.TEXT,
    "description": Topic.TEXT,
    "comment": Topic.TEXT,
    "copyright": Topic.TEXT,
    "disclaimer": Topic.TEXT,
    "warning": Topic.TEXT,
    "parameters": Topic.TEXT,
    "prompt": Topic.TEXT,
    "software": Topic.TEXT,
}
"""Keywords that a public report may name."""
_OF_PEOPLE = (
    *("dc:creator", "dc:rights", "dc:title", "dc:description", "exif:GPS", "aux:SerialNumber", "aux:OwnerName"),
    *("aux:LensSerialNumber", "exifEX:", "photoshop:", "Iptc4xmp", "dicom:", "xmpMM:", "xmp:CreateDate", "tiff:Artist"),
    *("exif:DateTimeOriginal", "exif:UserComment", "tiff:ImageDescription", "xmp:Thumbnails", "plus:"),
)
_REMOVE = "a picture needs no text beside it"


def is_a_program(text: str) -> bool:
    """Whether a text is the name of a program and no more."""
    return bool(_PROGRAMS.match(text.strip())) and len(text) < 160


def named_text(place: str, key: str, text: str, notes: Notes) -> None:
    """A text under a key of the writer's choice; programs may name themselves."""
    known = key.strip().casefold()
    name = f"{place} {known}" if known in _KEYS or known in _TIMES_OF_WRITING else place
    where = f"{place} {key}"
    if known in _TIMES_OF_WRITING:
        return
    fine = is_made_up_text(text) or is_a_program(text) or (known == "software" and len(text) < 80)
    notes.text(where, name, _KEYS.get(known, Topic.TEXT), text, objection="" if fine else _REMOVE)


def plain_text(where: str, name: str, topic: Topic, text: str, notes: Notes) -> None:
    """A text whose place is known."""
    fine = is_made_up_text(text) or is_a_program(text)
    notes.text(where, name, topic, text, objection="" if fine else _REMOVE)


def xmp_packet(where: str, packet: bytes, notes: Notes) -> None:
    """An XMP packet; objected to where it names people, times, places or earlier versions of the picture."""
    text = packet.decode("utf-8", "replace")
    names = sorted(part for part in _OF_PEOPLE if part.casefold() in text.casefold())
    notes.text(where, "XMP", Topic.TEXT, text, weight=Weight.UNIQUE if len(text) > 400 and names else None,
               objection="it tells of people, times, places or earlier versions" if names else "")  # fmt: skip


def color_profile(where: str, profile: bytes, notes: Notes) -> None:
    """An ICC profile: usual ones are everywhere, a display's or a camera's own is not."""
    notes.content(where, "ICC profile", Topic.OBJECT, profile, weight=Weight.SPECIFIC)
    words = " ".join(found.decode("ascii") for found in re.findall(rb"[ -~]{6,}", profile[128:65536]))
    if words:
        notes.text(where, "ICC profile text", Topic.OBJECT, words, weight=Weight.COMMON)


def unknown_block(place: str, kind: str, data: bytes, notes: Notes) -> None:
    """A block that is no part of the format: anything may be in it."""
    notes.content(f"{place} {kind}", f"{place} block of unknown kind", Topic.PRIVATE, data,
                  objection="nobody can say what is in it")  # fmt: skip

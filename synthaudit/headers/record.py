"""What is kept of a file's header: where something is said, what about, and digests of it; never the value itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Topic(StrEnum):
    """What a header entry is about; the finding counts by these."""

    PERSON = "names of people"
    ID = "identifiers"
    DATE = "dates and times"
    UID = "unique ids"
    DEVICE = "devices and stations"
    PLACE = "institutions and places"
    TEXT = "free text"
    PRIVATE = "private entries"
    OBJECT = "embedded objects"
    HIDDEN = "hidden bytes"
    ACQUISITION = "acquisition settings"
    OTHER = "other entries to remove"
    NAME = "file names"
    BURNED_IN = "burned-in text"


class Weight(IntEnum):
    """How much it proves that two files say the same."""

    COMMON = 0
    """Little: chance alone makes values like this agree."""
    SPECIFIC = 1
    """Much, unless held-out patients show that it agrees by chance, too."""
    UNIQUE = 2
    """All: made to be unique, or too long to agree by chance."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a file says beside its pixels.

    Attributes:
        where: Its place in the file: a tag with the sequences around it, a chunk. Restricted.
        name: What may be said of it in public: a keyword of the standard, "private group 0009".
        topic: What it is about.
        weight: What it proves if another file says the same.
        digest: Keyed digest of the value, in the name's own domain or, for what identifies, in one shared by all.
        words: Keyed digests of the words of the value that could be an id or a person's name.
        objection: Why it may not stand in a synthetic file; "" if it may.
    """

    where: str = field(repr=False)
    name: str
    topic: Topic
    weight: Weight
    digest: bytes = field(repr=False)
    words: tuple[bytes, ...] = field(default=(), repr=False)
    objection: str = ""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """All that one file says beside its pixels.

    Attributes:
        form: "DICOM", "PNG", "JPEG", "TIFF", "BMP", "NIfTI", "NumPy"; "" where only pixels were given.
        said: In the order of the file.
        required: Check -> whether it is met, of what a synthetic DICOM object must say; empty for other files.
        damaged: Whether the header could only be read in part.
        settings: Keyed digests of the settings of the acquisition, each with its name.
        uid_roots: Keyed digests of the roots of its unique ids, but those that belong to nobody in particular.
    """

    form: str
    said: tuple[Said, ...] = ()
    required: Mapping[str, bool] = field(default_factory=dict)
    damaged: bool = False
    settings: tuple[bytes, ...] = field(default=(), repr=False)
    uid_roots: frozenset[bytes] = field(default=frozenset(), repr=False)

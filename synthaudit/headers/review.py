"""The headers of the synthetic files, counted: which checks each file meets, and what it carries over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from synthaudit.headers.carry_over import CarriedOver
from synthaudit.headers.read import HeaderFile, Headers
from synthaudit.headers.record import Topic

CHECKED = {
    "DICOM": (
        *(Topic.PERSON, Topic.ID, Topic.DATE, Topic.UID, Topic.DEVICE, Topic.PLACE, Topic.TEXT, Topic.PRIVATE),
        *(Topic.OBJECT, Topic.HIDDEN, Topic.OTHER, Topic.NAME),
    ),
    "NIfTI": (Topic.TEXT, Topic.PRIVATE, Topic.HIDDEN, Topic.NAME),
    "NumPy": (Topic.TEXT, Topic.HIDDEN, Topic.NAME),
    "BMP": (Topic.HIDDEN, Topic.NAME),
}
"""Kind of file -> what it is checked for."""
PICTURES = (
    *(Topic.PERSON, Topic.ID, Topic.DATE, Topic.DEVICE, Topic.PLACE, Topic.TEXT, Topic.PRIVATE, Topic.OBJECT),
    *(Topic.HIDDEN, Topic.NAME),
)
"""What a picture file is checked for."""
SHARED_ROOT = "its root is that of the training files' ids"


@dataclass(frozen=True, eq=False)
class Review:
    """The synthetic files, and what was found in them.

    Attributes:
        headers: Of the synthetic files.
        carried: What they carry over.
        train: Of the training files.
    """

    headers: Headers
    carried: Sequence[CarriedOver]
    train: Headers

    @cached_property
    def shares_root(self) -> tuple[bool, ...]:
        """For each file, whether a unique id in it has the root of a training file's."""
        roots = frozenset[bytes]().union(*(file.header.uid_roots for file in self.train.files))
        return tuple(bool(file.header.uid_roots & roots) for file in self.headers.files)

    @cached_property
    def failed(self) -> tuple[frozenset[Topic], ...]:
        """For each file, what it is objected to for: by itself, or as it says what a real patient's file says."""
        failed = [{one.topic for one in file.header.said if one.objection} for file in self.headers.files]
        for one in self.carried:
            failed[one.file].add(one.said.topic)
        for topics, shares in zip(failed, self.shares_root, strict=True):
            if shares:
                topics.add(Topic.UID)
        return tuple(frozenset(topics) for topics in failed)

    @cached_property
    def checks(self) -> tuple[Mapping[str, bool], ...]:
        """For each file, check -> whether it is met."""
        return tuple(
            _checks_of(file) | {topic.value: False for topic in failed} | dict(file.header.required)
            for file, failed in zip(self.headers.files, self.failed, strict=True)
        )

    def counts(self, check: str) -> tuple[int, int]:
        """(files that fail a check, files that it applies to)."""
        asked = [checks[check] for checks in self.checks if check in checks]
        return sum(not met for met in asked), len(asked)

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """Everything that any file was checked for, in the order of `Topic`."""
        asked = Counter(check for checks in self.checks for check in checks)
        return tuple(topic.value for topic in Topic if asked[topic.value])

    @cached_property
    def required(self) -> tuple[str, ...]:
        """What DICOM objects among the files must say, sorted."""
        return tuple(sorted({check for file in self.headers.files for check in file.header.required}))

    def carrying(self, *, from_train: bool) -> frozenset[int]:
        """Positions of the files that carry something over from that side."""
        return frozenset(one.file for one in self.carried if one.from_train is from_train)


def _checks_of(file: HeaderFile) -> dict[str, bool]:
    """Everything that a file of this kind is checked for, met for a start."""
    if not file.header.form:
        return {Topic.NAME.value: True}
    return {topic.value: True for topic in CHECKED.get(file.header.form, PICTURES)}

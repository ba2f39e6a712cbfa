"""Values become keyed digests as soon as they are read, so that what is compared and kept is no value."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from synthaudit.headers.patterns import id_words, looks_like, name_pairs
from synthaudit.headers.record import FileHeader, Said, Topic, Weight

IDENTITY = "identity"
"""Domain of what means the same person or object wherever it stands."""
DIGEST_BYTES = 16
LEAST_SPECIFIC_TEXT = 12
"""Letters and digits of a text that is not likely to be written twice by chance."""
LEAST_OBJECT_BYTES = 64
"""Of an embedded object, below which two may agree by chance."""
_LONGEST_TEXT = 20_000
"""Characters of a text that are searched for patterns."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Makes digests (HMAC-SHA-256, cut) under the institution's key."""

    key: bytes = field(repr=False)

    def seal(self, domain: str, value: str | bytes) -> bytes:
        """The digest of a value within a domain; texts that differ in case or spaces have the same."""
        content = value if isinstance(value, bytes) else normal(value).encode(errors="surrogatepass")
        return hmac.digest(self.key, domain.encode() + b"\0" + content, "sha256")[:DIGEST_BYTES]


def normal(text: str) -> str:
    """A text as it is compared: lower case, single spaces."""
    return " ".join(text.replace("\0", " ").replace("^", " ").casefold().split())


class Notes:
    """What one file says, as it is read."""

    def __init__(self, sealer: Sealer, form: str, stem: str = "") -> None:
        self.sealer, self.form, self.stem = sealer, form, stem
        self.said: list[Said] = []
        self.required: dict[str, bool] = {}
        self.roots: set[bytes] = set()
        self.settings: tuple[bytes, ...] = ()
        self.damaged = False

    def text(
        self, where: str, name: str, topic: Topic, value: str, *, objection: str = "", weight: Weight | None = None
    ) -> None:
        """Note a text; empty ones say nothing. One that looks like a person is objected to in any case."""
        value = value.strip(" \0\t\r\n")
        if not value:
            return
        if not objection and topic not in _NO_PROSE:
            objection = self._looks(value)
        weight = text_weight(topic, value) if weight is None else weight
        domain = IDENTITY if weight is Weight.UNIQUE else name
        words = id_words(value) + (name_pairs(value) if topic in _NAMING else [])
        sealed = tuple(self.sealer.seal(IDENTITY, word) for word in dict.fromkeys(words))
        self.said.append(
            Said(where, name, topic, weight, self.sealer.seal(domain, _ordered(topic, value)), sealed, objection)
        )

    def content(
        self, where: str, name: str, topic: Topic, value: bytes, *, objection: str = "", weight: Weight | None = None
    ) -> None:
        """Note bytes, such as an embedded picture; none, or zeros alone, say nothing."""
        if not value.strip(b"\0 "):
            return
        if weight is None:
            weight = Weight.UNIQUE if len(value) >= LEAST_OBJECT_BYTES else Weight.SPECIFIC
        domain = IDENTITY if weight is Weight.UNIQUE else name
        self.said.append(Said(where, name, topic, weight, self.sealer.seal(domain, value), (), objection))

    def header(self) -> FileHeader:
        """All of it."""
        return FileHeader(
            self.form, tuple(self.said), dict(self.required), self.damaged, self.settings, frozenset(self.roots)
        )

    def _looks(self, value: str) -> str:
        what = looks_like(value[:_LONGEST_TEXT])
        return f"it looks like {what}" if what else ""


_NAMING = frozenset({Topic.PERSON, Topic.TEXT, Topic.NAME, Topic.PRIVATE, Topic.OTHER, Topic.ID})


_NO_PROSE = frozenset({Topic.UID, Topic.ACQUISITION, Topic.DATE})
"""Numbers in which a date is found by chance, and dates, which are judged as such."""


def _ordered(topic: Topic, value: str) -> str:
    """A person's name with its parts in the order of the alphabet: "Meier^Anna" is "Anna Meier"."""
    return " ".join(sorted(normal(value).split())) if topic is Topic.PERSON else value


def text_weight(topic: Topic, value: str) -> Weight:
    """What it proves that two files hold this text."""
    solid = "".join(sign for sign in value if sign.isalnum())
    varied = len(set(solid.casefold())) > 2
    if topic is Topic.PERSON:
        return Weight.UNIQUE if len(normal(value).split()) >= 2 and len(solid) >= 5 else Weight.COMMON
    if topic is Topic.ID:
        return Weight.UNIQUE if varied and len(solid) >= 5 and not _is_small_number(solid) else Weight.COMMON
    if topic is Topic.DEVICE:
        return Weight.SPECIFIC if varied and len(solid) >= 5 else Weight.COMMON
    if topic is Topic.DATE:
        return Weight.UNIQUE if len(value.partition(".")[2].rstrip("0")) >= 3 else Weight.COMMON
    return Weight.SPECIFIC if varied and len(solid) >= LEAST_SPECIFIC_TEXT else Weight.COMMON


def _is_small_number(solid: str) -> bool:
    return solid.isdigit() and int(solid) < 1_000_000

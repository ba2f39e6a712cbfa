"""Texts that look like a person: a name in the form of DICOM, a date, an address, a number of a record.

It errs on the side of asking: whoever reads the list sees where, and decides. A text that looks like nothing of the
kind may still name someone.
"""

from __future__ import annotations

import re
from itertools import pairwise

_LOOKS_LIKE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a person's name", re.compile(r"[^\W\d_]{2,}\^[^\W\d_]{2,}")),
    ("a person's name", re.compile(r"\b(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Mme)\.? +[A-ZÄÖÜ][^\W\d_]{2,}")),
    ("an e-mail address", re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")),
    (
        "a date",
        re.compile(r"(?<!\d)(?:19[0-9]{2}|20[0-3]\d)[-./:]?(?:0[1-9]|1[0-2])[-./:]?(?:0[1-9]|[12]\d|3[01])(?!\d)"),
    ),
    ("a date", re.compile(r"(?<!\d)(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|1[0-2])[-./](?:19|20)\d{2}(?!\d)")),
    ("a telephone number", re.compile(r"(?<![\d.])\+\d{1,3}[ \-/]?\(?\d{1,4}\)?(?:[ \-/]?\d{2,4}){2,4}(?!\d)")),
    (
        "a record number",
        re.compile(r"\b(?:MRN|SSN|NHS|PatID|PID|Acc(?:ession)?|DOB|born)(?![a-z])[ :#.=_-]*\w*\d", re.IGNORECASE),
    ),
    ("a patient", re.compile(r"\bpatient(?:'?s)?[ _-]*(?:id|name|no|number)\b[ :#.=-]*\w{2,}", re.IGNORECASE)),
    ("a place on a server", re.compile(r"(?:[A-Za-z]:\\|\\\\|/(?:home|Users|mnt|data|media|srv)/)[^\s]+")),
)
_ID_WORD = re.compile(r"[0-9A-Za-z][0-9A-Za-z.\-]*[0-9A-Za-z]")
_NAME_WORD = re.compile(r"[^\W\d_]{3,}")
_LEAST_ID = 5
_MOST_WORDS = 400


def looks_like(text: str) -> str:
    """What of a person the text looks like, in words; "" if like nothing.

    >>> looks_like("Meier^Anna"), looks_like("exported 2017-03-12"), looks_like("T1 post contrast")
    ("a person's name", 'a date', '')
    """
    return next((what for what, pattern in _LOOKS_LIKE if pattern.search(text)), "")


def id_words(text: str) -> list[str]:
    """The words of a text that may be an id: five signs or more, with a digit; each whole and in its parts.

    >>> id_words("CASE-004711 left lung")
    ['case-004711', '004711']
    """
    found: dict[str, None] = {}
    for word in _ID_WORD.findall(text)[:_MOST_WORDS]:
        for part in (word, *re.split(r"[.\-]", word)):
            if len(part) >= _LEAST_ID and any(sign.isdigit() for sign in part):
                found[part.casefold()] = None
    return list(found)


def name_pairs(text: str) -> list[str]:
    """Neighboring words that could be given and family name, in the order of the alphabet.

    >>> name_pairs("seen by Anna Meier")
    ['by seen', 'anna by', 'anna meier']
    """
    words = [word.casefold() for word in re.findall(r"[^\W\d_]{2,}", text)[:_MOST_WORDS]]
    return [" ".join(sorted(pair)) for pair in pairwise(words)]

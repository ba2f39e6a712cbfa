"""Is a value recognizably made up? Where a standard demands a value, an invented one may stand in a synthetic file.

Nobody can tell an invented name from a real one by looking. So a value counts as made up only where it says so itself:
by a word ("SYNTH-0042"), as a random id or a bare counter, as a first of January or a midnight. All else is
objected to.
"""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"synth|simul(at|ier|é)|phantom|(?<![a-z])(anon|pseudo)|dummy|fake|artificial|generated|de-?ident|(?<![a-z])deid|"
    r"removed|redacted|unknown|(?<![a-z])(none|n/?a|test|no ?name)(?![a-z])|not applicable|xxx",
    re.IGNORECASE,
)
_RANDOM = re.compile(r"(0x)?[0-9a-f]{16,128}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|2\.25\.\d+", re.IGNORECASE)
_COUNTER = re.compile(r"#?0*\d{1,5}")
_DATE = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")
LONGEST = 64
"""Characters; in a longer text, one word does not speak for the rest."""
_FIRST_TRUE_YEAR = 1901
"""Nobody born before is a patient of today."""


def is_made_up_text(value: str) -> bool:
    """Whether a text says itself that it is invented, or says nothing: no letter and no digit.

    >>> is_made_up_text("SYNTHETIC^0001"), is_made_up_text("Meier^Anna"), is_made_up_text("----")
    (True, False, True)
    """
    if not any(sign.isalnum() for sign in value):
        return True
    return len(value) <= LONGEST and bool(_WORDS.search(value))


def is_made_up_id(value: str, file_stem: str = "") -> bool:
    """Whether an id is invented by its look: a word, a random number, a counter, or the name of its own file.

    >>> is_made_up_id("0042"), is_made_up_id("MRN 4477120"), is_made_up_id("9f86d081884c7d659a2feaa0c55ad015")
    (True, False, True)
    """
    value = value.strip()
    if is_made_up_text(value) or _RANDOM.fullmatch(value) or _COUNTER.fullmatch(value):
        return True
    return bool(file_stem) and value.casefold() == file_stem.casefold()


def is_made_up_date(value: str) -> bool:
    """Whether a date (also with a time) is no real one: a first of January, or before 1901.

    >>> is_made_up_date("20000101"), is_made_up_date("20170312")
    (True, False)
    """
    found = _DATE.match(value.strip())
    if found is None:
        return is_made_up_text(value)
    year, month, day = (int(part) for part in found.groups())
    return year < _FIRST_TRUE_YEAR or (month, day) in {(1, 1), (0, 0)}


def is_made_up_time(value: str) -> bool:
    """Whether a time of day is none: a whole midnight or noon.

    >>> is_made_up_time("000000.000"), is_made_up_time("120000"), is_made_up_time("143207.221")
    (True, True, False)
    """
    digits = re.sub(r"[.:\s]", "", value)
    return digits.strip("0") in {"", "12"} and (not digits.strip("0") or digits.startswith("12"))

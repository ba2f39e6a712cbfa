"""Which instances a query means: studies, their series, their instances; and whether the list is complete.

A PACS may pass over a key that it does not know, and then answers with everybody; and it may cut a long list short.
Both would put the wrong patients into a role. So what it returns is compared with what was asked, and the number of
instances with the number that it says a series has.
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from synthaudit.errors import InputError
from synthaudit.parallel import ordered_map
from synthaudit.sources.pacs_server import Answer, Instance, PacsServer, Refused, Unreachable, attempted
from synthaudit.sources.pacs_uri import LEVELS, PacsQuery

_IDENTITY = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
_COUNT = {"STUDY": "NumberOfStudyRelatedSeries", "SERIES": "NumberOfSeriesRelatedInstances"}
_UID = re.compile(r"[0-9.]{1,64}")
_RANGE = re.compile(r"(\d{8})?-(\d{8})?")
_THREADS = 4

Asked = Callable[[str, Mapping[str, str], Sequence[str]], list[Answer]]


def instances(server: PacsServer, query: PacsQuery) -> list[Instance]:
    """Every instance that the query means, sorted by study, series and instance.

    Raises:
        InputError: The PACS cannot be reached, refuses, does not say what was asked for, or lists fewer instances than
            it says there are.
    """
    ask = _asking(server)
    studies = _found(ask, "STUDY", {}, query)
    jobs = [(study, _count(answer, "STUDY")) for study, answer in studies]
    patient_of = {study: answer.get("PatientID", "") for study, answer in studies}
    series_of = ordered_map(lambda job: _series(ask, query, *job), jobs, _THREADS)
    series = list(itertools.chain.from_iterable(series_of))
    images_of = ordered_map(lambda one: _instances(ask, query, *one), series, _THREADS)
    listed = sorted(
        set(itertools.chain.from_iterable(images_of)), key=lambda one: (one.study, one.series, one.uid, one.sop_class)
    )
    return [replace(one, patient=patient_of[one.study]) for one in listed]


def _asking(server: PacsServer) -> Asked:
    def ask(level: str, keys: Mapping[str, str], returned: Sequence[str]) -> list[Answer]:
        try:
            return attempted(lambda: server.find(level, keys, returned))
        except Unreachable:
            raise InputError(
                "the PACS does not answer; check host, port and whether it runs, and run the same command again"
            ) from None
        except Refused:
            raise InputError("the PACS gives a list that is too large to read; divide the query") from None

    return ask


def _series(ask: Asked, query: PacsQuery, study: str, expected: int | None) -> list[tuple[str, str, int | None]]:
    found = _found(ask, "SERIES", {"StudyInstanceUID": study}, query)
    _check_complete(len(found), expected, bool(query.at("SERIES")))
    return [(study, uid, _count(answer, "SERIES")) for uid, answer in found]


def _instances(ask: Asked, query: PacsQuery, study: str, series: str, expected: int | None) -> list[Instance]:
    found = _found(ask, "IMAGE", {"StudyInstanceUID": study, "SeriesInstanceUID": series}, query)
    _check_complete(len(found), expected, bool(query.at("IMAGE")))
    return [Instance(study, series, uid, answer.get("SOPClassUID", "")) for uid, answer in found]


def _found(ask: Asked, level: str, above: Mapping[str, str], query: PacsQuery) -> list[tuple[str, Answer]]:
    """(UID, answer) of what there is at a level below something, each once and sorted, that fits the query."""
    wanted = query.at(level)
    returned = [_IDENTITY[level], *wanted, *([_COUNT[level]] if level in _COUNT else []), *_also(level)]
    found: dict[str, Answer] = {}
    for values in itertools.product(*wanted.values()):
        keys = dict(zip(wanted, values, strict=True))
        answers = ask(level, {**above, **keys}, list(dict.fromkeys(returned)))
        for answer in _fitting(answers, keys, level):
            uid = answer.get(_IDENTITY[level], "")
            if not _UID.fullmatch(uid):
                raise InputError("the PACS lists something under a UID that is none; it cannot be audited from there")
            found[uid] = answer
    return sorted(found.items())


def _also(level: str) -> tuple[str, ...]:
    return {"STUDY": ("PatientID",), "SERIES": (), "IMAGE": ("SOPClassUID",)}[level]


def _fitting(answers: Iterable[Answer], keys: Mapping[str, str], level: str) -> list[Answer]:
    """The answers that are what was asked for: a PACS may pass over a key that it does not know."""
    listed = list(answers)
    for key, wanted in keys.items():
        if wanted.strip("*") and listed and not any(answer.get(key) for answer in listed):
            raise InputError(
                f"the PACS does not return {key}, so whether it searched by it cannot be checked; choose the images by "
                f"another key ({', '.join(LEVELS[level])})"
            )
    return [one for one in listed if all(_matches(key, keys[key], one.get(key, "")) for key in keys)]


def _matches(key: str, wanted: str, found: str) -> bool:
    """Whether a value, or one of several, is what was asked for: by DICOM's rules, in any case but for UIDs."""
    values = [value.strip() for value in found.split("\\")]
    if key.endswith("UID"):
        return wanted == "*" or wanted in values
    span = _RANGE.fullmatch(wanted)
    if key.endswith("Date") and span and wanted != "-":
        low, high = span[1] or "", span[2] or "99999999"
        return any(low <= value.replace("-", "") <= high for value in values if value)
    pattern = re.compile(fnmatch.translate(wanted.casefold().replace("[", "[[]")))
    return any(pattern.fullmatch(value.casefold()) for value in values) or not wanted.strip("*")


def _count(answer: Answer, level: str) -> int | None:
    text = answer.get(_COUNT[level], "")
    return int(text) if text.isdigit() else None


def _check_complete(found: int, expected: int | None, is_chosen: bool) -> None:
    if expected is not None and found < expected and not is_chosen:
        raise InputError(
            f"the PACS says that there are {expected} series or instances and lists {found} of them: its list is cut "
            f"short, or it does not show all to us; ask for less at once, or for the right to see them"
        )

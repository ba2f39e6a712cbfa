"""What a DICOM header says of the patient and the study, as the columns of a metadata table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.stored import StoredFile, opened

COLUMNS = ("patient_id", "sex", "age", "study_date", "view", "modality", "site")

_KEYWORDS = {
    "patient_id": "PatientID",
    "sex": "PatientSex",
    "view": "ViewPosition",
    "modality": "Modality",
    "site": "InstitutionName",
}
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate")
_YEARS_IN = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def header_columns(file: StoredFile) -> Mapping[str, str]:
    """Column -> value as text, "" where the header does not say; all "" where it cannot be read.

    `age` is in years, `study_date` as YYYY-MM-DD. Pixels are not read.
    """
    from pydicom import dcmread

    tags: list[Any] = [*_KEYWORDS.values(), *_DATES, "PatientAge", "PatientBirthDate"]
    try:
        with library_warnings_silenced, opened(file) as stream:
            dataset = dcmread(stream, force=True, stop_before_pixels=True, specific_tags=tags)
    except Exception:  # the pixels could be read; a broken header only means that nothing is known
        return dict.fromkeys(COLUMNS, "")
    return columns_of(dataset)


def columns_of(dataset: Any) -> Mapping[str, str]:
    """The same of a pydicom data set, however it was come by."""
    try:
        with library_warnings_silenced:
            columns = {column: _text(dataset, keyword) for column, keyword in _KEYWORDS.items()}
            date = next((found for keyword in _DATES if (found := _date(_text(dataset, keyword)))), "")
            born = _date(_text(dataset, "PatientBirthDate"))
            columns |= {"study_date": date, "age": _age(_text(dataset, "PatientAge")) or _age_between(born, date)}
    except Exception:  # the pixels could be read; a broken header only means that nothing is known
        return dict.fromkeys(COLUMNS, "")
    return {column: columns[column] for column in COLUMNS}


def _text(dataset: Any, keyword: str) -> str:
    try:
        value = dataset.get(keyword)
    except Exception:  # a value that does not fit its type is no value
        return ""
    return "" if value is None else str(value).strip()


def _date(text: str) -> str:
    """YYYY-MM-DD of a DICOM date (YYYYMMDD, or YYYY.MM.DD before 1993); "" if it is none."""
    found = re.fullmatch(r"(\d{4})\.?(\d{2})\.?(\d{2})", text)
    return "-".join(found.groups()) if found else ""


def _age(text: str) -> str:
    """Years of a DICOM age such as 045Y or 018M; "" if it is none."""
    found = re.fullmatch(r"(\d{1,3})([YMWD])", text.upper())
    return f"{int(found[1]) * _YEARS_IN[found[2]]:.3g}" if found else ""


def _age_between(born: str, date: str) -> str:
    """Whole years between two dates; "" if one is missing or they are in the wrong order."""
    if not born or not date or date < born:
        return ""
    years = int(date[:4]) - int(born[:4])
    return str(years - (date[5:] < born[5:]))

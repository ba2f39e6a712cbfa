"""What a DICOM header says of the patient and the study, as the columns of a metadata table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synthaudit.readers.dicom import dataset_of
from synthaudit.readers.dicom_frames import TAGS
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.rejection import unreadable
from synthaudit.readers.stored import StoredFile

COLUMNS = ("patient_id", "sex", "age", "study_date", "view", "modality", "site", "scanner", "laterality")

_KEYWORDS = {
    "patient_id": "PatientID",
    "sex": "PatientSex",
    "view": "ViewPosition",
    "modality": "Modality",
    "site": "InstitutionName",
}
_SCANNER = ("Manufacturer", "ManufacturerModelName")
_SIDES = ("ImageLaterality", "Laterality", "FrameLaterality")
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate")
_OTHERS = ("PatientAge", "PatientBirthDate", "StudyInstanceUID")
_YEARS_IN = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def header_of(file: StoredFile) -> Any:
    """The data set without its pixels: what these columns and the place of its frames are read from.

    Raises:
        UnreadableImage: "empty-file", "wrong-content", "corrupt", "truncated" or "cannot-open".
    """
    tags = (*_KEYWORDS.values(), *_SCANNER, *_SIDES, *_DATES, *_OTHERS, *TAGS)
    try:
        with library_warnings_silenced:
            return dataset_of(file, tags)
    except Exception as error:
        raise unreadable(error) from None


def header_columns(file: StoredFile) -> Mapping[str, str]:
    """Column -> value as text, "" where the header does not say; all "" where it cannot be read.

    `age` is in years, `study_date` as YYYY-MM-DD, `scanner` is maker and model, `laterality` L, R, B or U. Pixels are
    not read.
    """
    try:
        return columns_of(header_of(file))
    except Exception:  # the pixels could be read; a broken header only means that nothing is known
        return dict.fromkeys(COLUMNS, "")


def columns_of(dataset: Any) -> Mapping[str, str]:
    """The same of a pydicom data set, however it was come by."""
    try:
        with library_warnings_silenced:
            columns = {column: _text(dataset, keyword) for column, keyword in _KEYWORDS.items()}
            date = next((found for keyword in _DATES if (found := _date(_text(dataset, keyword)))), "")
            born = _date(_text(dataset, "PatientBirthDate"))
            columns |= {"study_date": date, "age": _age(_text(dataset, "PatientAge")) or _age_between(born, date)}
            columns["scanner"] = " ".join(" ".join(_text(dataset, keyword) for keyword in _SCANNER).split())
            columns["laterality"] = next((side for keyword in _SIDES if (side := _text(dataset, keyword))), "")
    except Exception:
        return dict.fromkeys(COLUMNS, "")
    return {column: columns[column] for column in COLUMNS}


def study_of(dataset: Any) -> tuple[str, str]:
    """(date, id of the study): what tells one visit from another; "" where the header does not say."""
    with library_warnings_silenced:
        date = next((found for keyword in _DATES if (found := _date(_text(dataset, keyword)))), "")
        return date, _text(dataset, "StudyInstanceUID")


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

"""What a synthetic DICOM object must say of itself.

An object travels without its dossier: a reader years later must see on the object that nobody was scanned, that no
identity is in it and how that was made sure, that no text is burned in, and that its dates say nothing.

Reference:
    DICOM PS3.3, C.7.1.1 (identity removed), C.7.5.1 and C.12 (synthetic data, SOP common); PS3.15, annex E.
"""

from __future__ import annotations

import re
from typing import Any

SYNTHETIC = "says that it is synthetic"
REMOVED = "says that identity was removed, and how"
NOT_BURNED_IN = "says that no text is burned in"
FEATURES = "says whether a face can be recognized"
TIMES = "says that its times are no real ones"
CONSISTENT = "holds nothing that contradicts this"

_HEAD = re.compile(r"HEAD|BRAIN|SKULL|FACE|ORBIT|SINUS|IAC|JAW|MAXILLA|MANDIBLE|CRANI|NEURO", re.IGNORECASE)
_HEAD_CODES = frozenset({"69536005", "12738006", "89546000", "89545001", "371398005", "774007", "T-D1100", "T-A0100"})
_SECTIONAL = frozenset({"CT", "MR", "PT", "NM"})


def required_checks(dataset: Any, clean: bool) -> dict[str, bool]:
    """Check -> whether the object meets it.

    Args:
        dataset: A pydicom data set; pixels are not looked at.
        clean: Whether nothing else in the object was objected to.
    """
    says_removed = _text(dataset, "PatientIdentityRemoved") == "YES"
    how = bool(_text(dataset, "DeidentificationMethod")) or _filled(dataset, "DeidentificationMethodCodeSequence")
    checks = {
        SYNTHETIC: _text(dataset, "SyntheticData") == "YES",
        REMOVED: says_removed and how,
        NOT_BURNED_IN: _text(dataset, "BurnedInAnnotation") == "NO",
        TIMES: _text(dataset, "LongitudinalTemporalInformationModified") in ("REMOVED", "MODIFIED"),
        CONSISTENT: clean or not says_removed,
    }
    if shows_a_head(dataset):
        checks[FEATURES] = _text(dataset, "RecognizableVisualFeatures") in ("YES", "NO")
    return checks


def shows_a_head(dataset: Any) -> bool:
    """Whether it is a sectional image of a head, of which a face can be rendered."""
    if _text(dataset, "Modality") not in _SECTIONAL:
        return False
    words = " ".join(
        _text(dataset, name) for name in ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
    )
    if _HEAD.search(words):
        return True
    try:
        codes = {str(item.get("CodeValue", "")) for item in dataset.get("AnatomicRegionSequence") or ()}
    except Exception:
        return False
    return bool(codes & _HEAD_CODES)


def _text(dataset: Any, keyword: str) -> str:
    try:
        value = dataset.get(keyword)
    except Exception:  # a value that does not fit its type says nothing
        return ""
    return "" if value is None else str(value).strip().upper()


def _filled(dataset: Any, keyword: str) -> bool:
    try:
        return any(len(item) for item in dataset.get(keyword) or ())
    except Exception:
        return False

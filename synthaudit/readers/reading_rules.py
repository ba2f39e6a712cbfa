"""How the images of an audit were read, where that is no matter of course: for its provenance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from synthaudit.readers import dicom_intensity, nifti
from synthaudit.readers.dicom import DicomSource
from synthaudit.readers.dicom_syntax import decoders
from synthaudit.readers.digest_cache import READING_RULES
from synthaudit.readers.nifti import NiftiSource


def reading_rules(sources: Iterable[object]) -> dict[str, Any]:
    """What the values in [0, 1] rest on: rules by modality, and the decoder of each transfer syntax with its version.

    Decoders disagree in the last bits, so who repeats an audit needs the same ones. Empty where no image is of DICOM
    or NIfTI. The decoders are those that this machine has for each syntax, whichever of the syntaxes occurred.

    Args:
        sources: Of all images.
    """
    kinds = {type(source) for source in sources}
    found: dict[str, Any] = {}
    if DicomSource in kinds:
        found |= {"dicom_decoders": decoders(), "dicom_intensity": dict(dicom_intensity.RULES)}
    if NiftiSource in kinds:
        found["nifti_intensity"] = nifti.RULE
    return {"reading": {"version": READING_RULES, **found}} if found else {}

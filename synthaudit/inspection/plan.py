"""What an audit would do with a set of images: in sentences, before it does it."""

from __future__ import annotations

import numpy as np

from synthaudit.inspection.look import Inspection
from synthaudit.matching.pool import working_size
from synthaudit.readers.dicom_intensity import CT_WINDOW_HU, PERCENTILE_MODALITIES, PERCENTILES

ENOUGH_PATIENTS = 30
"""Held-out patients that the presets for a release ask for."""
LEAST_SEVERAL = 10
"""Patients with two images or more, below which no verifier of persons can be tried."""


def plan(inspection: Inspection) -> list[str]:
    """What would be done, and which questions could be asked of these images; one sentence each."""
    said = [_compared(inspection), *_intensities(inspection), _patients(inspection)]
    said += [_persons(inspection), _groups(inspection)]
    if inspection.volumes:
        said.append(f"Slices of {inspection.volumes:,} volumes are judged together, and count once.")
    return [sentence for sentence in said if sentence]


def _compared(inspection: Inspection) -> str:
    sides = np.array([max(side) for side in inspection.look.sides], dtype=np.intp)
    if not len(sides):
        return ""
    seconds = inspection.look.seconds / inspection.look.looked_at * inspection.images
    return (
        f"Pairs are compared on {working_size(sides)} x {working_size(sides)} pixels. Decoding all images once takes "
        f"about {_duration(seconds)} here."
    )


def _intensities(inspection: Inspection) -> list[str]:
    """How values become gray: never by the file's own window."""
    modalities = {name.partition("-")[0] for name in inspection.modalities if name}
    if not inspection.formats.get("dicom"):
        return []
    rules = []
    if "CT" in modalities:
        rules.append(f"CT from {CT_WINDOW_HU[0]:g} to {CT_WINDOW_HU[1]:g} HU")
    if by_percentile := sorted(modalities & PERCENTILE_MODALITIES):
        rules.append(f"{', '.join(by_percentile)} by the {PERCENTILES[0]:g} and {PERCENTILES[1]:g} % of each volume")
    if modalities - PERCENTILE_MODALITIES - {"CT"} or not modalities:
        rules.append("all else over the whole range of its bits")
    return [f"Intensities: {'; '.join(rules)}. The windows in the files are not used."]


def _patients(inspection: Inspection) -> str:
    if not inspection.patients:
        return (
            "No patient is known, so each image counts as a patient of its own, and no error rate holds by person. "
            "Give a table with file and patient_id (--metadata)."
        )
    if inspection.patients < 2 * ENOUGH_PATIENTS:
        return (
            f"Split in halves (--split patients:0.5), {inspection.patients} patients leave fewer than the "
            f"{ENOUGH_PATIENTS} held-out ones that a release asks for: the verdict could not be PASS."
        )
    return (
        f"Split in halves (--split patients:0.5), about {inspection.patients // 2:,} patients would be held out; or "
        f"give a set of other patients (--holdout)."
    )


def _persons(inspection: Inspection) -> str:
    if inspection.several_images >= LEAST_SEVERAL:
        several = f"{inspection.several_images:,} patients have several images"
        return f"Re-identification and linkability can be asked: {several}."
    return (
        f"Re-identification and linkability cannot be asked: they need {LEAST_SEVERAL} patients or more with several "
        f"images."
    )


def _groups(inspection: Inspection) -> str:
    usable = [column.name for column in inspection.columns if column.is_group]
    if not usable:
        return "Groups cannot be compared, nor attributes inferred: no column divides the patients."
    return f"Groups can be compared by: {', '.join(usable)}."


def _duration(seconds: float) -> str:
    if seconds < 2:
        return "a second"
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"

"""The settings of an exposure: each is common, but no two exposures share all that were measured.

A program that writes a synthetic object with a patient's object as a template leaves the settings of that one exposure
in it. So we ask whether a synthetic file shares so many settings with one real file that chance is no explanation: each
setting shared counts by how rare its value is among the real files.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MEASURED = (
    *("AcquisitionTime", "AcquisitionDateTime", "KVP", "Exposure", "ExposureTime", "ExposureInuAs", "XRayTubeCurrent"),
    *("XRayTubeCurrentInuA", "RelativeXRayExposure", "EntranceDoseInmGy", "ImageAndFluoroscopyAreaDoseProduct"),
    *("CTDIvol", "ImagingFrequency", "SAR", "dBdt", "SliceLocation", "ImagePositionPatient", "TableHeight"),
    *("DataCollectionDiameter", "ReconstructionDiameter", "DistanceSourceToPatient", "RescaleSlope", "TriggerTime"),
    *("RadionuclideTotalDose", "FrameReferenceTime", "ActualFrameDuration", "DecayFactor", "RepetitionTime"),
    *("EchoTime", "InversionTime", "FlipAngle", "PixelBandwidth", "PixelSpacing", "ImagerPixelSpacing"),
    *("WindowCenter", "WindowWidth", "DetectorTemperature", "CompressionForce", "BodyPartThickness", "DetectorID"),
)
"""Set or measured for each image."""
LEAST_SHARED = 3
"""Settings, with a value that not every real file has."""
BEYOND_CHANCE = 0.01
"""Expected number of synthetic files that share as much by chance, if settings were independent."""


def settings(dataset: Any) -> list[tuple[str, str]]:
    """(keyword, value) of every measured setting that a pydicom data set gives."""
    found = []
    for keyword in MEASURED:
        try:
            value = dataset.get(keyword)
        except Exception:  # a value that does not fit its type is no setting
            value = None
        if value not in (None, ""):
            found.append((keyword, str(value)))
    return found


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """A synthetic file and the real file that it shares most with.

    Attributes:
        file, real: Their positions.
        p_value: Of sharing so much with any real file by chance, if settings were independent.
    """

    file: int
    real: int
    p_value: float = field(default=1.0)


def shared_settings(synthetic: Sequence[Sequence[bytes]], real: Sequence[Sequence[bytes]]) -> list[SharedSettings]:
    """The synthetic files that share more settings with one real file than chance explains.

    Args:
        synthetic, real: Digests of the settings of each file.
    """
    having = Counter(digest for file in real for digest in set(file))
    holders: dict[bytes, list[int]] = {}
    for number, file in enumerate(real):
        for digest in set(file):
            if having[digest] < len(real):
                holders.setdefault(digest, []).append(number)
    found = []
    for number, file in enumerate(synthetic):
        score: dict[int, float] = {}
        shared = Counter[int]()
        for digest in set(file):
            for other in holders.get(digest, ()):
                score[other] = score.get(other, 0.0) + math.log10(len(real) / having[digest])
                shared[other] += 1
        if not score:
            continue
        best = min(score, key=lambda other: (-score[other], other))
        p_value = min(1.0, len(real) * 10.0 ** -score[best])
        if shared[best] >= LEAST_SHARED and p_value * len(synthetic) <= BEYOND_CHANCE:
            found.append(SharedSettings(number, best, p_value))
    return found

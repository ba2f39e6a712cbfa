"""Are quantization tables those of the common codec, at some quality? Others point at one maker's encoder.

Reference:
    ITU-T T.81 (1992), annex K, tables K.1 and K.2; the scaling by quality is that of the Independent JPEG Group.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99, *(99,) * 32),
)


@lru_cache(maxsize=1)
def _standard() -> frozenset[tuple[int, ...]]:
    """The values of both tables at every quality, in ascending order: then the order in the file does not matter."""
    known = set()
    for base in (_LUMINANCE, _CHROMINANCE):
        for quality in range(1, 101):
            scale = 5000 // quality if quality < 50 else 200 - 2 * quality
            table = np.clip((np.array(base) * scale + 50) // 100, 1, 255)
            known.add(tuple(int(one) for one in np.sort(table)))
            known.add(tuple(int(one) for one in np.sort(np.clip((np.array(base) * scale + 50) // 100, 1, 32767))))
    return frozenset(known)


def is_standard(segments: bytes) -> bool:
    """Whether all tables in these segments are the common codec's; True where they break off."""
    place = 0
    while place < len(segments):
        width = 2 if segments[place] >> 4 else 1
        values = segments[place + 1 : place + 1 + 64 * width]
        if len(values) < 64 * width:
            return True
        table = np.sort(np.frombuffer(values, ">u2" if width == 2 else "u1"))
        if tuple(int(one) for one in table) not in _standard():
            return False
        place += 1 + 64 * width
    return True

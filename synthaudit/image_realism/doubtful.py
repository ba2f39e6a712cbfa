"""The synthetic images as a reader gets to see them: the most unusual first, with a map and the nearest real images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthaudit.finding import Doubtful, Unsupported
from synthaudit.image_realism.judged import LOOK, PARTS, THROUGHOUT, TO_LOOK_AT, Judged
from synthaudit.pixels import canvas
from synthaudit.probe import Evidence

MOST_SHOWN = 12
"""Images shown with their maps; all of them stand in the table."""
NEAREST_SHOWN = 3
REASONS = {"a part": PARTS, "throughout": THROUGHOUT, "as a whole": LOOK}


def reasons(judged: Judged) -> NDArray[np.intp]:
    """(m,) number in `REASONS` of what is most unusual about each synthetic image."""
    columns = [judged.scores(which)[1] for which in REASONS.values()]
    return np.asarray(np.argmax(np.column_stack(columns), axis=1))


def doubtful_images(evidence: Evidence, judged: Judged) -> tuple[Doubtful, ...]:
    """Every synthetic image, the most unusual first; the first twelve of those to look at are shown."""
    score, p_value = judged.scores()[1], judged.p_values()[1]
    names, why, area = list(REASONS), reasons(judged), judged.areas[1]
    found: list[Doubtful] = []
    for number in np.lexsort((judged.order, -score)):
        to_look_at = bool(p_value[number] <= TO_LOOK_AT)
        found.append(
            Doubtful(
                synthetic_image=evidence.synthetic.names[judged.order[number]],
                score=float(score[number]),
                reason=names[why[number]],
                realism=float(judged.look.other[number]),
                area=float(area[number]),
                p_value=float(p_value[number]),
                q_value=float(judged.q_values[number]),
                to_look_at=to_look_at,
                nearest_real=evidence.pool.name(_nearest(evidence, judged, number)[0]),
                shown=_shown(evidence, judged, number) if to_look_at and len(found) < MOST_SHOWN else None,
            )
        )
    return tuple(found)


def _nearest(evidence: Evidence, judged: Judged, number: int) -> list[int]:
    """Pool rows of the nearest real images, one a patient."""
    found: dict[int, int] = {}
    for near in judged.look.nearest[number]:
        if near >= 0:
            row = int(judged.rows[near])
            found.setdefault(int(evidence.pool.patient[row]), row)
    return list(found.values())[:NEAREST_SHOWN]


def _shown(evidence: Evidence, judged: Judged, number: int) -> Unsupported:
    size = evidence.matcher.size
    place = judged.map_of(number)
    near = _nearest(evidence, judged, number)
    image = evidence.synthetic.sources[judged.order[number]].read()
    return Unsupported(
        image=_bytes(image, size),
        map=place.shade,
        peak=place.peak,
        nearest=tuple(_bytes(evidence.pool.read(row), size) for row in near),
        nearest_names=tuple(evidence.pool.name(row) for row in near),
    )


def _bytes(image: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """(size, size) gray values as 8 bits, on the whole of their own range: nothing foreign may be cut away."""
    gray = canvas(image, size)
    low, high = float(gray.min()), float(gray.max())
    return np.asarray(np.clip((gray - low) / max(high - low, 1e-6), 0, 1) * 255, dtype=np.uint8)

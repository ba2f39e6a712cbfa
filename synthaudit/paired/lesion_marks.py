"""What the table says of lesions: that an image has none, that it has some, or where they are.

A column `lesions` says `none`, or `x y r` of each lesion: its middle and radius in image widths from the top left
corner, several with `;` between. `yes` says that there are some, somewhere. An empty cell says nothing. Without that
column a `label` of `normal` or `no finding` is taken for an image without lesions, and any other label for one with.
"""

from __future__ import annotations

from dataclasses import dataclass

from synthaudit.cohort import Cohort
from synthaudit.errors import MetadataError

COLUMN = "lesions"
FREE, SOME = frozenset({"none", "0"}), frozenset({"yes", "1"})
NORMAL_LABELS = frozenset({"normal", "no finding", "no findings"})

Place = tuple[float, float, float]
"""Middle x, y and radius of a lesion, in image widths from the top left corner."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known of an image's lesions.

    Attributes:
        free: True if there is none, False if there is one, None if that is not known.
        places: Where they are, as far as that is known.
    """

    free: bool | None
    places: tuple[Place, ...] = ()


def lesion_marks(cohort: Cohort) -> tuple[Marks, ...]:
    """(n,) what is known of each image's lesions.

    Raises:
        MetadataError: A cell of the column `lesions` cannot be read.
    """
    if COLUMN in cohort.attributes:
        return tuple(_marks(text.strip().lower()) for text in cohort.attributes[COLUMN])
    labels = cohort.attributes.get("label", ("",) * len(cohort))
    return tuple(Marks(text.strip().lower() in NORMAL_LABELS if text.strip() else None) for text in labels)


def _marks(text: str) -> Marks:
    if not text:
        return Marks(None)
    if text in FREE | SOME:
        return Marks(text in FREE)
    try:
        places = tuple(_place(part) for part in text.split(";") if part.strip())
    except ValueError:
        raise MetadataError(
            "lesions must be none, yes, or 'x y r' in image widths with ; between, found something else"
        ) from None
    return Marks(False, places)


def _place(text: str) -> Place:
    x, y, radius = (float(number) for number in text.split())
    if not (0 <= x <= 1 and 0 <= y <= 1 and 0 < radius <= 1):
        raise ValueError
    return x, y, radius

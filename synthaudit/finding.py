"""What a probe answers: measures with their uncertainty, the patients exposed, and the charts that show it.

Everything here is frozen data. `Measure`, `Chart` and the sentences are public: they travel in `evidence.json`.
`Exposure`, `Pair`, `Withheld` and `Doubtful` name patients and files: they are written below `restricted/` only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Role


class Assumption(StrEnum):
    """What a number rests on."""

    EXACT = "exact"
    """Exchangeability of training and holdout patients, and nothing else."""
    MODEL_ASSISTED = "model-assisted"
    """A fitted model besides: a tail, a normal margin, a resampling scheme."""
    UNCALIBRATED = "uncalibrated"
    """No null to compare with: a description, not a test."""


class Direction(StrEnum):
    """Which way a measure is bad."""

    HIGHER_IS_WORSE = "higher is worse"
    LOWER_IS_WORSE = "lower is worse"
    NEUTRAL = "neutral"


class Kind(StrEnum):
    """The two kinds of evidence (never mixed, always named)."""

    DIRECT = "direct"
    """A registered pair so alike that no two different patients in the real data come near it."""
    STATISTICAL = "statistical"
    """An error rate under a stated assumption."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with everything needed to believe it or not.

    Attributes:
        name: Snake case, unique within its finding; a variant follows in brackets: `sensitivity[flip]`.
        value: The estimate; None if it could not be measured (`not_measured` then says why).
        low, high: The interval at `level`; None where none exists.
        level: Confidence of the interval, in (0, 1).
        n_patients, n_images: What the number was computed from.
        floor: The same measure with the holdout in place of the synthetic images, where that exists.
        p_value: Of the stated null, where one is tested.
        unit: "patients", "images", "share", ... ; empty for pure numbers.
        note: One sentence: how it was measured, and what it is not.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n_patients: int = 0
    n_images: int = 0
    floor: float | None = None
    p_value: float | None = None
    unit: str = ""
    direction: Direction = Direction.NEUTRAL
    assumption: Assumption = Assumption.UNCALIBRATED
    note: str = ""
    not_measured: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.not_measured is not None):
            raise ValueError(f"measure {self.name} must have either a value or a reason for having none")


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two images side by side, for the restricted annex.

    Attributes:
        synthetic, real, registered, difference: (h, w) uint8, all of one shape; `registered` is the real image
            brought onto the synthetic one, `difference` the absolute difference of the two, in gray values.
        transform: How the two were brought together, in words: "mirrored, rotated by 4 degrees".
        similarity, threshold: Of the registered pair, and what was asked for; both in [-1, 1].
        region: (left, top, right, bottom) of the part that is alike, in pixels of `synthetic` and `registered`, right
            and bottom just beyond it; None where the whole images were compared.
    """

    synthetic: NDArray[np.uint8]
    real: NDArray[np.uint8]
    registered: NDArray[np.uint8]
    difference: NDArray[np.uint8]
    transform: str
    similarity: float
    threshold: float
    region: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """One patient, and the synthetic image that exposes them. Restricted.

    Attributes:
        score: Higher means more exposed; comparable within one probe and encoder only.
        flagged: Whether the stated error rate allows to name this patient.
    """

    patient_id: str
    role: Role
    real_image: str
    synthetic_image: str
    probe: str
    encoder: str
    score: float
    p_value: float | None
    q_value: float | None
    kind: Kind
    flagged: bool
    pair: Pair | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """One synthetic image that should not be released, and why. Restricted."""

    synthetic_image: str
    probe: str
    kind: Kind
    score: float
    q_value: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Unsupported:
    """Where an image shows what no real image does, for the restricted annex.

    Attributes:
        image: (s, s) uint8, the synthetic image.
        map: (t, t) uint8 over the same square; 0 where real images support what is seen, 255 where by far none does.
        peak: (x, y) where the map is highest, as shares of the side, from left and top.
        nearest: The nearest real images, nearest first, (s, s) uint8 each.
        nearest_names: What they are called.
    """

    image: NDArray[np.uint8]
    map: NDArray[np.uint8]
    peak: tuple[float, float]
    nearest: tuple[NDArray[np.uint8], ...]
    nearest_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Doubtful:
    """How unusual one synthetic image is among real ones. Restricted.

    Attributes:
        score: 0 for a usual real image, 1 for what one real image in twenty exceeds; higher is more unusual.
        reason: What makes it so: "a part", "throughout" or "as a whole".
        realism: Realism score; below 1 the image lies beyond the reach of every real image.
        area: Share of the image that no real image supports.
        p_value, q_value: Of an image as unusual among real ones; for naming it at a false discovery rate.
        to_look_at: Whether a reader should look at it.
        nearest_real: Name of the real image nearest to it.
    """

    synthetic_image: str
    score: float
    reason: str
    realism: float
    area: float
    p_value: float
    q_value: float
    to_look_at: bool
    nearest_real: str
    shown: Unsupported | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HeaderIssue:
    """What one synthetic file says and should not, or says as a patient's file does. Restricted.

    Attributes:
        file: Its name.
        where: Place in the file: a tag with the sequences around it, a chunk, pixels. Never the value.
        check: What it is about: "unique ids", "burned-in text", ...
        objection: Why it may not stand there.
        carried_over_from: "train" or "holdout" where a real patient's file says the same, else "".
        patients: Whose, if so.
        p_value: Of agreement by chance; None where the value is unique, or nothing agrees.
        digest: First signs of a keyed digest of the value, to see what is equal.
        crop: (h, w) uint8 of the image, where text is burned in.
    """

    file: str
    where: str
    check: str
    objection: str
    carried_over_from: str = ""
    patients: tuple[str, ...] = ()
    p_value: float | None = None
    digest: str = ""
    crop: NDArray[np.uint8] | None = None


class ChartKind(StrEnum):
    """How a chart is drawn."""

    HISTOGRAM = "histogram"
    """x: left edges of bins of equal width; y: counts. Bins of 1 to 9 are already masked as 'under 10'."""
    INTERVALS = "intervals"
    """x: category names; y: value, with low and high."""
    LINES = "lines"
    """x: numbers; y: numbers, optionally with low and high."""
    GRID = "grid"
    """A row of cells for each series: x names the cells, mildest first; y: shares in [0, 1], with low and high."""
    PANELS = "panels"
    """A small plot for each series, all on one scale: x names the steps, mildest first; y: counts of at least 1, with
    low and high; not finite where no number was enough."""
    ROC = "roc"
    """x: false, y: true positive rates in [0, 1], both drawn on logarithmic axes beside the diagonal of guessing; the
    axes begin at the least x above 0."""


@dataclass(frozen=True, slots=True)
class Series:
    """One set of points of a chart; `x` holds names for INTERVALS, GRID and PANELS, numbers otherwise."""

    name: str
    x: tuple[float, ...] | tuple[str, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture in numbers: the report draws it, and computes nothing."""

    name: str
    title: str
    kind: ChartKind
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    caption: str = ""
    marker: float | None = None
    """A vertical line (a threshold) at this x; for INTERVALS a horizontal scale position."""
    marker_label: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe answers.

    Attributes:
        answer: The answer in one plain sentence, without patient or file names.
        limits: What this probe cannot see, one sentence each.
        not_run: Why the probe did not run; None if it did. A probe that did not run never passes.
    """

    probe: str
    question: str
    answer: str
    measures: tuple[Measure, ...] = ()
    charts: tuple[Chart, ...] = ()
    limits: tuple[str, ...] = ()
    not_run: str | None = None
    exposures: tuple[Exposure, ...] = field(default=(), repr=False)
    withheld: tuple[Withheld, ...] = field(default=(), repr=False)
    header_issues: tuple[HeaderIssue, ...] = field(default=(), repr=False)
    doubtful: tuple[Doubtful, ...] = field(default=(), repr=False)

    def measure(self, name: str) -> Measure | None:
        """The measure of that name, or None."""
        return next((m for m in self.measures if m.name == name), None)

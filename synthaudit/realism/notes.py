"""What each measure of realism and variety is, and what it is not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from synthaudit.finding import Direction

NO_PRIVACY = "A small one is no proof of privacy: copies of the training images have the smallest of all."


class Asks(StrEnum):
    """What a measure is asked for, and which way it answers."""

    FAR = "far"
    """Realism; a sample of something else lies higher."""
    INSIDE = "inside"
    """Realism; a sample of something else lies lower."""
    COVERS = "covers"
    """Variety; what varies less lies lower. What lies higher is closer to the training images, and varies no more."""
    REACHES = "reaches"
    """Variety; what varies less lies lower. Nothing follows from what lies higher: scattered nonsense reaches far."""
    VARIED = "varied"
    """Variety; what varies more lies higher."""
    ALIKE = "alike"
    """Variety; what varies more lies lower."""
    NOTHING = "nothing"
    """Reported, and part of no decision: another measure decides of the same."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a measure before it is computed.

    Attributes:
        asks: Which decision it is part of.
        label: In a chart.
        note: How it is measured, and what it is not.
    """

    asks: Asks
    label: str
    direction: Direction
    note: str
    unit: str = ""


_WORSE_HIGH, _WORSE_LOW, _NEUTRAL = Direction.HIGHER_IS_WORSE, Direction.LOWER_IS_WORSE, Direction.NEUTRAL

ABOUT: dict[str, About] = {
    "frechet": About(
        Asks.NOTHING,
        "Fréchet distance",
        _WORSE_HIGH,
        "Squared Frechet distance to the training images in all dimensions of the encoder, whose vectors have unit "
        "length: with Inception that is not the FID of papers, which takes its activations as they are. " + NO_PRIVACY,
    ),
    "frechet_infinity": About(
        Asks.NOTHING,
        "Fréchet distance, extrapolated",
        _WORSE_HIGH,
        "The same, extrapolated in 1/n to infinitely many images (Chong and Forsyth 2020); below 0 where there is "
        "next to none. " + NO_PRIVACY,
    ),
    "frechet_pca32": About(
        Asks.FAR,
        "Fréchet distance, 32 components",
        _WORSE_HIGH,
        "Squared Frechet distance along the first 32 principal components of all images compared, for samples too "
        "small for all dimensions. It is not the Frechet distance of that encoder, and compares with another audit's "
        "by way of its floor only. " + NO_PRIVACY,
    ),
    "frechet_pca32_infinity": About(
        Asks.NOTHING,
        "The same, extrapolated",
        _WORSE_HIGH,
        "The same, extrapolated in 1/n to infinitely many images. " + NO_PRIVACY,
    ),
    "kid": About(
        Asks.FAR,
        "Kernel distance (KID)",
        _WORSE_HIGH,
        "Unbiased squared kernel distance, kernel (cosine + 1)^3: the cubic kernel of KID on vectors of length "
        "sqrt(d), so not the figure of papers, which takes activations as they are; 0 on average where nothing "
        "differs. " + NO_PRIVACY,
    ),
    "cmmd": About(
        Asks.NOTHING,
        "Kernel distance (CMMD)",
        _WORSE_HIGH,
        "1,000 times the squared kernel distance, Gaussian kernel of width 10, as in CMMD (there with CLIP); biased, "
        "so not 0 for two real samples. " + NO_PRIVACY,
    ),
    "precision": About(
        Asks.INSIDE,
        "Precision",
        _WORSE_LOW,
        "Synthetic images within reach of a training image: no further than its fifth nearest image of other "
        "patients. A generator that makes few images again and again has a high one.",
        "share",
    ),
    "density": About(
        Asks.INSIDE,
        "Density",
        _WORSE_LOW,
        "Training images within whose reach a synthetic one lies, over 5; it may exceed 1. A generator that makes "
        "typical images only has a high one.",
    ),
    "recall": About(
        Asks.REACHES,
        "Recall",
        _WORSE_LOW,
        "Training images within reach of a synthetic one: no further than its fifth nearest synthetic image. Scattered "
        "nonsense reaches far, so read it beside precision.",
        "share",
    ),
    "coverage": About(
        Asks.COVERS,
        "Coverage",
        _WORSE_LOW,
        "Training images that have a synthetic one within their reach. It grows with the number of images, so the "
        "floor has as many.",
        "share",
    ),
    "novelty": About(
        Asks.NOTHING,
        "Novelty",
        _NEUTRAL,
        "Synthetic images that have no training image within their reach: kinds of images that were not trained on, "
        "be they invention or error.",
        "share",
    ),
    "vendi": About(
        Asks.VARIED,
        "Vendi score",
        _NEUTRAL,
        "How many different images the synthetic ones amount to (Friedman and Dieng 2022); floor: as many training "
        "images of different patients. It grows with n, and noise has the largest of all.",
        "images",
    ),
    "radiomics_frechet": About(
        Asks.FAR,
        "Radiomics (log Fréchet distance)",
        _WORSE_HIGH,
        "Natural logarithm of the Frechet distance (not squared, as in Konz et al.; their program takes that of the "
        "squared) of 30 features of whole images: 14 first-order ones, 8 of gray-level co-occurrence at each of two "
        "scales, standardized by all images compared. FRD has some 464 features of PyRadiomics, so the figures do not "
        "compare. " + NO_PRIVACY,
    ),
    "spectrum": About(
        Asks.FAR,
        "Spectrum",
        _WORSE_HIGH,
        "Difference of mean log power from that of the training images, root mean square over 16 bands from coarse to "
        "fine, in the middle of the image at full resolution. It knows nothing of where things are.",
        "dB",
    ),
    "checkerboard": About(
        Asks.FAR,
        "Checkerboard",
        _WORSE_HIGH,
        "Largest peak or gap at a quarter or half of a cycle a pixel, over what training images have there: the mark "
        "of layers that enlarge by two or four. Saving with compression, or resizing, leaves such marks, too.",
        "dB",
    ),
    "ms_ssim": About(
        Asks.ALIKE,
        "Likeness of pairs (MS-SSIM)",
        _NEUTRAL,
        "How alike two different synthetic images are on average (multi-scale structural similarity); floor: two "
        "training images of different patients. Higher means less variety; it compares pixels in place.",
    ),
}

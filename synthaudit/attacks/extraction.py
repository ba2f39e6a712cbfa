"""Take training images out of a generator: make many images, see which it makes again and again, look those up.

A generator that learned a population makes every image once. What it makes over and over, with little between one time
and the next, it has by heart; so images are gathered that are mutually closer than images of different people are, and
the middle one of each gathering is looked up among the real images, by the search and the bar of the probe `copies`.

Differences from the paper: the bar for "close" is read off the real images instead of set by hand, and two close images
are enough, because what is close is put to the test afterwards.

Reference: Carlini et al. 2023, "Extracting training data from diffusion models", arXiv:2301.13188.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.attacks.images import display_images
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Generator
from synthaudit.matching.pool import Pool
from synthaudit.pixels import canvas
from synthaudit.progress import Progress

FOR_EACH_IMAGE, MOST = 4, 4_096
"""Images made by default: so many for each training image, and no more than this."""

BLOCK = 256
"""Images made at a time; each block has a seed of its own."""

SIDE, TILES = 32, 4
"""Images are compared on canvases of this side, tile by tile, so many on a side (the paper's patches)."""

SMALLEST_CLIQUE = 2
"""Images that must be mutually close."""

REAL_COMPARED = 1_000
"""Real images from which it is learned how close different people come."""

CLOSE = 0.5
"""Of the distance at which a real image usually has its nearest image of another patient."""

Floats = NDArray[np.float32]


def make_many(generator: Generator, n: int, seed: int, progress: Progress) -> Floats:
    """(n, h, w) images in [0, 1]; with the same seed, more images are the same ones and others.

    Raises:
        NotEnoughData: The generator makes volumes, or nothing as it is.
    """
    blocks = []
    for start in progress.track(range(0, n, BLOCK), "making images", -(-n // BLOCK)):
        own = int(np.random.SeedSequence([seed, start]).generate_state(1)[0])
        try:
            made = generator.sample(min(BLOCK, n - start), own)
        except UsageError as error:
            raise NotEnoughData(f"images have to be made, and the generator refuses: {error}") from error
        if made.ndim != 3:
            raise NotEnoughData("extraction looks up images, and this generator makes volumes")
        blocks.append(display_images(made, generator.spec))
    return np.concatenate(blocks)


def apart(a: Floats, b: Floats) -> Floats:
    """(n, m) distances: the greatest over tiles of the root mean squared difference, so that all tiles must agree.

    Args:
        a, b: (n, t, d) and (m, t, d) tiles from `tiles`.
    """
    greatest = np.zeros((len(a), len(b)), dtype=np.float32)
    for tile in range(a.shape[1]):
        p, q = a[:, tile], b[:, tile]
        squared = (p**2).sum(axis=1)[:, None] + (q**2).sum(axis=1) - 2 * p @ q.T
        np.maximum(greatest, squared / p.shape[1], out=greatest)
    return np.sqrt(greatest)


def tiles(images: list[Floats]) -> Floats:
    """(n, 16, 64) float32 tiles of images on small canvases."""
    small = np.stack([canvas(image, SIDE) for image in images])
    step = SIDE // TILES
    cut = small.reshape(len(small), TILES, step, TILES, step).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(cut.reshape(len(small), TILES * TILES, step * step))


def closeness_bar(pool: Pool) -> float:
    """Half of the distance at which a real image usually has its nearest image of another patient; knows no side.

    The median, not an extreme: one picture filed under two patients must not set it.

    Raises:
        NotEnoughData: Fewer than 2 patients.
    """
    rows = np.arange(len(pool))[:: -(-len(pool) // REAL_COMPARED)]
    patient = pool.patient[rows]
    if len(np.unique(patient)) < 2:
        raise NotEnoughData("extraction needs real images of at least 2 patients to know how close two people come")
    looks = tiles([pool.read(int(row)) for row in rows])
    distance = np.where(patient[:, None] == patient[None, :], np.inf, apart(looks, looks))
    return CLOSE * float(np.median(distance.min(axis=1)))


@dataclass(frozen=True, slots=True)
class Clique:
    """Images made that are mutually close: the row of the middle one, and how many they are."""

    medoid: int
    size: int


def cliques(distance: Floats, bar: float, smallest: int = SMALLEST_CLIQUE) -> list[Clique]:
    """Cliques of close images, the largest first; no image is in two, nor close to the middle one of another.

    Finding the largest clique is hard; here each image in turn, the one with most close ones first, takes those that
    are close to all it has taken, the closest first.

    Args:
        distance: (n, n) symmetric.
        bar: Images closer than this are close.
        smallest: Images in a clique at least.
    """
    close = distance < bar
    np.fill_diagonal(close, val=False)
    free = np.ones(len(close), dtype=bool)
    found = []
    for row in np.argsort(-close.sum(axis=1), kind="stable"):
        if not free[row]:
            continue
        members = [int(row)]
        near = np.flatnonzero(close[row] & free)
        for other in near[np.argsort(distance[row, near], kind="stable")]:
            if close[other, members].all():
                members.append(int(other))
        if len(members) < smallest:
            continue
        medoid = members[int(distance[np.ix_(members, members)].sum(axis=1).argmin())]
        free[members] = False
        free[close[medoid]] = False
        found.append(Clique(medoid, len(members)))
    return sorted(found, key=lambda one: (-one.size, one.medoid))


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """What was made, and what of it is looked up.

    Attributes:
        n_made: Images made.
        n_cliques: Cliques among them.
        largest: Images in the largest clique; 0 if there is none.
        medoids: The middle images looked up, as a synthetic cohort; the largest cliques first.
    """

    n_made: int
    n_cliques: int
    largest: int
    medoids: Cohort


def extract(generator: Generator, pool: Pool, n: int, seed: int, most: int, progress: Progress) -> Extracted:
    """Make `n` images and find those that the generator makes again and again.

    Args:
        generator: Under audit.
        pool: All real images; they set the bar for "close", whichever side they are on.
        n: Images to make.
        seed: Of the images.
        most: Middle images to look up at most.
        progress: Told about each block.
    """
    bar = closeness_bar(pool)
    made = make_many(generator, n, seed, progress)
    looks = tiles(list(made))
    found = cliques(apart(looks, looks), bar)
    largest = found[0].size if found else 0
    chosen = found[:most]
    cohort = images_cohort(Role.SYNTHETIC, made[[one.medoid for one in chosen]])
    return Extracted(n, len(found), largest, cohort)

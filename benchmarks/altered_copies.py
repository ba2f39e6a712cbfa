"""Real patients in two halves, altered copies of ten of them, and whom the rules in use elsewhere name.

One half of the patients, by a hash of their id, is for tuning; the other for tables. The images of the half that is not
audited stand in for what an honest generator makes: they show other people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from synthaudit import Cohort, NotEnoughData, PixelEncoder, Role
from synthaudit.canaries import alterations as alter
from synthaudit.embed import embed
from synthaudit.embedding_cache import EmbeddingCache
from synthaudit.generators.made import ArrayImage
from synthaudit.index.exact import top_k
from synthaudit.index.nearness import nearness
from synthaudit.matching.memo import Memo
from synthaudit.pixels import canvas
from synthaudit.readers.scan import pixel_digest
from synthaudit.statistics.peer_rules import PEER_RULES

Image = NDArray[np.float32]
Alteration = Callable[[Image, Image, np.random.Generator], Image]
"""(image, another patient's image, random numbers) -> the altered copy."""

LARGEST_COPY = 512
STAND_IN_SHARE = 2 / 3
"""Share of the other half's patients who stand in for synthetic images, drawn anew for each seed."""
SSIM_PX, SSIM_CANDIDATES, FIXED_SSIM = 64, 5, 0.75


def _flip_and_crop(image: Image, _: Image, rng: np.random.Generator) -> Image:
    return alter.crop(alter.flip(image, rng), rng, 0.88)


def _re_lit_and_compressed(image: Image, _: Image, rng: np.random.Generator) -> Image:
    return alter.jpeg(alter.gamma(image, rng, 1.5), rng, 15)


ALTERATIONS: Mapping[str, Alteration] = {
    "plain": lambda image, _, rng: image,  # noqa: ARG005
    "noise .08": lambda image, _, rng: alter.noise(image, rng, 0.08),
    "blur 1/128": lambda image, _, rng: alter.blur(image, rng, 1 / 128),
    "gamma 1.5": lambda image, _, rng: alter.gamma(image, rng, 1.5),
    "JPEG 15": lambda image, _, rng: alter.jpeg(image, rng, 15),
    "low rank 24": lambda image, _, rng: alter.low_rank(image, rng, 24),
    "flip": lambda image, _, rng: alter.flip(image, rng),
    "rotation 4-8 degrees": lambda image, _, rng: alter.rotation(image, rng, float(rng.uniform(4, 8))),
    "crop .80-.88": lambda image, _, rng: alter.crop(image, rng, float(rng.uniform(0.80, 0.88))),
    "elastic 2 %": lambda image, _, rng: alter.elastic(image, rng, 0.02),
    "blend .3": lambda image, other, rng: alter.blend(image, other, rng, 0.3),
    "blend .5": lambda image, other, rng: alter.blend(image, other, rng, 0.5),
    "region 36 %": lambda image, other, rng: alter.region(image, other, rng, 0.36),
    "flip + crop .88": _flip_and_crop,
    "gamma 1.5 + JPEG 15": _re_lit_and_compressed,
    "five mild changes": lambda image, _, rng: alter.combination(image, rng, 1.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class EightBit:
    """An image in memory, decoded once for all audits: 8 bits a pixel, as most files hold them."""

    pixels: NDArray[np.uint8]

    def read(self) -> Image:
        """(h, w) or (h, w, 3) float32 in [0, 1]."""
        return self.pixels.astype(np.float32) / np.float32(255)


def in_memory(cohort: Cohort) -> Cohort:
    """The cohort, decoded; images that 8 bits do not hold exactly stay as they are."""
    sources: list[EightBit | ArrayImage] = []
    for source in cohort.sources:
        image = source.read()
        held = EightBit(np.round(255 * image).astype(np.uint8))
        sources.append(held if np.array_equal(held.read(), image) else ArrayImage(image))
    return replace(cohort, sources=tuple(sources))


@dataclass(frozen=True, eq=False)
class Scene:
    """What one audit is given, and the truth: `copied` are the patients in `synthetic`."""

    train: Cohort
    holdout: Cohort
    synthetic: Cohort
    copied: frozenset[str] = frozenset()


def for_tuning(patient: str) -> bool:
    """Whether a patient belongs to the half that may be looked at while the method is made."""
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % 2 == 0


def scene(cohort: Cohort, half: str, seed: int) -> Scene:
    """The audited half split by patient in two, beside other people: nobody is copied yet.

    Args:
        half: "table", or "tune" for the half that may be tuned on.
    """
    rng = np.random.default_rng([seed, 11])
    audited = [p for p in cohort.patient_ids if for_tuning(p) == (half == "tune")]
    others = [p for p in cohort.patient_ids if for_tuning(p) != (half == "tune")]
    dealt, stand_in = rng.permutation(np.array(audited)), rng.permutation(np.array(others))
    middle = len(dealt) // 2
    return Scene(
        _of(cohort, dealt[:middle], Role.TRAIN),
        _of(cohort, dealt[middle:], Role.HOLDOUT),
        _of(cohort, stand_in[: round(STAND_IN_SHARE * len(stand_in))], Role.SYNTHETIC),
    )


def _of(cohort: Cohort, patients: NDArray[np.str_], role: Role) -> Cohort:
    chosen = set(patients.tolist())
    mine = cohort.subset([i for i, p in enumerate(cohort.patients) if p in chosen])
    # Single images are planted here, so volumes, where the files tell of any, take no part.
    return replace(mine, role=role, attributes={}, volumes=(), positions=())


def with_copies(given: Scene, alteration: str, n: int, seed: int) -> Scene:
    """One altered image of each of `n` training patients among the synthetic ones, in 8 bits as a file holds them."""
    rng = np.random.default_rng([seed, 13])  # the same patients and images whatever the alteration
    train, synthetic = given.train, given.synthetic
    chosen = rng.choice(np.array(train.patient_ids), n, replace=False)
    rows = [int(rng.choice([i for i, p in enumerate(train.patients) if p == patient])) for patient in chosen]
    partners = rng.choice(len(synthetic), n, replace=False)
    made = []
    for row, partner in zip(rows, partners, strict=True):
        image = train.sources[row].read()
        side = min(LARGEST_COPY, max(image.shape[:2]))
        other = synthetic.sources[int(partner)].read()
        square, other = (canvas(one, side, 3 if image.ndim == 3 else 1) for one in (image, other))
        drawn = np.random.default_rng([seed, row, *alteration.encode()])
        altered = ALTERATIONS[alteration](square, other, drawn)
        made.append(np.asarray(np.round(255 * np.clip(altered, 0, 1)) / 255, dtype=np.float32))
    more = replace(
        synthetic,
        names=(*synthetic.names, *(f"planted/{i:03d}.png" for i in range(n))),
        sources=(*synthetic.sources, *(ArrayImage(image) for image in made)),
        patients=(*synthetic.patients, *(f"planted/{i:03d}" for i in range(n))),
        known_patient=np.append(synthetic.known_patient, np.zeros(n, dtype=bool)),
        pixel_digests=(*synthetic.pixel_digests, *map(pixel_digest, made)),
    )
    return replace(given, synthetic=more, copied=frozenset(chosen.tolist()))


def named_by_peers(given: Scene, encoder: PixelEncoder, cache: EmbeddingCache, memo: Memo) -> dict[str, set[str]]:
    """Rule -> training patients named by it, on the embeddings of this encoder; rules that cannot say are left out."""
    train, holdout, synthetic = (
        embed(cohort, encoder, cache=cache).vectors for cohort in (given.train, given.holdout, given.synthetic)
    )
    near = nearness(train, holdout, synthetic)
    named = {}
    for name, rule in PEER_RULES.items():
        try:
            flagged = rule(near).train
        except NotEnoughData:
            continue
        named[name] = {given.train.patients[i] for i in np.flatnonzero(flagged)}
    found = top_k(synthetic, train, min(SSIM_CANDIDATES, len(train)))
    named["fixed-ssim"] = {
        given.train.patients[row]
        for i, rows in enumerate(found.ids)
        for row in map(int, rows)
        if _ssim_of(given, i, row, memo) > FIXED_SSIM
    }
    return named


def _ssim_of(given: Scene, synthetic: int, train: int, memo: Memo) -> float:
    def small(cohort: Cohort, i: int) -> Image:
        return memo.once(("small", cohort.pixel_digests[i]), lambda: canvas(cohort.sources[i].read(), SSIM_PX))

    pair = (given.synthetic.pixel_digests[synthetic], given.train.pixel_digests[train])
    return memo.once(("ssim", *pair), lambda: ssim(small(given.synthetic, synthetic), small(given.train, train)))


def ssim(a: Image, b: Image) -> float:
    """Structural similarity of two images in [0, 1], Gaussian window of 11 x 11, sigma 1.5 (Wang et al. 2004)."""

    def local(image: Image) -> Image:
        return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5), dtype=np.float32)

    mean_a, mean_b = local(a), local(b)
    var_a, var_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
    both = local(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return float((luminance * (2 * both + c2) / (var_a + var_b + c2)).mean())

"""What a probe is, and all that it may look at."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np

from synthaudit.cohort import Cohort, Role
from synthaudit.embeddings import Embeddings, PixelEncoder
from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.finding import Finding
from synthaudit.headers.read import Headers, cohort_headers
from synthaudit.matching.lookup import Query
from synthaudit.matching.matcher import Matcher, Matches
from synthaudit.matching.pool import Pool
from synthaudit.matching.strangers import Strangers, find_strangers
from synthaudit.progress import Progress
from synthaudit.provenance import secret_key

if TYPE_CHECKING:
    from synthaudit.generators.protocol import Generator

T = TypeVar("T")


class Need(StrEnum):
    """What a probe cannot do without."""

    HOLDOUT = "a holdout: real images of other patients, from the same source, that the generator never saw"
    PIXEL_ENCODER = "an encoder that can be shown new images (precomputed vectors cannot)"
    GENERATOR = "the generator itself, not only its samples"


@dataclass(frozen=True, slots=True)
class Settings:
    """The error rates and sizes that the probes share; every one is printed in the report.

    Attributes:
        false_discovery_rate: Expected share of wrongly named patients among those named.
        family_wise_error: Probability that any patient is wrongly confirmed; a FAIL rests on this.
        relabelings: Of the permutation test.
        bootstraps: Over which decisions are repeated.
        planted_patients: Training patients whose copies are planted, for each transform at its reference strength.
        planted_decoys: Holdout patients planted as negative controls, for each transform at its reference strength.
        planted_per_strength: Training patients planted at each further strength; 0 leaves those out.
        noise_levels: Noise levels (or what a generator has instead) at which it is asked how well it knows an image.
        reference_models: Models trained anew to compare the generator with; 0 leaves out the attacks that need them.
        reference_steps: Training steps of each.
        extracted_images: Images made to look for patients in them; 0 makes four for each training image, at most 4,096.
    """

    false_discovery_rate: float = 0.10
    family_wise_error: float = 0.001
    relabelings: int = 9_999
    bootstraps: int = 20
    planted_patients: int = 20
    planted_decoys: int = 8
    planted_per_strength: int = 8
    noise_levels: int = 8
    reference_models: int = 0
    reference_steps: int = 600
    extracted_images: int = 0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("relabelings", self.relabelings, 99),
            ("bootstraps", self.bootstraps, 1),
            ("planted_patients", self.planted_patients, 1),
            ("planted_decoys", self.planted_decoys, 0),
            ("planted_per_strength", self.planted_per_strength, 0),
            ("noise_levels", self.noise_levels, 1),
            ("reference_models", self.reference_models, 0),
            ("reference_steps", self.reference_steps, 1),
            ("extracted_images", self.extracted_images, 0),
        ):
            if value < least:
                raise UsageError(f"{name} must be at least {least}, got {value}")
        for name, share in (
            ("false_discovery_rate", self.false_discovery_rate),
            ("family_wise_error", self.family_wise_error),
        ):
            if not 0 < share < 1:
                raise UsageError(f"{name} must lie between 0 and 1, got {share}")


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a probe may look at. What several probes need is computed once, when first asked for.

    Attributes:
        embeddings: Encoder name -> role -> vectors.
        generator: The generator itself; None where only its samples were given.
        folder: Where what takes long to make may be kept for the next audit; None keeps nothing.
    """

    train: Cohort
    holdout: Cohort | None
    synthetic: Cohort
    reference: Cohort | None
    embeddings: Mapping[str, Mapping[Role, Embeddings]]
    pool: Pool
    matcher: Matcher
    settings: Settings
    seed: int
    workers: int
    progress: Progress
    generator: Generator | None = None
    folder: Path | None = None
    _memo: dict[str, Any] = field(default_factory=dict, repr=False)

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator of random numbers that depends on the audit's seed and on its purpose only."""
        digest = hashlib.sha256(purpose.encode()).digest()
        return np.random.default_rng([self.seed, int.from_bytes(digest[:8], "little")])

    def once(self, key: str, make: Callable[[], T]) -> T:
        """The value of `make()`, computed at the first call with this key and shared by all probes."""
        if key not in self._memo:
            self._memo[key] = make()
        value: T = self._memo[key]
        return value

    def headers(self, role: Role) -> Headers | None:
        """What the files of that role say beside their pixels, as keyed digests; None where there is no such cohort.

        Synthetic files are read to their end, real ones as far as they can be compared.
        """
        cohort = {
            Role.TRAIN: self.train,
            Role.HOLDOUT: self.holdout,
            Role.SYNTHETIC: self.synthetic,
            Role.REFERENCE: self.reference,
        }[role]
        if cohort is None:
            return None
        key, whole = self.once("secret key", secret_key), role is Role.SYNTHETIC
        return self.once(
            f"headers {role}",
            lambda: cohort_headers(cohort, key, whole=whole, workers=self.workers, progress=self.progress),
        )

    @property
    def encoder_names(self) -> str:
        """The encoders in use, joined by " + "."""
        return " + ".join(space.encoder.name for space in self.matcher.spaces)

    @cached_property
    def can_embed(self) -> bool:
        """Whether every encoder can be shown new images."""
        return all(isinstance(space.encoder, PixelEncoder) for space in self.matcher.spaces)

    def _find_strangers(self) -> Strangers | NotEnoughData:
        """The strangers, or why there are too few: looked for once either way."""
        try:
            return find_strangers(self.matcher, n_queries=len(self.synthetic), rng=self.rng("strangers"))
        except NotEnoughData as error:
            return error

    @property
    def strangers(self) -> Strangers:
        """How alike two different people look on these images.

        Raises:
            NotEnoughData: Too few real images to know.
        """
        found = self.once("strangers", self._find_strangers)
        if isinstance(found, NotEnoughData):
            raise found
        return found

    @cached_property
    def synthetic_matches(self) -> Matches:
        """Every synthetic image, looked up among the real ones."""
        vectors = {name: by_role[Role.SYNTHETIC].vectors for name, by_role in self.embeddings.items()}
        queries = (
            Query(
                source.read,
                vectors={name: rows[i] for name, rows in vectors.items()},
                digest=self.synthetic.pixel_digests[i],
            )
            for i, source in enumerate(self.synthetic.sources)
        )
        return self.matcher.match(queries, stage="synthetic images", total=len(self.synthetic))


@runtime_checkable
class Probe(Protocol):
    """One question. Installed under the entry point group `synthaudit.probes`.

    Attributes:
        name: What `--probe` and the policies call it.
        question: What it answers, for a clinician.
        needs: Without these it is not run, and the report says why.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    needs: ClassVar[frozenset[Need]]

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:
        """The answer.

        Raises:
            NotEnoughData: Nothing can be said from so little; the engine reports it as not run.
        """
        ...

"""An encoder that must be fitted sees all real images of an audit, nothing synthetic, and no roles."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from synthaudit import audit
from synthaudit.cohort import Role
from synthaudit.embeddings import PixelEncoder, RealImages, UnfittedEncoder
from synthaudit.encoders.copy_network import CopyNetworkToFit
from synthaudit.encoders.copy_network_model import Architecture
from synthaudit.encoders.copy_network_training import Recipe
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.finding import Finding
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Evidence, Need
from synthaudit.progress import Progress

CHEST = ChestPopulation(seed=8, size=64)
TRAIN = CHEST.cohort(Role.TRAIN, range(12))
HOLDOUT = CHEST.cohort(Role.HOLDOUT, range(100, 112))
SYNTHETIC = CHEST.cohort(Role.SYNTHETIC, [500, 3])


@dataclass(frozen=True)
class Asks:
    """A probe that only says which encoders there were."""

    name: ClassVar[str] = "asks"
    question: ClassVar[str] = "Which encoders?"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, evidence: Evidence, rng: np.random.Generator) -> Finding:  # noqa: ARG002
        return Finding(self.name, self.question, evidence.encoder_names)


@dataclass
class Watching:
    """An encoder to be fitted that keeps what it was given."""

    name: str = "watching"
    given: list[RealImages] = field(default_factory=list)

    def fitted(
        self, images: RealImages, *, seed: int, folder: Path | None, workers: int, progress: Progress
    ) -> PixelEncoder:
        assert (seed, folder, workers) == (4, None, 2)
        assert isinstance(progress, Progress)
        self.given.append(images)
        return Descriptor()


def test_it_is_given_the_real_images_in_an_order_that_knows_no_side() -> None:
    watching = Watching()
    assert isinstance(watching, UnfittedEncoder)
    audit(
        train=TRAIN,
        holdout=HOLDOUT,
        synthetic=SYNTHETIC,
        encoders=[watching],
        probes=[Asks()],
        cache=False,
        seed=4,
        workers=2,
    )
    (images,) = watching.given
    assert list(images.digests) == sorted(TRAIN.pixel_digests + HOLDOUT.pixel_digests)
    assert images.patients.tolist() == list(range(24))
    row = images.digests.index(HOLDOUT.pixel_digests[5])
    np.testing.assert_array_equal(images.read(row), HOLDOUT.sources[5].read())


def test_an_audit_fits_a_copy_network_and_names_it(tmp_path: Path) -> None:
    from synthaudit.embedding_cache import EmbeddingCache

    recipe = Recipe(sizes=Architecture(side=32, hidden=8, dim=8), steps=2, batch=8)
    made = audit(
        train=TRAIN,
        holdout=HOLDOUT,
        synthetic=SYNTHETIC,
        encoders=["descriptor", CopyNetworkToFit(recipe)],
        probes=[Asks()],
        cache=EmbeddingCache(tmp_path),
        workers=1,
    )
    assert [encoder.name for encoder in made.encoders] == ["descriptor", "copynet"]
    assert made.findings[0].answer == "descriptor + copynet"
    assert made.encoders[1].dim == 8
    assert len(list((tmp_path / "copy-networks-v1").glob("*.safetensors"))) == 1
    assert any(stage.startswith("fit copy network") for stage in made.provenance.stages)

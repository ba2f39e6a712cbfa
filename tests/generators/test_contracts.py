"""What every registered kind of generator promises, whoever wrote it; fits too short for anything to be learned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import registry
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import UsageError
from synthaudit.generators.checkpoint import CARD, load_card
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget, Capability, Generator, Trainable, capabilities_of
from synthaudit.generators.recipe_settings import setting_types
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.progress import Progress

T = TypeVar("T")
KINDS = sorted(name for name, kind in registry.generators().items() if kind.__module__.startswith("synthaudit."))

LONG = {"private-latent-diffusion"}
"""Kinds that simulate a public cohort and account for their privacy at every fit: half a minute, whatever the steps."""

SMALL = {
    "size": 16,
    "slices": 4,
    "batch": 8,
    "patch": 2,
    "width": 8,
    "depth": 1,
    "levels": 1,
    "latent": 8,
    "most": 16,
    "style": 8,
    "components": 6,
    "texture": 4,
    "sampler_steps": 3,
    "patients_a_step": 8,
    "checkpoint_every": 2,
}
"""What makes any recipe small that has a setting of that name."""

PATIENTS, STEPS = 16, 5


@dataclass(slots=True)
class Cut(Progress):
    """Kills the fit after three steps."""

    def track(self, items: Iterable[T], stage: str, total: int) -> Iterator[T]:
        for count, item in enumerate(Progress.track(self, items, stage, total)):
            if stage == "fitting" and count == 3:
                raise KeyboardInterrupt
            yield item


@dataclass(frozen=True)
class Case:
    """One kind, fitted at once and fitted with an interruption, and what the first answers to what it claims to do."""

    kind: type[Any]
    untrained: Any
    fitted: Any
    folder: Path
    steps_kept: int
    resumed: Any
    answers: dict[Capability, NDArray[np.float32]]


def _cohort() -> Cohort:
    """Two contrasts, and the same three years later: what any kind finds its examples in."""
    population = ChestPopulation(seed=5, size=16)
    first = np.stack([population.image(patient) for patient in range(PATIENTS)])
    images = images_cohort(
        Role.TRAIN, np.concatenate([first, 1 - first, 0.9 * first, 1 - 0.9 * first]).astype(np.float32)
    )
    each = range(PATIENTS)
    columns = {
        "sex": ["FM"[i % 2] for i in each],
        "group": ["AB"[i // 2 % 2] for i in each],
        "label": ["sick" if i % 3 == 0 else "well" for i in each],
        "age": [str(30 + 3 * i) for i in each],
    }
    attributes = {name: tuple(4 * column) for name, column in columns.items()}
    attributes["contrast"] = tuple(name for name in ("t1", "t2", "t1", "t2") for _ in each)
    attributes["study_date"] = tuple(day for day in ("20200101", "20200101", "20230101", "20230101") for _ in each)
    patients = tuple(f"patient {i}" for _ in range(4) for i in each)
    known = np.ones(4 * PATIENTS, dtype=np.bool_)
    return replace(images, patients=patients, known_patient=known, attributes=attributes)


def _stacked(cohort: Cohort) -> Cohort:
    """The same, the four images of each patient taken for slices of a volume; for kinds that learn volumes."""
    positions = tuple(float(slice_) for slice_ in range(SMALL["slices"]) for _ in range(PATIENTS))
    return replace(cohort, volumes=cohort.patients, positions=positions)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return _cohort()


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in KINDS]
)
def case(request: pytest.FixtureRequest, cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Case:
    kind = registry.generators()[request.param]
    untrained: Any = kind.from_spec("")
    settings = {name: SMALL[name] for name in setting_types(untrained.recipe) if name in SMALL}
    untrained = replace(untrained, recipe=replace(untrained.recipe, **settings))
    if "slices" in settings:
        cohort = _stacked(cohort)
    whole, cut = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("cut")
    fitted = untrained.fit(cohort, Budget(steps=STEPS), 1, folder=whole)
    with suppress(KeyboardInterrupt):
        untrained.fit(cohort, Budget(steps=STEPS), 1, folder=cut, progress=Cut())
    kept = load_card(cut).steps
    resumed = untrained.fit(cohort, Budget(steps=STEPS), 1, folder=cut)
    answers = {capability: _asked(fitted)[capability]() for capability in _claimed(fitted)}
    return Case(kind, untrained, fitted, whole, kept, resumed, answers)


def _images(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Three images, or three volumes whose slices are all the same."""
    population = ChestPopulation(seed=6, size=16)
    images = np.stack([population.image(patient) for patient in range(3)])
    return images if len(shape) == 2 else np.repeat(images[:, None], shape[0], axis=1)


def _asked(generator: Any, n: int = 3) -> dict[Capability, Callable[[], NDArray[np.float32]]]:
    """Capability -> the call that shows it."""
    x = _images(generator.spec.shape)[:n]

    def denoised() -> NDArray[np.float32]:
        z = generator.encode(x)
        return np.asarray(generator.denoise(z, 0.5))

    return {
        Capability.SAMPLE: lambda: generator.sample(n, 3),
        Capability.SCORE: lambda: generator.score(x, 3, 2),
        Capability.RECONSTRUCT: lambda: generator.reconstruct(x, 0.5, 3),
        Capability.ENCODE: lambda: generator.encode(x),
        Capability.DENOISE: denoised,
        Capability.DISCRIMINATE: lambda: generator.discriminate(x),
        Capability.DIFFERENTIATE: lambda: generator.gradient(x, 3, 2),
        Capability.TRANSLATE: lambda: generator.translate(x, 3),
    }


def _claimed(generator: Any) -> list[Capability]:
    return sorted(generator.capabilities() - {Capability.FIT})


def test_it_is_a_generator_that_can_be_fitted(case: Case) -> None:
    assert isinstance(case.fitted, Generator)
    assert isinstance(case.fitted, Trainable)
    assert Capability.FIT in case.fitted.capabilities() <= capabilities_of(case.fitted)
    assert _claimed(case.fitted)


def test_what_it_claims_it_does(case: Case) -> None:
    for capability, made in case.answers.items():
        assert made.dtype == np.float32, capability
        assert len(made) == 3, capability
        assert np.isfinite(made).all(), capability
        if capability in {Capability.SAMPLE, Capability.RECONSTRUCT, Capability.TRANSLATE}:
            assert made.shape == (3, *case.fitted.spec.shape), capability
            low, high = case.fitted.spec.value_range
            assert low <= made.min() <= made.max() <= high, capability
    if Capability.ENCODE in case.fitted.capabilities():
        shape = case.fitted.spec.shape
        assert case.fitted.decode(case.fitted.encode(_images(shape))).shape == (3, *shape)


def test_an_item_does_not_depend_on_how_many_come_with_it(case: Case) -> None:
    for capability, more in case.answers.items():
        np.testing.assert_array_equal(_asked(case.fitted, 2)[capability](), more[:2], err_msg=capability)


def test_a_checkpoint_gives_the_same_generator(case: Case) -> None:
    read = case.kind.from_spec(str(case.folder))
    assert read.spec == case.fitted.spec
    assert read.card == case.fitted.card
    assert read.recipe == case.untrained.recipe
    for capability, made in case.answers.items():
        np.testing.assert_array_equal(_asked(read)[capability](), made, err_msg=capability)
    opened = registry.generator(str(case.folder))
    assert opened.spec == case.fitted.spec
    assert {file.suffix for file in case.folder.iterdir()} == {".json", ".safetensors"}


def test_an_interrupted_fit_becomes_the_uninterrupted_one(case: Case) -> None:
    # Principal components take a single step, which cannot be interrupted.
    assert case.steps_kept == min(2, case.fitted.card.planned_steps)
    assert case.resumed.spec == case.fitted.spec
    shown = Capability.SAMPLE if Capability.SAMPLE in case.answers else Capability.TRANSLATE
    np.testing.assert_array_equal(_asked(case.resumed)[shown](), case.answers[shown])


def test_the_card_is_complete_and_names_nobody(case: Case, cohort: Cohort) -> None:
    card = case.fitted.card
    assert card.name in KINDS
    assert registry.generators()[card.name] is case.kind
    assert card.name == case.fitted.spec.name
    assert (len(card.train_digest), card.train_images, card.train_patients) == (64, len(cohort), PATIENTS)
    # A digest would tell whoever has a guess at the images that they are these; a private kind keys it.
    assert card.train_digest == cohort.digest or card.name in LONG
    assert (card.seed, card.device, card.steps) == (1, "cpu", card.planned_steps)
    assert set(asdict(case.untrained.recipe)) <= set(card.config)
    assert card.seconds > 0
    assert len(card.weights_digest) == 64
    assert (case.folder / card.weights).exists()
    assert case.fitted.spec.checkpoint_digest == card.weights_digest
    written = (case.folder / CARD).read_text()
    assert [who for who in cohort.patients if f'"{who}"' in written or f"{who}," in written] == []


def test_a_fresh_one_knows_nothing(case: Case) -> None:
    fresh = case.fitted.fresh()
    assert fresh.spec.checkpoint_digest == ""
    assert fresh.recipe == case.fitted.recipe
    # Codes may be pixels, which need no learning.
    for capability in case.answers.keys() - {Capability.ENCODE}:
        with pytest.raises(UsageError, match="must be fitted"):
            _asked(fresh)[capability]()


def test_a_condition_is_honored_or_refused(case: Case) -> None:
    if Capability.SAMPLE not in case.fitted.capabilities():
        return
    with pytest.raises(UsageError):
        case.fitted.sample(1, 0, {"color of the walls": "green"})
    if "sex" not in case.fitted.spec.conditions:
        with pytest.raises(UsageError):
            case.fitted.sample(1, 0, {"sex": "F"})
        return
    women, men = (case.fitted.sample(2, 0, {"sex": sex}) for sex in "FM")
    assert not np.array_equal(women, men)
    np.testing.assert_array_equal(women, case.fitted.sample(2, 0, {"sex": "F"}))
    with pytest.raises(UsageError):
        case.fitted.sample(1, 0, {"sex": "unheard of"})


def test_another_fit_is_refused(case: Case, cohort: Cohort) -> None:
    with pytest.raises(UsageError, match="the folder holds another fit"):
        case.untrained.fit(cohort, Budget(steps=STEPS), 2, folder=case.folder)

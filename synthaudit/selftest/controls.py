"""The controls of the self-test: what is given to the audit, and the truth about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.generators.controls import Copying, FreshPatients, Photocopier
from synthaudit.generators.hard_controls import BlurredPatients, Mixup, OtherHospital, Transplant
from synthaudit.generators.kernel_memory import KernelMemory
from synthaudit.generators.made import ArrayImage, images_cohort
from synthaudit.generators.protocol import Budget, Generator
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.probe import Settings

FEW = 0.1
"""Share of copies of the control that copies few."""

FIRST = "oracle"
"""The first control; what rests on the real images alone is asked of it, and holds for all that share them."""

COPIER = f"copier-{Copying.PLAIN}"
"""The control whose generator remembers the training patients, and gives them out."""

GRAIN = 0.01
"""Deviation of the noise with which it gives them out, in gray values."""

ANOTHER_POPULATION = 1_000_003
"""Added to the seed for the other hospital's patients."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is made: patients on each side (one image each) and synthetic images; as little as decides every cell.

    Attributes:
        settings: Of the audits; fewer planted copies than usual, all else as usual.
    """

    patients: int = 40
    samples: int = 40
    image_px: int = 64
    settings: Settings = field(
        default_factory=lambda: Settings(bootstraps=5, planted_patients=8, planted_decoys=4, planted_per_strength=0)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """One audit whose right answer is known.

    Attributes:
        name, says: For the table.
        train, holdout, synthetic: The cohorts.
        shown: Patients, of either side, who are in the synthetic images: the truth.
        generator: One that can be asked itself.
        remembered: Patients whom the generator remembers: the truth about it.
    """

    name: str
    says: str
    train: Cohort
    holdout: Cohort
    synthetic: Cohort
    shown: frozenset[str] = frozenset()
    generator: Generator | None = None
    remembered: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class _Real:
    """The real images, which nearly all controls share, and what honest generators are made of."""

    train: Cohort
    holdout: Cohort
    fresh: FreshPatients
    elsewhere: OtherHospital

    @classmethod
    def of(cls, seed: int, sizes: Sizes) -> _Real:
        population = ChestPopulation(seed=seed, size=sizes.image_px)
        other = ChestPopulation(seed=seed + ANOTHER_POPULATION, size=sizes.image_px)
        n = sizes.patients
        return cls(
            _in_memory(population.cohort(Role.TRAIN, range(n))),
            _in_memory(population.cohort(Role.HOLDOUT, range(n, 2 * n))),
            FreshPatients(population, 2 * n),
            OtherHospital(FreshPatients(other, 0)),
        )


def controls(seed: int, sizes: Sizes) -> tuple[Control, ...]:
    """All controls; those of one seed share their real images, but for the last."""
    real = _Real.of(seed, sizes)
    found = (*_honest(real, seed, sizes.samples), *_leaking(real, seed, sizes.samples), _shifted(real, seed, sizes))
    strangers = images_cohort(Role.TRAIN, real.fresh.sample(sizes.patients, seed + 1))
    memories = {FIRST: strangers, COPIER: real.train}
    return tuple(_with_memory(one, memories[one.name], sizes) if one.name in memories else one for one in found)


def _with_memory(control: Control, remembered: Cohort, sizes: Sizes) -> Control:
    """The control, beside a generator that remembers these images and nothing else."""
    memory = KernelMemory(sizes.image_px, GRAIN).fit(remembered, Budget(steps=1), 0)
    return replace(control, generator=memory, remembered=frozenset(remembered.patients))


def _honest(real: _Real, seed: int, n: int) -> tuple[Control, ...]:
    makers: tuple[tuple[str, str, Generator], ...] = (
        (FIRST, "fresh patients of the same population", real.fresh),
        ("blurred-oracle", "fresh patients, out of focus", BlurredPatients(real.fresh)),
        ("other-hospital", "patients of another hospital, on another machine", real.elsewhere),
    )
    return tuple(_control(name, says, real, made.sample(n, seed)) for name, says, made in makers)


def _leaking(real: _Real, seed: int, n: int) -> tuple[Control, ...]:
    train, holdout = _pixels(real.train), _pixels(real.holdout)
    found = []
    for copying in Copying:
        copier = Photocopier(train, copying)
        shown = _patients(real.train, copier.copied(n, seed))
        found.append(_control(f"copier-{copying}", f"{copying} copies", real, copier.sample(n, seed), shown))
    few = Photocopier(train, share=FEW, otherwise=real.fresh)
    dealt = _seed_with_copies(few, n, seed)
    shown = _patients(real.train, few.copied(n, dealt))
    found.append(_control("copier-10%", "every tenth a plain copy, else fresh", real, few.sample(n, dealt), shown))
    mixup = Mixup(train)
    shown = _patients(real.train, mixup.mixed(n, seed).ravel())
    found.append(_control("mixup", "two patients in equal parts", real, mixup.sample(n, seed), shown))
    transplant = Transplant(train, real.fresh)
    shown = _patients(real.train, transplant.placed(n, seed)[:, 0])
    found.append(
        _control("transplant", "36 % of a patient's image in a fresh one", real, transplant.sample(n, seed), shown)
    )
    other_side = Photocopier(holdout, share=FEW, otherwise=real.fresh)
    dealt = _seed_with_copies(other_side, n, seed)
    shown = _patients(real.holdout, other_side.copied(n, dealt))
    says = "every tenth a plain copy of a held-out patient"
    found.append(_control("copier-of-holdout", says, real, other_side.sample(n, dealt), shown))
    return tuple(found)


def _shifted(real: _Real, seed: int, sizes: Sizes) -> Control:
    """An honest generator, and a holdout from elsewhere: nobody leaks, and closeness to the training images is sure."""
    elsewhere = images_cohort(Role.HOLDOUT, real.elsewhere.sample(sizes.patients, seed))
    known = np.ones(len(elsewhere), dtype=bool)
    # The training patients' recorded attributes go: the images alone must give the difference away.
    train = replace(real.train, attributes={})
    return Control(
        "shifted-by-site",
        "fresh patients; the holdout is of another hospital",
        train,
        replace(elsewhere, known_patient=known),
        images_cohort(Role.SYNTHETIC, real.fresh.sample(sizes.samples, seed)),
    )


def _control(
    name: str, says: str, real: _Real, images: NDArray[np.float32], shown: frozenset[str] = frozenset()
) -> Control:
    return Control(name, says, real.train, real.holdout, images_cohort(Role.SYNTHETIC, images), shown)


def _seed_with_copies(copier: Photocopier, n: int, seed: int) -> int:
    """The first seed from `seed` on that deals at least one copy in `n` items."""
    while (copier.copied(n, seed) < 0).all():
        seed += 1
    return seed


def _in_memory(cohort: Cohort) -> Cohort:
    """The cohort with its images rendered once."""
    return replace(cohort, sources=tuple(ArrayImage(source.read()) for source in cohort.sources))


def _pixels(cohort: Cohort) -> NDArray[np.float32]:
    return np.stack([source.read() for source in cohort.sources])


def _patients(cohort: Cohort, rows: Iterable[int]) -> frozenset[str]:
    """Who these rows show; -1 is nobody."""
    return frozenset(cohort.patients[row] for row in rows if row >= 0)

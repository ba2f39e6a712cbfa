"""The structured autoencoder: the group is in its own part of the code, and near nothing of it in the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import MetadataError, NotEnoughData, UsageError
from synthaudit.generators.principal import cohort_images
from synthaudit.generators.protocol import Budget
from synthaudit.generators.structured_vae import StructuredRecipe, StructuredVae
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.progress import Progress

TRAIN, HELD_OUT = 320, 300
SMALL = StructuredRecipe(
    size=16, patch=4, latent=12, width=24, batch=64, learning_rate=8e-3, reversal=0.2, checkpoint_every=50
)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return ChestPopulation(seed=3, size=16).cohort(Role.TRAIN, range(TRAIN + HELD_OUT))


@pytest.fixture(scope="module")
def images(cohort: Cohort) -> NDArray[np.float32]:
    return cohort_images(cohort, 16, Progress())


@pytest.fixture(scope="module")
def is_female(cohort: Cohort) -> NDArray[np.bool_]:
    female: NDArray[np.bool_] = np.array(cohort.attributes["sex"]) == "F"
    return female


@pytest.fixture(scope="module")
def learned(cohort: Cohort) -> StructuredVae:
    return StructuredVae(SMALL).fit(cohort.subset(range(TRAIN)), Budget(steps=200), seed=0)


def _probed(z: NDArray[np.float32], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """95 % interval of the accuracy of a cross-fitted logistic probe; the two sexes are equally frequent."""
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    right = int((cross_val_predict(LogisticRegression(max_iter=1000), z, truth, cv=5) == truth).sum())
    interval = binomtest(right, len(truth)).proportion_ci()
    return float(interval.low), float(interval.high)


def test_the_group_is_in_its_part_and_not_in_the_rest(
    learned: StructuredVae, images: NDArray[np.float32], is_female: NDArray[np.bool_]
) -> None:
    """By a probe on held-out patients; the rest still holds most of the image."""
    z, truth = learned.encode(images[TRAIN:]), is_female[TRAIN:]
    low, high = _probed(learned.rest_part(z), truth)
    assert low < 0.5 < high
    assert high < _probed(learned.group_part(z), truth)[0]
    mixed = np.concatenate([learned.group_part(z)[::-1], learned.rest_part(z)], axis=1)
    mean_error = ((images[:TRAIN].mean(axis=0) - images[TRAIN:]) ** 2).mean()
    assert ((learned.decode(mixed) - images[TRAIN:]) ** 2).mean() < 0.6 * mean_error


def test_swapping_the_part_swaps_the_group(
    learned: StructuredVae, images: NDArray[np.float32], is_female: NDArray[np.bool_]
) -> None:
    """By a classifier of pixels that knows nothing of the codes."""
    flat = images.reshape(len(images), -1)
    classifier = LogisticRegression(C=0.1, max_iter=1000).fit(flat[:TRAIN], is_female[:TRAIN])
    assert (classifier.predict(flat[TRAIN:]) == is_female[TRAIN:]).mean() > 0.75
    for men, group, moved in ((True, "F", 1.0), (False, "M", 0.0)):
        x = images[TRAIN:][is_female[TRAIN:] != men]
        share = float(classifier.predict(learned.swapped(x, group).reshape(len(x), -1)).mean())
        assert abs(share - moved) < 0.2, (group, share)
    asked = [float(classifier.predict(learned.sample(200, 0, {"sex": s}).reshape(200, -1)).mean()) for s in "FM"]
    free = float(classifier.predict(learned.sample(200, 0).reshape(200, -1)).mean())
    assert asked[1] + 0.1 < free < asked[0] - 0.1


def test_conditions_are_checked_and_items_do_not_depend_on_their_number(learned: StructuredVae) -> None:
    assert learned.spec.conditions == ("sex",)
    assert learned.groups == ("F", "M")
    np.testing.assert_array_equal(learned.sample(5, 1)[:2], learned.sample(2, 1))
    np.testing.assert_array_equal(learned.sample(5, 1, {"sex": "F"})[:2], learned.sample(2, 1, {"sex": "F"}))
    with pytest.raises(UsageError, match="structured-vae knows the condition sex, got site"):
        learned.sample(1, 0, {"site": "A"})
    with pytest.raises(UsageError, match="sex must be one of the 2 groups trained on, got X"):
        learned.swapped(learned.sample(1, 0), "X")


def test_what_the_table_must_say(cohort: Cohort) -> None:
    few = cohort.subset(range(12))
    model = StructuredVae(SMALL)
    with pytest.raises(MetadataError, match="needs the column scanner in the table, found none"):
        StructuredVae(replace(SMALL, attribute="scanner")).fit(few, Budget(steps=1), 0)
    alike = replace(few, attributes={"sex": ("F",) * 11 + ("M",)})
    with pytest.raises(NotEnoughData, match="at least 2 groups of 2 patients in the column sex, got 1"):
        model.fit(alike, Budget(steps=1), 0)
    # An image whose group is not known teaches the rest of the code.
    partly = replace(few, attributes={"sex": ("F", "M", "F", "M") + ("",) * 8})
    assert model.fit(partly, Budget(steps=2), 0).card.facts == {"groups": ["F", "M"], "shares": [0.5, 0.5]}
    with pytest.raises(UsageError, match="group_latent must be below latent, 12, got 12"):
        replace(SMALL, group_latent=12)

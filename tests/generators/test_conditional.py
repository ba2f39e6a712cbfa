"""A condition says what it must and no more; what is asked for is made; and rare classes leak first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import NotEnoughData, UsageError
from synthaudit.generators.conditional import ConditionalLatentDiffusion, ConditionalRecipe
from synthaudit.generators.conditional_columns import Columns, enriched_rows, rarest_part
from synthaudit.generators.conditional_fidelity import condition_fidelity
from synthaudit.generators.conditional_network import Asked, ConditionalMlp
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Budget
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.statistics.roc import auc

SMALL = ConditionalRecipe(
    size=16, components=16, texture=8, width=64, depth=2, batch=64, sampler_steps=8, columns=("label",), average=0.98
)


def described(images: NDArray[np.float32], **columns: list[str]) -> Cohort:
    plain = images_cohort(Role.TRAIN, images)
    return replace(plain, attributes={name: tuple(texts) for name, texts in columns.items()})


def people(n: int) -> Cohort:
    pixels = np.random.default_rng(0).random((n, 8, 8), dtype=np.float32)
    return described(
        pixels,
        label=["normal", "mass", "mass|fluid", "fluid", "unique"] * (n // 10) + ["normal"] * (n - 5 * (n // 10)),
        age=["39.9", "40", "65", "", "old"] * (n // 5),
        sex=["F", "M"] * (n // 2),
        site=["north"] * n,
    )


def test_columns_hold_what_can_be_asked() -> None:
    cohort = people(40)
    columns = Columns.of(cohort, ("label", "age", "sex", "site", "group"), (40, 65), 5)
    # "unique" has 4 patients, "site" one value, "group" is not there.
    assert columns.values == {"label": ("fluid", "mass", "normal"), "age": ("40-65", "65+", "<40"), "sex": ("F", "M")}
    assert Columns.from_facts(columns.facts()) == columns
    vectors = columns.vectors(cohort)
    assert vectors.shape == (40, 4 + 4 + 3)
    np.testing.assert_array_equal(vectors[2, :4], [1, 1, 0, 0])
    # Not learned, missing, no number: left open.
    np.testing.assert_array_equal(vectors[4, :8], [0, 0, 0, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(vectors[3, 4:8], [0, 0, 0, 1])
    np.testing.assert_array_equal(columns.vector({"age": "70"}), columns.vector({"age": "65+"}))
    np.testing.assert_array_equal(columns.vector(None), columns.unasked(1)[0])
    with pytest.raises(UsageError, match="a condition must be one of label, age, sex, got site"):
        columns.vector({"site": "north"})
    with pytest.raises(UsageError, match="condition label must have a value that was learned, got 'unique'") as caught:
        columns.vector({"label": "unique"})
    assert "fluid" not in str(caught.value)
    with pytest.raises(UsageError, match="needs one of the columns site with two values of at least 5 patients"):
        Columns.of(cohort, ("site",), (), 5)


def test_rare_classes_are_shown_more_often() -> None:
    classes = ["common"] * 95 + ["rare"] * 5
    np.testing.assert_array_equal(enriched_rows(classes, 0, 1000), np.arange(100))
    shares = [
        np.mean([classes[row] == "rare" for row in enriched_rows(classes, balance, 1000)]) for balance in (0.5, 1)
    ]
    assert shares == pytest.approx([np.sqrt(5) / (np.sqrt(5) + np.sqrt(95)), 0.5], abs=0.002)
    shown = Counter(enriched_rows(classes, 1, 1000).tolist())
    assert len(shown) == 100
    assert {shown[row] for row in range(95, 100)} == {100}
    assert rarest_part(["a", "a|b", "c", "", "a"], ("a", "b")) == ("a", "b", "a", "a", "a")


def test_guidance_leads_from_the_open_to_the_asked() -> None:
    torch.manual_seed(0)
    network = ConditionalMlp(3, 4, 8, 1)
    torch.nn.init.normal_(network.leave.weight)
    x, noise, asked, unasked = torch.randn(5, 3), torch.zeros(5), torch.eye(4)[[0] * 5], torch.eye(4)[[3] * 5]
    with torch.no_grad():
        free, held, plain, twice = (Asked(network, asked, unasked, weight)(x, noise) for weight in (0.0, 1.0, 1.0, 2.0))
        torch.testing.assert_close(free, network(x, noise, unasked))
        torch.testing.assert_close(plain, network(x, noise, asked))
        torch.testing.assert_close(twice, 2 * held - free)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"balance must lie in \[0, 1\], got 2"):
        ConditionalRecipe(balance=2)
    with pytest.raises(UsageError, match="columns must be one or more different names, got none"):
        ConditionalRecipe(columns=())
    with pytest.raises(UsageError, match="age_bands must rise"):
        ConditionalRecipe(age_bands=(65, 40))


def stripes(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], list[str]]:
    """Noise with a bright left half in one class, a bright right half in the other."""
    images = rng.uniform(0.2, 0.4, size=(n, 16, 16)).astype(np.float32)
    labels = ["left" if row % 4 else "right" for row in range(n)]
    for image, label in zip(images, labels, strict=True):
        image[:, slice(0, 8) if label == "left" else slice(8, 16)] += rng.uniform(0.1, 0.3)
    return images, labels


def test_what_is_asked_for_is_made() -> None:
    rng = np.random.default_rng(0)
    (train, labels), (held_out, others) = stripes(120, rng), stripes(60, rng)
    made = ConditionalLatentDiffusion(SMALL).fit(described(train, label=labels), Budget(steps=80), seed=1)
    assert made.spec.conditions == ("label",)
    real = described(held_out, label=others)
    for told in condition_fidelity(made, real, "label", ("left", "right"), 40, seed=0):
        assert told.made.beats_chance
        assert told.real.beats_chance
        assert min(told.made.sensitivity, told.made.specificity) > 0.8
    given = made.score_given(train[:2], [{"label": labels[0]}, {"label": labels[1]}], 0, 2)
    assert given.shape == (2, 2)
    assert not np.array_equal(given, made.score(train[:2], 0, 2))
    with pytest.raises(UsageError, match="there must be one condition for each image, got 1 for 2"):
        made.score_given(train[:2], [{}], 0, 2)
    with pytest.raises(NotEnoughData, match="each value must have at least 10 real patients, got one with 2"):
        condition_fidelity(made, real.subset(range(8)), "label", ("left", "right"), 4, seed=0)


def test_labels_that_mean_nothing_are_not_told() -> None:
    """The null: labels dealt at random teach neither the generator nor the classifier anything."""
    rng = np.random.default_rng(1)
    images, labels = stripes(120, rng)
    dealt = described(images[:60], label=list(rng.permutation(labels[:60])))
    made = ConditionalLatentDiffusion(SMALL).fit(dealt, Budget(steps=20), seed=1)
    other = described(images[60:], label=list(rng.permutation(labels[60:])))
    told = condition_fidelity(made, other, "label", ("left", "right"), 40, seed=0)
    assert not any(one.made.beats_chance or one.real.beats_chance for one in told)


@pytest.mark.slow
def test_rare_classes_leak_first() -> None:
    population = ChestPopulation(seed=3, size=16)

    def patients(label: str, n: int) -> list[int]:
        found = (number for number in range(6000) if population.visit(number, 0).label == label)
        return [number for number, _ in zip(found, range(n), strict=False)]

    rare, common = patients("effusion", 24), patients("normal", 480)
    train = population.cohort(Role.TRAIN, common[:240] + rare[:12])
    other = population.cohort(Role.HOLDOUT, common[240:] + rare[12:])
    recipe = replace(SMALL, components=64, width=256, batch=256, balance=1.0)
    made = ConditionalLatentDiffusion(recipe).fit(train, Budget(steps=200), seed=0)
    members, others = (
        -made.score(np.stack([source.read() for source in cohort.sources]), 0, 3).mean(axis=1).astype(np.float64)
        for cohort in (train, other)
    )
    assert auc(members[240:], others[240:]) > auc(members[:240], others[:240]) + 0.1

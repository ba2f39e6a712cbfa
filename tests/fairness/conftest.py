"""Patients as arrays: sex, age, site and two findings, vectors that show them, and a generator of a known kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthaudit.fairness.exposed import Scored
from synthaudit.fairness.groups import Attribute
from synthaudit.fairness.predicted import Vectors
from synthaudit.fairness.shares import Divided

WIDTH = 24
BANDS = ("18-39", "40-59", "60-79")
SITES = ("north", "south", "west")
FINDINGS = ("Cardiomegaly", "Effusion")
CONFIDENT = 3.0
"""How far apart the groups lie in the vectors, in their spread."""

Columns = dict[str, NDArray[np.intp]]


def people(n: int, rng: np.random.Generator, women: float = 0.48) -> Columns:
    """Class of each of n patients: women (0) and men, bands, sites, and findings that go by age."""
    age = rng.choice(3, n, p=[0.25, 0.35, 0.4])
    return {
        "sex": (rng.random(n) >= women).astype(np.intp),
        "age": age,
        "site": rng.choice(3, n, p=[0.5, 0.3, 0.2]),
        "Cardiomegaly": (rng.random(n) < np.array([0.08, 0.14, 0.22])[age]).astype(np.intp),
        "Effusion": (rng.random(n) < 0.25).astype(np.intp),
    }


def vectors_of(columns: Columns, rng: np.random.Generator, apart: float = CONFIDENT) -> NDArray[np.float32]:
    """(n, 24) of unit length; each column moves along axes of its own."""
    n = len(columns["sex"])
    x = rng.normal(size=(n, WIDTH))
    x[:, 0] += apart * columns["sex"]
    x[:, 1] += apart * columns["age"]
    x[:, 2] += apart * (columns["site"] == 1)
    x[:, 3] += apart * (columns["site"] == 2)
    x[:, 4] += apart * columns["Cardiomegaly"]
    x[:, 5] += apart * columns["Effusion"]
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Simulated:
    """What `examine` is asked."""

    attributes: tuple[Attribute, ...]
    divided: Divided
    vectors: Vectors
    scored: Scored


def simulated(
    rng: np.random.Generator,
    *,
    train: int = 200,
    holdout: int = 150,
    made: int = 250,
    generate: Callable[[Columns, np.random.Generator], Columns] = lambda columns, _: columns,
    labeled: bool = True,
    apart: float = CONFIDENT,
    most_images: int = 3,
    score: Callable[[Columns, NDArray[np.bool_], np.random.Generator], NDArray[np.float64]] | None = None,
    named: Callable[[Columns, NDArray[np.bool_], np.random.Generator], NDArray[np.bool_]] | None = None,
) -> Simulated:
    """Training and held-out patients with 1 to 3 images each, and images of fresh people passed through `generate`.

    Old men come more often: whoever counts images for patients finds them over-represented in an honest sample.
    """
    p = train + holdout
    whole = people(p, rng)
    is_train = np.zeros(p, dtype=bool)
    is_train[rng.permutation(p)[:train]] = True
    often = (whole["sex"] == 1) & (whole["age"] == 2)
    images = np.where(often, most_images, rng.integers(1, most_images + 1, p))
    patient = np.repeat(np.arange(p), images)
    real = {name: column[patient] for name, column in whole.items()}
    # The effusion comes and goes: it belongs to an image.
    real["Effusion"] = np.where(
        rng.random(len(patient)) < 0.8, real["Effusion"], rng.random(len(patient)) < 0.25
    ).astype(np.intp)
    fresh = generate(_sampled(made, rng), rng)
    n = len(fresh["sex"])
    empty = np.zeros((0, n), dtype=np.intp)

    def attribute(name: str, names: tuple[str, ...], finding: bool) -> Attribute:
        column = "label" if finding else name
        return Attribute((column,), names, real[name], fresh[name][None] if labeled else empty, any_image=finding)

    attributes = (
        attribute("sex", ("sex F", "sex M"), False),
        attribute("age", tuple(f"age {band}" for band in BANDS), False),
        attribute("site", tuple(f"site {site}" for site in SITES), False),
        *(attribute(name, ("", f"label {name}"), True) for name in FINDINGS),
    )
    scores = rng.normal(size=p) + whole["site"] if score is None else score(whole, is_train, rng)
    flagged = np.zeros(p, dtype=bool) if named is None else named(whole, is_train, rng)
    return Simulated(
        attributes,
        Divided(patient, is_train, np.arange(n)),
        Vectors(vectors_of(real, rng, apart), vectors_of(fresh, rng, apart), patient, p),
        Scored(scores, flagged, np.ones(p, dtype=bool), is_train),
    )


def _sampled(made: int, rng: np.random.Generator) -> Columns:
    """An honest generator: fresh people of the population, in the proportions in which their images come."""
    n = 4 * made
    crowd = people(n, rng)
    often = (crowd["sex"] == 1) & (crowd["age"] == 2)
    weight = np.where(often, 3.0, 2.0)
    rows = rng.choice(n, made, replace=False, p=weight / weight.sum())
    return {name: column[rows] for name, column in crowd.items()}


def without_women(columns: Columns, rng: np.random.Generator) -> Columns:
    """Five in six women are dropped."""
    kept = (columns["sex"] == 1) | (rng.random(len(columns["sex"])) < 1 / 6)
    return {name: column[kept] for name, column in columns.items()}


def doubled_cardiomegaly(columns: Columns, rng: np.random.Generator) -> Columns:
    """Women have it twice as often; men as before."""
    more = (columns["sex"] == 0) & (rng.random(len(columns["sex"])) < 0.2)
    return {**columns, "Cardiomegaly": np.maximum(columns["Cardiomegaly"], more.astype(np.intp))}


def remembered(
    site: int, share: float = 0.6
) -> Callable[[Columns, NDArray[np.bool_], np.random.Generator], NDArray[np.float64]]:
    """Scores of a generator that remembers some training patients of one site, who are few; nobody else."""

    def scores(whole: Columns, is_train: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
        known = (whole["site"] == site) & is_train & (rng.random(len(is_train)) < share)
        return np.asarray(rng.normal(size=len(is_train)) + 1.5 * whole["site"] + 4.0 * known)

    return scores

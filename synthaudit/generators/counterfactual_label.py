"""Which finding a counterfactual is about, and the logistic classifier of it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from synthaudit.cohort import Cohort
from synthaudit.errors import MetadataError, NotEnoughData

NEWTON_STEPS = 30


def findings(cohort: Cohort, column: str) -> dict[str, set[str]]:
    """Finding -> the patients who have it; a cell names one, or several joined by "|".

    Raises:
        MetadataError: There is no such column.
    """
    if column not in cohort.attributes:
        raise MetadataError(f"a counterfactual needs the column {column}, found none; give a table that has it")
    patients: dict[str, set[str]] = defaultdict(set)
    for cell, patient in zip(cohort.attributes[column], cohort.patients, strict=True):
        for finding in filter(None, cell.split("|")):
            patients[finding].add(patient)
    return dict(patients)


def chosen_finding(cohort: Cohort, column: str, asked: str, fewest: int) -> str:
    """The finding asked for; the second most frequent if none is, as the most frequent is to have none.

    Raises:
        MetadataError: There is no such column.
        NotEnoughData: Fewer than `fewest` patients have it, or have not.
    """
    patients = findings(cohort, column)
    ranked = sorted(patients, key=lambda finding: (-len(patients[finding]), finding))
    finding = asked or (ranked[1] if len(ranked) > 1 else "")
    having = len(patients.get(finding, ()))
    if min(having, cohort.n_patients - having) < fewest:
        raise NotEnoughData(
            f"a counterfactual needs {fewest} patients with the finding and {fewest} without, "
            f"got {having} and {cohort.n_patients - having}"
        )
    return finding


def has_finding(cohort: Cohort, column: str, finding: str) -> NDArray[np.bool_]:
    """(n,) whether each image's cell names the finding."""
    return np.array([finding in cell.split("|") for cell in cohort.attributes[column]], dtype=np.bool_)


def fit_logistic(
    z: NDArray[np.float32], truth: NDArray[np.bool_], weight: NDArray[np.float64], penalty: float
) -> NDArray[np.float64]:
    """(k + 1,) weights of a logistic classifier, the intercept last, by Newton's method.

    Args:
        z: (n, k) codes of about unit deviation.
        truth: (n,) what is to be told.
        weight: (n,) of each image; one over the patient's number of images counts every patient once.
        penalty: Of the squared weights, the intercept's excepted; positive, so that separable classes have a solution.
    """
    x = np.concatenate([z.astype(np.float64), np.ones((len(z), 1))], axis=1)
    ridge = np.full(x.shape[1], penalty)
    ridge[-1] = 1e-6
    w = np.zeros(x.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 0.5 * (1 + np.tanh(0.5 * (x @ w)))
        slope = x.T @ (weight * (p - truth)) + ridge * w
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(curvature, slope)
        # A full step from afar can overshoot where the curve is flat.
        w -= step / max(1.0, float(np.abs(step).max()))
    return w

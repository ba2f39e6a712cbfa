"""Which groups are spoken of: none of a few patients, and none from which a few would follow."""

from __future__ import annotations

from dataclasses import replace

from synthaudit.fairness.groups import attributes_of
from tests.attackers.worlds import world


def findings_named(label: list[str]) -> set[str]:
    held = world(0, n=(60, 40), images=((1, 1), (1, 1)))
    train, holdout = held.pool.cohorts
    cohorts = (
        replace(train, attributes={"label": tuple(label)}),
        replace(holdout, attributes={"label": tuple(label[:40])}),
    )
    named = attributes_of(replace(held.pool, cohorts=cohorts), held.synthetic)
    return {name for one in named for name in one.names if name}


def test_findings_of_two_follow_from_no_total() -> None:
    """Of 60 patients with one finding each, 30 and 28 are all but two."""
    assert findings_named(["Mass"] * 30 + ["none"] * 28 + ["Meier sign"] * 2) == {"label Mass"}
    assert findings_named(["Mass"] * 30 + ["none"] * 30) == {"label Mass", "label none"}

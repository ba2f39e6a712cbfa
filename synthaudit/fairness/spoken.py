"""The answer in words: which groups, and which way."""

from __future__ import annotations

from collections.abc import Sequence

from synthaudit.fairness.association import Association
from synthaudit.fairness.coverage import GroupCoverage
from synthaudit.fairness.downstream import DownstreamGap
from synthaudit.fairness.examined import ALPHA, ASSOCIATIONS, COVERAGE, DOWNSTREAM, SHARES, Examined
from synthaudit.fairness.exposed import FPR, GroupExposure
from synthaudit.fairness.shares import GroupShare

MOST_SENTENCES = 4
_PEOPLE = {"sex F": "women", "sex M": "men"}
_SAID = {
    "age": "patients aged {}",
    "sex": "patients of sex {}",
    "ethnicity": "patients of ethnicity {}",
    "group": "patients of group {}",
    "site": "patients of site {}",
    "view": "images of view {}",
    "modality": "images of modality {}",
    "label": "images labeled {}",
}


def said(group: str) -> str:
    """A group in words.

    >>> said("sex F & age 60-79"), said("label Effusion")
    ('women aged 60-79', 'images labeled Effusion')
    """
    parts = group.split(" & ")
    words = []
    for i, part in enumerate(parts):
        column, _, value = part.partition(" ")
        whole = _PEOPLE.get(part) or _SAID.get(column, "{}").format(value)
        words.append(whole if i == 0 else whole.removeprefix("patients ").removeprefix("images "))
    return " ".join(words)


def answer(found: Examined) -> str:
    """At most four sentences on the groups named, the gravest first; or that none is, and what could have been seen."""
    sentences = [
        *[_exposure(one) for one in more_exposed(found)[:1]],
        *[_share(one) for one in off_balance(found)[:2]],
        *[_tied(one) for one in tied_otherwise(found)[:1]],
        *[_covered(one) for one in less_covered(found)[:1]],
        *[_served(one) for one in worse_served(found)[:1]],
    ]
    predicted = _predicted(found)
    if sentences:
        return " ".join([*sentences[:MOST_SENTENCES], *predicted])
    groups = sum(len(one.spoken_of) for one in (*found.attributes, *found.pairs))
    asked = [
        words
        for words, there in (
            ("under- or over-represented", bool(found.shares)),
            ("less well covered", bool(found.coverages)),
            ("more exposed", found.exposed is not None),
            ("served worse downstream", bool(found.downstream)),
        )
        if there
    ]
    if not asked:
        return "Nothing could be told of any group: " + "; ".join(dict.fromkeys(found.why_not.values())) + "."
    listed = asked[0] if len(asked) == 1 else f"{', '.join(asked[:-1])} or {asked[-1]}"
    none = f"None of {groups} groups is found to be {listed} beyond chance (family-wise error {ALPHA:.0%})."
    return " ".join([none, *predicted])


def not_known(found: Examined) -> tuple[str, ...]:
    """Columns, and findings, of which nobody can say how common they are among the synthetic images."""
    unknown = [one for one in found.attributes if not one.known]
    return tuple(dict.fromkeys(one.names[-1].partition(" ")[2] if one.any_image else one.columns[0] for one in unknown))


def _predicted(found: Examined) -> list[str]:
    columns = sorted({one.columns[0] for one in found.attributes if one.predicted is not None})
    unknown = not_known(found)
    told = []
    if columns:
        told.append(f"The synthetic images came without {_listed(columns)}, which was predicted from them.")
    if unknown:
        told.append(f"Their shares by {_listed(unknown)} are not known.")
    return told


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]


def off_balance(found: Examined) -> list[GroupShare]:
    """Groups named for their share: single ones before pairs of them, of each column the one that lacks most.

    What follows from a group named already is not said again: where women are missing, there are more men, and more
    young men.
    """
    named = [one for one, is_named in zip(found.shares, found.named(SHARES), strict=True) if is_named]
    order = sorted(named, key=lambda one: (len(one.columns), one.ratio >= 1, one.p_value, one.name))
    kept: list[GroupShare] = []
    for one in order:
        told = {column for other in kept for column in other.columns}
        follows = any(other.columns == one.columns and (other.ratio < 1) != (one.ratio < 1) for other in kept)
        if not (told & set(one.columns) if len(one.columns) > 1 else follows):
            kept.append(one)
    return kept


def tied_otherwise(found: Examined) -> list[Association]:
    """Findings that go with a group otherwise than in the training set, the surest first."""
    named = [one for one, is_named in zip(found.associations, found.named(ASSOCIATIONS), strict=True) if is_named]
    return sorted(named, key=lambda one: (one.p_value, one.group, one.finding))


def less_covered(found: Examined) -> list[GroupCoverage]:
    """Groups that fall further below their floor than others do; single ones first."""
    named = [
        one for one, is_named in zip(found.coverages, found.named(COVERAGE), strict=True) if is_named and one.gap > 0
    ]
    return sorted(named, key=lambda one: (len(one.columns), one.p_value, one.name))


def more_exposed(found: Examined) -> list[GroupExposure]:
    """Groups more exposed than others; single ones first."""
    if found.exposed is None:
        return []
    named = [
        one
        for one, is_named in zip(found.exposed.groups, found.named("exposure"), strict=True)
        if is_named and one.largest > 0
    ]
    return sorted(named, key=lambda one: (len(one.columns), one.p_value, -one.largest, one.name))


def worse_served(found: Examined) -> list[DownstreamGap]:
    """Findings and columns where a group loses by learning from synthetic images."""
    named = [one for one, is_named in zip(found.downstream, found.named(DOWNSTREAM), strict=True) if is_named]
    return sorted(named, key=lambda one: (one.p_value, one.finding, one.column))


def _share(one: GroupShare) -> str:
    return (
        f"{_first(said(one.name))} make up {one.share.value:.0%} of the synthetic images and {one.base.value:.0%} of "
        "the training patients."
    )


def _tied(one: Association) -> str:
    finding = one.finding.partition(" ")[2]
    ratio = one.gap.value
    how = f"{ratio:.1f} times as strongly" if ratio > 1 else f"{ratio:.2f} times as strongly"
    return f"In the synthetic images {finding} goes with {said(one.group)} {how} as among the training patients."


def _covered(one: GroupCoverage) -> str:
    return (
        f"{_first(said(one.name))} are covered less well than others are: {one.value:.0%} of them by synthetic images, "
        f"where as many held-out images cover {one.floor:.0%}."
    )


def _exposure(one: GroupExposure) -> str:
    if one.by_name and one.named is not None:
        return (
            f"{_first(said(one.name))} are more exposed than others are: {one.named / one.n_patients:.0%} of them are "
            "named by the audit."
        )
    if one.by_name:
        return f"{_first(said(one.name))} are more exposed than others are: more of them are named by the audit."
    return (
        f"{_first(said(one.name))} are more exposed than others are: {one.tpr.value:.0%} of them score above what "
        f"{FPR:.0%} of the held-out ones reach, {one.gap:.0%} more than chance and the others explain."
    )


def _served(one: DownstreamGap) -> str:
    finding = one.finding.partition(" ")[2]
    what = "takes more of those without it for it" if one.false else "misses it more often"
    return (
        f"Learned from synthetic images, a classifier of {finding} {what} in {said(one.group)} than in others "
        f"({one.lost:.0%} beyond what all lose)."
    )

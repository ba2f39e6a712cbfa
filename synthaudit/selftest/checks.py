"""What each probe must answer to each control.

A check reads one word out of an audit. The words that are right are declared here for each control; several words mean
that either is right: what a control of this size and kind decides on some seeds only is said to be open, not hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synthaudit.audit_record import Audit
from synthaudit.cohort import Role
from synthaudit.selftest.controls import COPIER, FIRST, Control
from synthaudit.selftest.readings import (
    ALIKE,
    AS_REAL,
    CLOSER,
    DIFFERENT,
    EVEN,
    FAIL,
    FAIR,
    GUESSING,
    LEAK,
    NOBODY,
    OPEN,
    PASS,
    SEEING,
    SOME,
    SUSPICION,
    TOLD,
    UNUSUAL,
    VOID,
    Observation,
    as_a_whole,
    by_group,
    checkpoint,
    fitness,
    hallucination,
    letters,
    like_real_ones,
    membership,
    named,
    sides,
    sight,
    singled_out,
    statistics,
    unasked,
    verdict,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One question to one probe.

    Attributes:
        name: For the table.
        probe: The probe read; "" for the verdict, which rests on all of them.
        read: The answer in one audit.
        usual: What is right for every control that `otherwise` does not name.
        otherwise: Control -> what is right there.
        only: The controls that are asked; all if empty.
    """

    name: str
    probe: str
    read: Callable[[Audit, Control], Observation]
    usual: tuple[str, ...]
    otherwise: Mapping[str, tuple[str, ...]]
    only: tuple[str, ...] = ()

    def expected(self, control: str) -> tuple[str, ...]:
        """The words that are right for this control."""
        return self.otherwise.get(control, self.usual)


_COPIERS = ("copier-plain", "copier-shifted", "copier-mirrored", "copier-noisy", "copier-10%")
_TO_LOOK_AT = (NOBODY, SUSPICION)
"""Nobody is accused; someone who is not there has to be looked at now and then (seeds 0-9: in 2 controls of 120)."""
_ANY = (NOBODY, SUSPICION, SOME, LEAK)
"""Open at this size: depends on who was drawn."""

CHECKS = (
    Check(
        "sides alike",
        "inputs",
        sides,
        (ALIKE,),
        {"shifted-by-site": (DIFFERENT,)},
        only=(FIRST, "shifted-by-site"),
    ),
    Check(
        "copies of training patients",
        "copies",
        named("copies", Role.TRAIN, "direct_patients"),
        _TO_LOOK_AT,
        {FIRST: (NOBODY,), **dict.fromkeys(_COPIERS, (LEAK,)), "mixup": _ANY, "transplant": _ANY},
    ),
    Check(
        "copies of held-out patients",
        "copies",
        named("copies", Role.HOLDOUT, "direct_holdout_patients"),
        _TO_LOOK_AT,
        {FIRST: (NOBODY,), "copier-of-holdout": (LEAK,)},
    ),
    # Whoever was found whole is not counted again; of the altered copies, some are found in part only.
    Check(
        "parts of training patients",
        "regions",
        named("regions", Role.TRAIN, "region_patients"),
        _TO_LOOK_AT,
        {FIRST: (NOBODY,), **dict.fromkeys(_COPIERS, _ANY), "mixup": _ANY, "transplant": (LEAK,)},
    ),
    Check(
        "parts of held-out patients",
        "regions",
        named("regions", Role.HOLDOUT, "region_holdout_patients"),
        _TO_LOOK_AT,
        {FIRST: (NOBODY,), "copier-of-holdout": _ANY},
    ),
    Check(
        "training patients stand out",
        "copies",
        statistics,
        _TO_LOOK_AT,
        {"mixup": (LEAK,), "transplant": (NOBODY, SUSPICION, LEAK), "shifted-by-site": (VOID,)},
    ),
    # Upright pictures are compared here, too, and of the few copies of a tenth no average tells.
    Check(
        "who was trained on",
        "membership",
        membership,
        (GUESSING,),
        {
            "copier-plain": (TOLD,),
            "copier-noisy": (TOLD,),
            "mixup": (TOLD,),
            **dict.fromkeys(("copier-shifted", "copier-mirrored", "copier-10%", "transplant"), (GUESSING, TOLD)),
            "shifted-by-site": (VOID,),
        },
    ),
    # The risks of the working party's opinion. The controls have one image a patient, and nothing is written beside the
    # synthetic ones, so that nothing can be linked or inferred.
    Check(
        "training patients singled out",
        "singling-out",
        singled_out,
        (GUESSING,),
        {COPIER: (TOLD,)},
        only=(FIRST, COPIER),
    ),
    Check("records linked", "linkability", unasked("linkability"), (VOID,), {}, only=(FIRST,)),
    Check("attributes inferred", "inference", unasked("inference"), (VOID,), {}, only=(FIRST,)),
    Check("would see plain copies", "planted", sight, (SEEING,), {}, only=(FIRST,)),
    Check("tells images apart", "encoders", fitness, (SEEING,), {}, only=(FIRST,)),
    # Who copies everybody treats nobody otherwise than others; among forty patients, groups may be too small to tell.
    Check("groups treated alike", "bias", by_group, (FAIR, VOID), {}, only=(FIRST, COPIER)),
    # No verdict rests on it, and it misleads: it misses few copies and mirrored ones, and takes a holdout from
    # elsewhere for a leak. Upright pictures are compared, so a shift is near its limit.
    Check(
        "closer as a whole",
        "context",
        as_a_whole,
        (EVEN,),
        {
            **dict.fromkeys(_COPIERS[:-1], (CLOSER,)),
            "copier-shifted": (EVEN, CLOSER),
            "copier-mirrored": (EVEN, CLOSER),
            "mixup": (CLOSER,),
            "transplant": (EVEN, CLOSER),
            "other-hospital": (EVEN, CLOSER),
            "shifted-by-site": (CLOSER,),
        },
    ),
    # Poor images are poor whoever is in them, and a plain copy is as good as real.
    Check(
        "like real images",
        "realism",
        like_real_ones,
        (ALIKE,),
        {"blurred-oracle": (DIFFERENT,), "other-hospital": (DIFFERENT,)},
        only=(FIRST, COPIER, "blurred-oracle", "other-hospital"),
    ),
    # The controls are pixels without a file, and nothing is written into them.
    Check("letters in the images", "phi", letters, (NOBODY,), {}, only=(FIRST,)),
    # The controls are single images, so there is no volume to ask about, and nobody may be named as one.
    Check("copied volumes", "volumes", unasked("volumes"), (VOID,), {}, only=(FIRST,)),
    # Two generators can be asked themselves: one remembers strangers, the other the training patients.
    Check(
        "the generator tells who was trained on",
        "checkpoint",
        checkpoint,
        (GUESSING,),
        {COPIER: (TOLD,)},
        only=(FIRST, COPIER),
    ),
    Check(
        "training patients taken out of it",
        "extraction",
        named("extraction", Role.TRAIN, "extracted_patients", "remembered"),
        (NOBODY,),
        {COPIER: (LEAK,)},
        only=(FIRST, COPIER),
    ),
    # Everyone has one image, so nobody can be found by another, and nobody may be named.
    Check("persons found again", "reidentification", unasked("reidentification"), (VOID,), {}, only=(FIRST,)),
    # A copy shows what a real image shows; blur is in none of them.
    Check(
        "unusual among real images",
        "hallucination",
        hallucination,
        (AS_REAL,),
        {"blurred-oracle": (UNUSUAL,), "other-hospital": (UNUSUAL,)},
        only=(FIRST, "blurred-oracle", "other-hospital", COPIER),
    ),
    # Synthetic images of the controls bear no labels to learn.
    Check("what they teach", "utility", unasked("utility"), (VOID,), {}, only=(FIRST,)),
    # Neither makes one image of another.
    Check("translated patients", "pairs", unasked("pairs"), (VOID,), {}, only=(FIRST,)),
    Check(
        "verdict",
        "",
        verdict,
        (FAIL,),
        {
            "oracle": (PASS, OPEN),
            "blurred-oracle": (PASS, OPEN),
            "other-hospital": (PASS, OPEN),
            "shifted-by-site": (OPEN,),
        },
    ),
)


def not_covered(probes: tuple[str, ...]) -> tuple[str, ...]:
    """The probes of which no check knows what they must answer."""
    return tuple(name for name in probes if name not in {check.probe for check in CHECKS})

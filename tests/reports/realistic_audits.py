"""Audits as the engine makes them, made up: failing, passing, inconclusive, and nearly empty."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from synthaudit.audit_record import Audit, CohortSummary, EncoderSummary, InputIssue, Provenance
from synthaudit.cohort import Role
from synthaudit.finding import (
    Assumption,
    Chart,
    ChartKind,
    Direction,
    Doubtful,
    Exposure,
    Finding,
    HeaderIssue,
    Kind,
    Measure,
    Pair,
    Series,
    Withheld,
)
from synthaudit.policy import Rule, RuleResult, Verdict

TRANSFORMS = ("plain", "flip", "noise", "blur", "shift", "crop", "rotation", "gamma")
SECRETS = (
    *("ΠΑΤ-0007-Ærø", "Пациент-042", "=PAT-113"),
    *("Zażółć/scan_0007.png", "Zażółć/frontal_42.dcm", "real/张伟_3.png"),
    *("sample_00017.png", "sample_00442.png", "sample_00900.png", "broken_scan_zz.png", "row-without-file-77"),
)


def _inputs() -> Finding:
    return Finding(
        probe="inputs",
        question="Do training and holdout come from the same source, with no patient in both?",
        answer="Training and holdout images look alike, as they should, and no patient is in both; 2 duplicate images "
        "are shared and were left out.",
        measures=(
            Measure(
                "exchangeability_auc",
                0.5123456789,
                0.4871,
                0.5376,
                n_patients=3012,
                n_images=9120,
                assumption=Assumption.MODEL_ASSISTED,
                note="Cross-fitted logistic regression on embeddings, folds by patient, bootstrap of patients.",
            ),
            Measure("shared_patients", 0.0, n_patients=3012, unit="patients", direction=Direction.HIGHER_IS_WORSE),
            Measure("duplicate_pairs", 2.0, n_images=9120, unit="images", direction=Direction.HIGHER_IS_WORSE),
        ),
        limits=("A difference between training and holdout that the encoder does not see is not seen here either.",),
    )


def _histogram() -> Chart:
    x = tuple(round(0.02 * i, 2) for i in range(20, 50))
    train = tuple(float(n) for n in np.round(400 * np.exp(-(((np.array(x) - 0.62) / 0.07) ** 2))))
    tail = (math.nan, 0.0, 12.0, 14.0, math.nan)
    return Chart(
        "patient_scores",
        "How alike is each patient's closest synthetic image?",
        ChartKind.HISTOGRAM,
        "Likeness of the closest synthetic image (score; higher is more alike)",
        "Patients",
        (
            Series("Training patients", x, tuple(math.nan if 0 < n < 10 else n for n in train[:-5]) + tail),
            Series("Holdout patients", x, tuple(math.nan if 0 < n < 10 else float(n // 2) for n in train)),
        ),
        caption="Held-out patients show what closeness chance gives. Training patients beyond them are suspicious.",
        marker=0.87,
        marker_label="from here on patients are named at a false discovery rate of 10 %",
    )


def _copies() -> Finding:
    bad = Direction.HIGHER_IS_WORSE
    return Finding(
        probe="copies",
        question="Are synthetic images copies of images that the generator was trained on?",
        answer="7 of 2,011 training patients have a synthetic image so like their own that no two different patients "
        "in the real data come near it; 15 to 31 more are closer than chance allows.",
        measures=(
            Measure(
                "direct_patients",
                7.0,
                7.0,
                13.0,
                n_patients=2011,
                n_images=6100,
                floor=1.0,
                unit="patients",
                direction=bad,
                assumption=Assumption.EXACT,
                note="Registered pairs compared with all pairs of different real patients.",
            ),
            Measure("direct_holdout_patients", 1.0, n_patients=1001, n_images=3020, unit="patients", direction=bad),
            Measure(
                "statistical_patients",
                31.0,
                15.0,
                31.0,
                0.9,
                n_patients=2003,
                n_images=6080,
                floor=0.0,
                unit="patients",
                direction=bad,
                assumption=Assumption.MODEL_ASSISTED,
                note="Low: confirmed at a family-wise error of 5 %; high: named at a false discovery rate of 10 %.",
            ),
            Measure(
                "global_p",
                0.0001,
                p_value=0.0001,
                n_patients=3004,
                assumption=Assumption.EXACT,
                note="Relabeling patients 9,999 times; the least p-value that can be reported is 0.0001.",
            ),
            Measure("k_min", 41.0, n_patients=3004, unit="patients", assumption=Assumption.EXACT),
            Measure("synthetic_direct", 9.0, n_images=5000, unit="images", direction=bad),
            Measure("synthetic_to_withhold", 44.0, n_images=5000, unit="images", direction=bad),
            Measure("tail_shape", math.nan, note="Shape of the fitted tail."),
        ),
        charts=(_histogram(),),
        limits=(
            "Copies of less than about a third of an image are not looked for.",
            "A copy altered by several of the tried transforms at once may be missed.",
        ),
        exposures=_exposures(),
        withheld=(
            Withheld("sample_00017.png", "copies", Kind.DIRECT, 0.9731, None),
            Withheld("sample_00442.png", "copies", Kind.DIRECT, 0.9512, None),
            Withheld("sample_00900.png", "copies", Kind.STATISTICAL, 0.8123, 0.0412),
        ),
        doubtful=doubtful(),
        header_issues=header_issues(),
    )


def doubtful() -> tuple[Doubtful, ...]:
    """Two images to look at, and one that is as real ones are; none is shown."""
    return (
        Doubtful("sample_00900.png", 0.21, "as a whole", 1.04, 0.006, 0.61, 0.9, False, "real/张伟_3.png"),
        Doubtful("sample_00442.png", 3.87, "a part", 0.91, 0.08, 0.0005, 0.05, True, "Zażółć/frontal_42.dcm"),
        Doubtful("sample_00017.png", 1.3, "throughout", 0.88, 0.41, 0.03, 0.4, True, "Zażółć/scan_0007.png"),
    )


def header_issues() -> tuple[HeaderIssue, ...]:
    """Text in an image, an objection, and an id that is a patient's."""
    letters = np.zeros((24, 120), np.uint8)
    letters[6:18, 10:110:10] = 255
    return (
        HeaderIssue("sample_00900.png", "pixels 4-90 x 8-20", "burned-in text", "letters were found", crop=letters),
        HeaderIssue("sample_00442.png", "PNG tEXt Comment", "free text", "it has to be removed", digest="0a1b2c3d4e"),
        HeaderIssue("sample_00017.png", "file name", "file names", "", "train", ("=PAT-113",), None, "ff00ff00ff"),
    )


def pair(seed: int = 0) -> Pair:
    """Four panels of something like anatomy."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:160j, -1:1:160j]
    body = 190 * np.exp(-(x**2 + 0.6 * y**2) * 2) - 90 * np.exp(-((np.abs(x) - 0.4) ** 2 * 22 + y**2 * 4))
    ribs = 25 * np.sin(14 * y + 5 * np.abs(x) + seed) + 20 * x
    real = np.clip(body + ribs + 30, 0, 255)
    synthetic = np.clip(real[:, ::-1] + rng.normal(0, 6, real.shape), 0, 255)
    registered = real[:, ::-1]
    images = [image.astype(np.uint8) for image in (synthetic, real, registered, np.abs(synthetic - registered))]
    return Pair(images[0], images[1], images[2], images[3], "mirrored, rotated by 4 degrees", 0.9731, 0.9102)


def _exposures() -> tuple[Exposure, ...]:
    first = Exposure(
        "ΠΑΤ-0007-Ærø",
        Role.TRAIN,
        "Zażółć/scan_0007.png",
        "sample_00017.png",
        "copies",
        "descriptor",
        0.9731,
        0.000999,
        0.0021,
        Kind.DIRECT,
        True,
        pair(),
    )
    second = replace(
        first,
        patient_id="Пациент-042",
        real_image="Zażółć/frontal_42.dcm",
        synthetic_image="sample_00442.png",
        score=0.9512,
        pair=pair(1),
    )
    third = replace(
        first,
        patient_id="=PAT-113",
        real_image="real/张伟_3.png",
        synthetic_image="sample_00900.png",
        score=0.8123,
        kind=Kind.STATISTICAL,
        pair=None,
    )
    fourth = replace(third, score=-0.25, p_value=None, q_value=None, flagged=False)
    return (fourth, third, second, first)


def _by_strength() -> tuple[Chart, Chart]:
    """What is measured at several strengths; the last one of the second has no limit."""
    steps, unknown = ("1 %", "2 %", "4 %"), math.nan
    shares = (
        Series("elastic", steps, (1.0, 0.75, 0.125), (0.63, 0.35, 0.003), (1.0, 0.97, 0.53)),
        Series("blend", ("10 %", "50 %"), (1.0, 0.0), (0.63, 0.0), (1.0, 0.37)),
    )
    limits = (
        Series("elastic", steps, (1.0, 2.0, 18.0), (1.0, 1.0, 4.0), (3.0, 6.0, 728.0)),
        Series("blend", ("10 %", "50 %"), (1.0, unknown), (1.0, unknown), (3.0, unknown)),
    )
    strength = "strength, mildest first"
    return (
        Chart(
            "sensitivity", "Found, by strength", ChartKind.GRID, strength, "share found", shares, "Of 8 copies each."
        ),
        Chart("detection_limit", "Limits, by strength", ChartKind.PANELS, strength, "copied patients", limits),
    )


def _planted() -> Finding:
    found = (1.0, 0.98, 0.96, 0.94, 0.91, 0.62, 0.84, 0.97)
    low = tuple(v - 0.07 for v in found)
    high = tuple(min(1.0, v + 0.04) for v in found)
    note = "50 training images planted with this transform; the interval is Clopper and Pearson's."
    lines = tuple(
        Series(name, (1.0, 2.0, 4.0, 8.0, 16.0), power)
        for name, power in (("unchanged", (0.7, 0.92, 1.0, 1.0, 1.0)), ("cropped", (0.2, 0.41, 0.66, 0.93, 0.99)))
    )
    return Finding(
        probe="planted",
        question="Which copies would this audit have found, on this data?",
        answer="At a false discovery rate of 10 %, 2 or more patients copied unchanged, or 8 or more copied cropped, "
        "would have been found nine times in ten.",
        measures=(
            *(
                Measure(
                    f"sensitivity[{name}]",
                    found[i],
                    low[i],
                    high[i],
                    n_patients=50,
                    n_images=50,
                    unit="share",
                    direction=Direction.LOWER_IS_WORSE,
                    assumption=Assumption.EXACT,
                    note=note,
                )
                for i, name in enumerate(TRANSFORMS)
            ),
            Measure("detection_limit[plain]", 2.0, 2.0, 3.0, n_patients=50, unit="patients", note="By simulation."),
            Measure(
                "detection_limit[crop]", None, n_patients=50, not_measured="No number tried was found often enough."
            ),
            Measure("false_alarms[decoys]", 0.0, 0.0, 0.0712, n_patients=50, unit="share"),
        ),
        charts=(
            Chart(
                "sensitivity",
                "How many planted copies were found?",
                ChartKind.INTERVALS,
                "Copy",
                "Share of planted copies found, with 95 % interval",
                (Series("found", TRANSFORMS, found, low, high),),
                marker=0.9,
                marker_label="asked for: 0.9",
            ),
            Chart(
                "power",
                "How often is a leak of a given size found?",
                ChartKind.LINES,
                "Number of copied patients",
                "Share of simulated audits that found the leak",
                lines,
                caption="Each point stands for 200 simulated audits with that number of copied patients.",
                marker=5.0,
                marker_label="limit of the policy",
            ),
            *_by_strength(),
        ),
        limits=("Copies were planted from images that the generator was trained on, one transform at a time.",),
    )


def _rules(copies: Finding, planted: Finding) -> tuple[RuleResult, ...]:
    no_copies = Rule(
        "no-direct-copies",
        "copies/direct_patients",
        "No training patient has a direct match among the synthetic images.",
        "A recognizable copy of a patient's image is a disclosure of that image.",
        at_most=0.0,
        minimum_patients=100,
        requires=("inputs-exchangeable",),
    )
    limit = Rule(
        "detection-limit",
        "planted/detection_limit[crop]",
        "A leak of 5 or more patients copied with a crop would have been found nine times in ten.",
        "A clean result counts only as far as the audit could have seen a leak.",
        at_most=5.0,
        on_breach=Verdict.INCONCLUSIVE,
    )
    sensitive = replace(
        limit,
        id="sensitivity-flip",
        measure="planted/sensitivity[flip]",
        says="At least 90 % of mirrored copies are found.",
        at_most=None,
        at_least=0.9,
        bound="value",
    )
    return (
        RuleResult(
            no_copies,
            Verdict.FAIL,
            "7 patients were found (7 to 13), and at most 0 are allowed.",
            copies.measure("direct_patients"),
        ),
        RuleResult(
            limit,
            Verdict.INCONCLUSIVE,
            "The detection limit for cropped copies was not measured: no number tried was found often enough.",
            planted.measure("detection_limit[crop]"),
        ),
        RuleResult(
            sensitive,
            Verdict.PASS,
            "98.0 % of mirrored copies were found, and 90 % are asked for.",
            planted.measure("sensitivity[flip]"),
        ),
        RuleResult(
            replace(
                sensitive,
                id="fairness",
                measure="fairness/gap",
                says="No group is copied more often | <b>than</b> others.",
            ),
            Verdict.INCONCLUSIVE,
            "The probe “fairness” did not run. " + "Its reason is long, and it must be read to its last word. " * 6,
            None,
        ),
    )


def _cohorts() -> dict[str, CohortSummary]:
    sex = {"F": 1020, "M": 984, "O": None}
    age = {"18-39": 411, "40-64": 1002, "65 and over": 598}
    digest = "9f2c4be1a07d3358" * 4
    return {
        "train": CohortSummary("train", 6100, 2011, 12, "512 x 512", digest, {"sex": sex, "age": age}),
        "holdout": CohortSummary("holdout", 3020, 1001, 0, "512 x 512", digest, {"sex": {"F": 503, "M": 7}}),
        "synthetic": CohortSummary("synthetic", 5000, 0, 0, "200 x 150 to 600 x 450", digest, {}),
    }


def _provenance() -> Provenance:
    return Provenance(
        version="0.1.0",
        seed=20261120,
        started="2026-11-20T18:42:09Z",
        seconds=4213.7,
        stages={"read": 312.4, "embed": 2811.9, "inputs": 88.0, "copies": 640.3, "planted": 361.1},
        platform="Linux x86_64, 16 cores",
        python="3.11.2",
        packages={"torch": "2.12.1", "numpy": "2.4.6", "faiss-cpu": "1.15.1"},
        settings={
            "encoders": ["descriptor"],
            "copies": {"fdr": 0.1, "candidates": 50, "exceedances": 50},
            "planted": {"strengths": [0.5, 1.0], "per_transform": 50},
            "split": None,
        },
    )


def failing() -> Audit:
    """A leaky generator: copies found, a rule failed, two undecided."""
    copies, planted = _copies(), _planted()
    return Audit(
        verdict=Verdict.FAIL,
        reason="7 training patients can be recognized in the synthetic images, and the policy allows none.",
        actions=(
            "Do not release these synthetic images.",
            "Train the generator again without the exposed patients, or with a privacy mechanism, and audit a fresh "
            "sample; withholding the 44 images found is no repair.",
            "Look at the pairs in the restricted annex together with a radiologist.",
        ),
        policy="open-release",
        policy_purpose="Publication without control over who receives the images, or what they do with them.",
        rules=_rules(copies, planted),
        cohorts=_cohorts(),
        issues=(
            InputIssue("train", "truncated", "The file ends before the image does. Copy it again.", 3, excluded=True),
            InputIssue("holdout", "no-row", "The table has no row for this file.", 12, excluded=False),
        ),
        encoders=(
            EncoderSummary(
                "descriptor", "c0ffee" * 10 + "beef", 768, {"retrieval_at_1": 0.9812, "effective_rank": 93.1}
            ),
        ),
        findings=(_inputs(), copies, planted, _not_run()),
        provenance=_provenance(),
        files_left_out=(
            ("train", "broken_scan_zz.png", "truncated"),
            ("holdout", "row-without-file-77", "no-row"),
        ),
    )


def _not_run() -> Finding:
    return Finding(
        probe="fairness",
        question="Are some groups copied more often than others?",
        answer="",
        not_run="The table has no column that names a group.",
    )


def passing() -> Audit:
    """An honest generator: every rule judged, none broken."""
    audit = failing()
    clean = replace(
        audit.findings[1],
        answer="No training patient was found to be copied.",
        measures=(replace(audit.findings[1].measures[0], value=0.0, low=0.0, high=0.0, floor=0.0),),
        exposures=(),
        withheld=(),
    )
    rule = replace(
        audit.rules[0],
        verdict=Verdict.PASS,
        reason="No patient was found, and at most 0 are allowed.",
        measure=clean.measures[0],
    )
    return replace(
        audit,
        verdict=Verdict.PASS,
        reason="No training patient was found again, and 2 or more copied patients would have been found.",
        actions=("Decide on the release, and write the decision down on the last page.",),
        rules=(rule, audit.rules[2]),
        issues=(),
        findings=(audit.findings[0], clean, audit.findings[2]),
        files_left_out=(),
    )


def inconclusive() -> Audit:
    """No holdout: nothing that needs a null could be judged; planted copies did not run."""
    audit = failing()
    planted = Finding("planted", audit.findings[2].question, "", not_run="There is no holdout to take decoys from.")
    return replace(
        audit,
        verdict=Verdict.INCONCLUSIVE,
        reason="Without held-out patients the audit cannot tell closeness that chance gives from copying.",
        actions=("Hold out real patients of the same source, train again without them, and audit again.",),
        rules=audit.rules[1:],
        cohorts={role: cohort for role, cohort in audit.cohorts.items() if role != "holdout"},
        findings=(audit.findings[0], planted),
        encoders=(),
    )


def empty() -> Audit:
    """The least that an audit can hold."""
    provenance = replace(_provenance(), stages={}, packages={}, settings={})
    return Audit(Verdict.INCONCLUSIVE, "Nothing was judged.", (), "none", "", (), {}, (), (), (), provenance, ())


def every() -> dict[str, Audit]:
    """All of them, by name."""
    return {"failing": failing(), "passing": passing(), "inconclusive": inconclusive(), "empty": empty()}

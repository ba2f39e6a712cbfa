"""A copied volume is found as one, whatever its slices show singly; one slice that looks alike makes none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthaudit.cohort import Cohort, Role
from synthaudit.copying import copy_evidence
from synthaudit.embed import embed
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.finding import Finding, Kind, Measure
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.matcher import Matcher
from synthaudit.matching.pool import Pool, Space
from synthaudit.policy import Verdict, parse
from synthaudit.probe import Evidence, Settings
from synthaudit.probes.volumes import Volumes
from synthaudit.progress import Progress
from synthaudit.readers.scan import pixel_digest

if TYPE_CHECKING:
    from tests.probes.conftest import Scene

Body = NDArray[np.float32]
SIZE = 64
QUICK = Settings(relabelings=199, bootstraps=3, planted_patients=5, planted_decoys=2)


@dataclass(frozen=True)
class UprightDescriptor:
    """The descriptor's vectors as if they came in a table: images are looked up as they are, which is quick."""

    name: str = "table"
    dim: int = Descriptor.dim
    fingerprint: str = "table"


def body(number: int, slices: int) -> Body:
    """(s, 64, 64) a simulated patient: a head common to all, and smooth random tissue of their own."""
    rng = np.random.default_rng([77, number])
    z = np.linspace(-0.6, 0.6, slices)[:, None, None]
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    head = 1 / (1 + np.exp((np.sqrt((x / 0.8) ** 2 + (y / 0.9) ** 2 + z**2) - 1) * 12))
    fine = gaussian_filter(rng.standard_normal((slices, SIZE, SIZE)), (0.7, 1.6, 1.6))
    broad = gaussian_filter(rng.standard_normal((slices, SIZE, SIZE)), (1.5, 5, 5))
    tissue = 0.06 * fine / fine.std() + 0.08 * broad / broad.std()
    return np.asarray(np.clip(head * (0.5 + tissue) + 0.05, 0, 1), dtype=np.float32)


def noisy(volume: Body, strength: float, seed: int) -> Body:
    rng = np.random.default_rng([seed, 5])
    return np.asarray(np.clip(volume + strength * rng.standard_normal(volume.shape), 0, 1), dtype=np.float32)


def cohort(role: Role, volumes: dict[str, Body], step: float = 1.0, start: float = 0.0) -> Cohort:
    """Volumes by name; each real one is of the patient of that name."""
    rows = [(name, i, image) for name, volume in volumes.items() for i, image in enumerate(volume)]
    known = role is not Role.SYNTHETIC
    names = tuple(f"{role}-{name}-{i:02d}.png" for name, i, _ in rows)
    return Cohort(
        role=role,
        names=names,
        sources=tuple(ArrayImage(np.ascontiguousarray(image)) for _, _, image in rows),
        patients=tuple(name for name, _, _ in rows) if known else names,
        known_patient=np.full(len(rows), known),
        attributes={},
        pixel_digests=tuple(pixel_digest(image) for _, _, image in rows),
        volumes=tuple(name for name, _, _ in rows),
        positions=tuple(start + step * i for _, i, _ in rows),
    )


def ward(n: int, slices: int) -> tuple[Cohort, Cohort]:
    """Training and held-out patients, one volume each."""
    people = {f"P{(number * 389) % 1009:04d}": body(number, slices) for number in range(2 * n)}
    sides = [dict(list(people.items())[:n]), dict(list(people.items())[n:])]
    return cohort(Role.TRAIN, sides[0]), cohort(Role.HOLDOUT, sides[1])


def evidence_of(train: Cohort, holdout: Cohort | None, synthetic: Cohort, workers: int = 1) -> Evidence:
    real = [one for one in (train, holdout) if one is not None]
    encoder = UprightDescriptor()
    embedded = {one.role: embed(one, Descriptor()) for one in (*real, synthetic)}
    pool = Pool.of(*real)
    space = Space(encoder, pool.in_pool_order(*(embedded[one.role].vectors for one in real)))
    matcher = Matcher(pool, (space,), size=SIZE, workers=workers)
    vectors = {encoder.name: embedded}
    return Evidence(train, holdout, synthetic, None, vectors, pool, matcher, QUICK, 0, workers, Progress())


def patient(number: int) -> str:
    return f"P{(number * 389) % 1009:04d}"


def answered(evidence: Evidence) -> Finding:
    return Volumes().run(evidence, evidence.rng("probe volumes"))


def measure(finding: Finding, name: str) -> Measure:
    found = finding.measure(name)
    assert found is not None, name
    return found


@pytest.fixture(scope="module")
def train_and_holdout() -> tuple[Cohort, Cohort]:
    return ward(11, 3)


@pytest.fixture(scope="module")
def evidence(train_and_holdout: tuple[Cohort, Cohort]) -> Evidence:
    """Of four synthetic volumes one is a noisy copy turned end to end, and one has a single slice of a patient's."""
    train, holdout = train_and_holdout
    mixed = body(503, 3).copy()
    mixed[1] = body(3, 3)[1]
    made = {"fresh": body(500, 3), "copied": noisy(body(2, 3), 0.07, 1)[::-1], "mixed": mixed}
    synthetic = cohort(Role.SYNTHETIC, made, step=2.5, start=-7.0)
    lone = synthetic.subset([0, 4])  # a volume of one slice, and an image of none
    lone = replace(lone, names=("lone.png", "single.png"), patients=("lone.png", "single.png"))
    lone = replace(lone, volumes=("lone", ""), sources=tuple(ArrayImage(body(n, 3)[1]) for n in (504, 505)))
    columns = {
        name: getattr(synthetic, name) + getattr(lone, name)
        for name in ("names", "sources", "patients", "volumes", "positions", "pixel_digests")
    }
    return evidence_of(train, holdout, replace(synthetic, known_patient=np.zeros(11, dtype=bool), **columns))


@pytest.fixture(scope="module")
def found(evidence: Evidence) -> Finding:
    return answered(evidence)


def test_a_copied_volume_is_found_and_counted_once(found: Finding) -> None:
    copied = measure(found, "copied_volumes")
    assert (copied.value, copied.high) == (1, 2), "one is copied, and one has too few slices to be judged"
    assert copied.low == 0, "22 strangers are too few to prove anything"
    assert (copied.n_images, copied.unit) == (10, "volumes")
    assert measure(found, "volume_patients").value == 1
    assert measure(found, "copied_holdout_volumes").value == 0
    assert measure(found, "judged_volumes").value == 3
    assert "1 that someone has to look at; 1 could not be judged" in found.answer


def test_the_patient_is_shown_once_by_the_best_pair_of_slices(found: Finding) -> None:
    (one,) = found.exposures
    assert (one.patient_id, one.role, one.probe, one.kind) == (patient(2), Role.TRAIN, "volumes", Kind.DIRECT)
    made, real = one.synthetic_image.removesuffix(".png"), one.real_image.removesuffix(".png")
    assert made.startswith("synthetic-copied-")
    assert int(made[-2:]) + int(real[-2:]) == 2, "the volume was turned end to end, and so are the slices that meet"
    assert one.pair is not None
    assert one.pair.similarity > one.pair.threshold


def test_one_slice_alike_makes_no_volume_but_withholds_it_whole(evidence: Evidence, found: Finding) -> None:
    copies = copy_evidence(evidence)
    singly = {evidence.synthetic.volumes[pair.query] for pair in copies.pairs}
    assert "mixed" in singly
    assert measure(found, "direct_volumes").value == len(singly), "however many of their slices are copies"
    assert measure(found, "volumes_to_withhold").value == 2
    held = {one.synthetic_image for one in found.withheld}
    assert held == {name for name in evidence.synthetic.names if "copied" in name or "mixed" in name}
    assert all(one.kind is Kind.DIRECT for one in found.withheld)


def test_the_answer_depends_on_no_thread_and_no_side(evidence: Evidence, found: Finding) -> None:
    assert evidence.holdout is not None
    train, holdout = replace(evidence.holdout, role=Role.TRAIN), replace(evidence.train, role=Role.HOLDOUT)
    swapped = answered(evidence_of(train, holdout, evidence.synthetic, workers=2))
    assert measure(swapped, "copied_volumes").value == 0
    assert measure(swapped, "copied_holdout_volumes").value == 1
    assert [(one.patient_id, one.score) for one in swapped.exposures] == [
        (one.patient_id, one.score) for one in found.exposures
    ]
    assert {one.probe for one in swapped.exposures} == {"volumes/holdout"}


def test_audits_of_plain_images_are_not_disturbed(scenes: type[Scene]) -> None:
    """Nothing was left unanswered, none of no volumes is copied, and no picture is looked at."""
    evidence = scenes.strangers_only(seed=1, n=3).evidence()
    finding = answered(evidence)
    assert finding.not_run is None
    assert [(one.name, one.value, one.high) for one in finding.measures] == [
        ("copied_volumes", 0, 0),
        ("copied_holdout_volumes", 0, 0),
    ]
    assert (finding.limits, finding.withheld) == ((), ())
    assert finding.answer == "No synthetic image belongs to a volume: each was judged singly."


def test_synthetic_volumes_without_real_ones_are_not_passed(evidence: Evidence) -> None:
    plain = replace(evidence.train, volumes=(), positions=())
    finding = answered(evidence_of(plain, None, evidence.synthetic))
    for name in ("copied_volumes", "volume_patients"):
        assert measure(finding, name).value is None
        assert "at least 20 real volumes of 3 slices or more" in str(measure(finding, name).not_measured)
    held = {one.synthetic_image.split("-")[1] for one in finding.withheld}
    assert "mixed" in held, "slices are still judged, and their volumes held back"
    assert measure(finding, "volumes_to_withhold").value == len(held)
    assert "is not known" in finding.answer


def test_a_policy_may_let_copied_volumes_decide(found: Finding) -> None:
    text = """
    schema = "synthaudit/policy/1"
    name = "volumes"
    purpose = "test"
    [[rule]]
    id = "no-copied-volumes"
    measure = "volumes/copied_volumes"
    says = "No synthetic volume is a copy of a training patient's volume"
    at_most = 0
    rationale = "It shows the patient, whatever its slices show."
    """
    (result,) = parse(text, "test").judge([found])
    assert result.verdict is Verdict.INCONCLUSIVE
    proven = replace(measure(found, "copied_volumes"), low=1)
    assert parse(text, "test").judge([replace(found, measures=(proven,))])[0].verdict is Verdict.FAIL


@pytest.mark.slow
def test_noise_that_hides_every_slice_does_not_hide_the_volume() -> None:
    """Planted truth: no slice of the copies is beyond doubt, both volumes are, and no fresh volume is suspected."""
    train, holdout = ward(34, 6)
    made = {f"fresh{n}": body(n, 6) for n in range(500, 506)}
    made |= {"copy": noisy(body(3, 6), 0.22, 1), "turned": noisy(body(40, 6), 0.22, 2)[::-1]}
    evidence = evidence_of(train, holdout, cohort(Role.SYNTHETIC, made, step=3.0), workers=2)
    finding = answered(evidence)
    assert not any(pair.proven for pair in copy_evidence(evidence).pairs)
    assert (measure(finding, "copied_volumes").low, measure(finding, "copied_volumes").high) == (1, 1)
    assert measure(finding, "copied_holdout_volumes").low == 1
    assert {one.patient_id for one in finding.exposures} == {patient(3), patient(40)}

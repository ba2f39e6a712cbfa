"""Coins are fair and sealed, tampering is refused, and what is guessed is judged: refuted, not refuted, or open."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cli.main import run
from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, NotEnoughData, OutputError, UsageError
from synthaudit.generators.made import images_cohort
from synthaudit.generators.protocol import Capability, Condition, GeneratorSpec, Images, capabilities_of
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.folder import write_folder
from synthaudit.training_canaries.judgment import judge, sentences
from synthaudit.training_canaries.plan import Plan, draw_plan, open_plan, write_plan
from synthaudit.training_canaries.scores import scores_from_generator, scores_from_table

PATIENTS = tuple(f"P-{number:03d}" for number in range(200))


@pytest.fixture
def plan() -> Plan:
    return draw_plan(PATIENTS, seed=4)


def write_scores(file: Path, scores: dict[str, float]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("patient_id", "score"), *scores.items()])
    return file


def train_on(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "restricted" / "train_on.csv").read_text().splitlines()))


def telling(plan: Plan) -> dict[str, float]:
    return {
        who: float(coin) + 0.001 * i for i, (who, coin) in enumerate(zip(plan.patients, plan.included, strict=True))
    }


def test_coins_are_fair_and_independent() -> None:
    coins = np.array([draw_plan(PATIENTS, seed=seed).included for seed in range(100)])
    assert 0.48 < coins.mean() < 0.52
    assert abs(np.corrcoef(coins[:, 0], coins[:, 1])[0, 1]) < 0.35
    assert 5 < coins.sum(axis=1).std() < 9, "independent coins, not half of the patients"
    one, two = (draw_plan(PATIENTS) for _ in range(2))
    assert one.included != two.included
    assert one.drawn == "secret"


def test_the_draw_does_not_depend_on_the_order_and_some_may_be_spared(plan: Plan) -> None:
    assert draw_plan(PATIENTS[::-1], seed=4) == plan
    few = draw_plan(PATIENTS, canaries=40, guesses=20, said_out=5, seed=4)
    assert len(few.patients) == 40
    assert (few.rules.said_in, few.rules.said_out) == (15, 5)
    assert list(few.patients) == sorted(few.patients)


def test_what_was_sealed_is_opened(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, PATIENTS, None, tmp_path / "plan")
    assert open_plan(tmp_path / "plan", plan.seal.upper()) == plan
    public = (tmp_path / "plan" / "commitment.json").read_text() + (tmp_path / "plan" / "instructions.md").read_text()
    assert not any(who in public for who in PATIENTS)
    assert plan.salt not in public
    assert (tmp_path / "plan" / "restricted").stat().st_mode & 0o077 == 0
    with pytest.raises(OutputError, match="needs a new or an empty folder"):
        write_plan(plan, PATIENTS, None, tmp_path / "plan")


@pytest.mark.parametrize("change", ["coin", "rule", "both files", "not there"])
def test_a_tampered_plan_is_refused(change: str, plan: Plan, tmp_path: Path) -> None:
    folder = write_plan(plan, PATIENTS, None, tmp_path / "plan")
    sealed = folder / "restricted" / "sealed_plan.json"
    content = json.loads(sealed.read_text())
    if change == "coin":
        content["coins"]["P-000"] ^= 1
    elif change == "rule":
        content["rules"]["said_in"] -= 1
    if change == "both files":
        other = write_plan(draw_plan(PATIENTS, seed=5), PATIENTS, None, tmp_path / "other")
        for name in ("commitment.json", "restricted/sealed_plan.json"):
            (folder / name).write_bytes((other / name).read_bytes())
        open_plan(folder)  # nobody noted the seal, so nobody can tell
        with pytest.raises(InputError, match="must be the one that was sealed, got another digest"):
            open_plan(folder, plan.seal)
    elif change == "not there":
        sealed.unlink()
        with pytest.raises(InputError, match=r"needs commitment\.json and restricted/sealed_plan\.json"):
            open_plan(folder)
    else:
        sealed.write_text(json.dumps(content))
        with pytest.raises(InputError, match="it was changed after it was sealed"):
            open_plan(folder)


def test_a_claim_is_refuted_or_stands_or_is_open(plan: Plan) -> None:
    ids = plan.patients
    open_training = np.array([telling(plan)[who] for who in ids])
    refuted = judge(plan, open_training, 1.0, "scores", seal_noted=True)
    assert (refuted.outcome, refuted.exit_code) == ("refuted", 1)
    assert refuted.found.epsilon_low == refuted.found.ceiling > 3
    assert f"A claim of epsilon < {refuted.found.epsilon_low:.2f} (delta 1e-05) is refuted at 95 %." in sentences(
        refuted
    )
    beyond = judge(plan, open_training, 20.0, "scores")
    assert (beyond.outcome, beyond.exit_code) == ("open", 3)
    assert "lies above the ceiling" in " ".join(sentences(beyond))
    guessing = np.random.default_rng(0).random(len(ids))
    stands = judge(plan, guessing, 1.0, "scores")
    assert (stands.outcome, stands.exit_code) == ("not refuted", 0)
    unasked = judge(plan, guessing, None, "scores")
    assert (unasked.outcome, unasked.exit_code) == ("open", 3)
    assert "No epsilon was claimed" in " ".join(sentences(unasked))


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "patients.csv"
    listed.write_text("patient_id\n" + "\n".join(PATIENTS) + "\n")
    folder = tmp_path / "plan"
    assert run(["canary", "make", "--patients", str(listed), "--seed", "4", "--out", str(folder)]) == 0
    plan = open_plan(folder)
    rows = train_on(folder)
    roles = {row["patient_id"]: row["role"] == "train" for row in rows}
    assert roles == dict(zip(plan.patients, plan.included, strict=True))
    scores = write_scores(tmp_path / "scores.csv", telling(plan))
    asked = ["canary", "audit", str(folder), "--scores", str(scores), "--seal", plan.seal]
    for claim, code in (("1", 1), ("30", 3)):
        out = tmp_path / f"out-{claim}"
        assert run([*asked, "--epsilon", claim, "--out", str(out)]) == code
        found = json.loads((out / "canary_audit.json").read_text())
        assert (found["guesses"], found["right"], found["seal_noted_elsewhere"]) == (100, 100, True)
        assert "refuted at 95 %" in (out / "canary_audit.md").read_text()
    assert run([*asked, "--epsilon", "1", "--out", str(tmp_path / "out-1")]) == 2, "nothing is overwritten"
    assert run([*asked[:-1], "0" * 64, "--out", str(tmp_path / "x")]) == 2
    assert run(["canary", "audit", str(folder), "--out", str(tmp_path / "x")]) == 2
    said = capsys.readouterr()
    assert not any(who in said.out + said.err for who in PATIENTS)
    assert f"Seal: {plan.seal}" in said.out
    assert run([*asked, "--json", "--out", str(tmp_path / "json")]) == 3
    assert json.loads(capsys.readouterr().out)["outcome"] == "open"


def phantom_folder(place: Path, n: int) -> tuple[Cohort, Path, Path]:
    cohort = ChestPopulation(seed=6, size=32).cohort(Role.TRAIN, range(n))
    write_folder(cohort, place / "images", place / "patients.csv")
    return cohort, place / "images", place / "patients.csv"


def test_samples_that_copy_give_the_coins_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cohort, images, table = phantom_folder(tmp_path, 40)
    given = ["--images", str(images), "--metadata", str(table), "--quiet"]
    make = ["canary", "make", *given, "--guesses", "20", "--seed", "1", "--out", str(tmp_path / "plan")]
    assert run(make) == 0
    plan = open_plan(tmp_path / "plan")
    trained = {who for who, coin in zip(plan.patients, plan.included, strict=True) if coin}
    copied = [source.read() for source, who in zip(cohort.sources, cohort.patients, strict=True) if who in trained]
    rows = train_on(tmp_path / "plan")
    assert {row["patient_id"] for row in rows if row["role"] == "train"} == trained
    assert {row["file"] for row in rows} == set(cohort.names)
    write_folder(images_cohort(Role.SYNTHETIC, np.stack(copied)), tmp_path / "made", None)
    audit = ["canary", "audit", str(tmp_path / "plan"), "--synthetic", str(tmp_path / "made"), *given]
    assert run([*audit, "--epsilon", "1", "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "20 of 20 guesses were right" in said.out
    assert not any(who in said.out + said.err for who in cohort.patients)


@dataclass(frozen=True)
class Knows:
    """A generator whose loss is the brightness."""

    spec: GeneratorSpec = field(default_factory=lambda: GeneratorSpec("knows", (16, 16)))

    def capabilities(self) -> frozenset[Capability]:
        return capabilities_of(self)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:  # noqa: ARG002
        return np.zeros((n, 16, 16), dtype=np.float32)

    def score(self, x: Images, seed: int, levels: int) -> NDArray[np.float32]:  # noqa: ARG002
        return np.repeat(x.mean(axis=(1, 2))[:, None], levels, axis=1)


def test_the_loss_of_a_patient_is_the_mean_over_the_images() -> None:
    shades = np.array([0.1, 0.3, 0.9], dtype=np.float32)
    cohort = images_cohort(Role.TRAIN, np.ones((3, 32, 32), dtype=np.float32) * shades[:, None, None])
    two = Cohort(Role.TRAIN, cohort.names, cohort.sources, ("a", "b", "a"), ~cohort.known_patient, {}, ("x", "y", "z"))
    np.testing.assert_allclose(scores_from_generator(two, Knows(), seed=0), [-0.5, -0.3], rtol=1e-5)


def test_wrong_use_is_named(tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(UsageError, match="canaries must be between 1 and the 200 patients, got 201"):
        draw_plan(PATIENTS, canaries=201)
    with pytest.raises(UsageError, match="guesses must be at most the 10 canaries"):
        draw_plan(PATIENTS, canaries=10, guesses=11)
    with pytest.raises(NotEnoughData, match="4 guesses refute no claim even if all are right"):
        draw_plan(PATIENTS[:8])
    with pytest.raises(UsageError, match="epsilon must be 0 or more and finite, got -1"):
        judge(plan, np.zeros(200), -1, "scores")
    few = write_scores(tmp_path / "few.csv", {"P-000": 1.0})
    with pytest.raises(InputError, match="every canary must have a finite score, found 199 of 200 without"):
        scores_from_table(few, plan.patients)
    few.write_text("patient_id,score\nP-000,1\nP-000,2\n")
    with pytest.raises(InputError, match="one row for each patient, got two of one"):
        scores_from_table(few, plan.patients)
    few.write_text("who,score\nP-000,1\n")
    with pytest.raises(InputError, match="must be a CSV with the columns patient_id and score"):
        scores_from_table(few, plan.patients)

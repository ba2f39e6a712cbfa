"""An audit that was interrupted does not register again what it had registered, and finds the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.generators.made import images_cohort
from synthaudit.matching import matcher as matching
from synthaudit.matching.compare import Compared
from synthaudit.matching.kept import KeptBlocks
from synthaudit.matching.lookup import Candidates, Query, Seen
from synthaudit.matching.matcher import Matcher, Matches
from synthaudit.matching.pool import Pool, Space
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.readers.scan import pixel_digest

CHEST = ChestPopulation(seed=12, size=64)
REAL = np.stack([CHEST.image(n) for n in range(12)])
MADE = [CHEST.image(n) for n in range(20, 32)]


def ward(folder: Path | None, real: np.ndarray = REAL) -> Matcher:
    cohort = images_cohort(Role.TRAIN, real)
    pool, encoder = Pool.of(cohort), Descriptor()
    space = Space(encoder, pool.in_pool_order(encoder.encode(real)))
    return Matcher(pool, (space,), size=64, kept=None if folder is None else KeptBlocks(folder))


def matched(one: Matcher, *, fail_at: int = -1) -> Matches:
    def query(n: int) -> Query:
        def read() -> np.ndarray:
            if n == fail_at:
                raise KeyboardInterrupt
            return MADE[n]

        return Query(read, digest=pixel_digest(MADE[n]))

    return one.match((query(n) for n in range(len(MADE))), stage="x", total=len(MADE))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "BLOCK", 4)


def test_what_was_matched_before_an_interruption_is_not_matched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        matched(ward(tmp_path), fail_at=9)
    assert len(list((tmp_path / "matches-v1").glob("*.npz"))) == 2, "two blocks of four were whole"
    again = ward(tmp_path)
    compared: list[object] = []
    honest = again.comparison.compare

    def counted(seen: Seen, candidates: Candidates) -> list[Compared]:
        compared.append(seen)
        return honest(seen, candidates)

    monkeypatch.setattr(again.comparison, "compare", counted)
    resumed, fresh = matched(again), matched(ward(None))
    assert len(compared) == 4, "only the last block"
    for name in ("query", "real", "score", "fine_query", "fine_real", "similarity", "flip", "matrix"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(fresh, name), strict=True)


def test_another_pool_finds_nothing_kept(tmp_path: Path) -> None:
    matched(ward(tmp_path))
    other = ward(tmp_path, REAL[:-1])
    assert other.kept is not None
    matched(other)
    assert len(list((tmp_path / "matches-v1").glob("*.npz"))) == 6


@pytest.mark.parametrize("damage", [lambda b: b[:50], lambda b: b[:40] + b"\0" + b[41:], lambda _: b""])
def test_a_damaged_block_is_matched_again(tmp_path: Path, damage: object) -> None:
    first = matched(ward(tmp_path))
    for file in (tmp_path / "matches-v1").glob("*.npz"):
        file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    np.testing.assert_array_equal(matched(ward(tmp_path)).similarity, first.similarity)


def test_queries_without_a_digest_are_not_kept(tmp_path: Path) -> None:
    ward(tmp_path).match([Query(lambda: MADE[0])], stage="x", total=1)
    assert not (tmp_path / "matches-v1").exists()


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "matches-v1").write_text("a file where the folder should be")
    assert matched(ward(tmp_path)).n_queries == len(MADE)

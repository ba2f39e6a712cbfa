"""The cache of embeddings: what is kept is found, damage is not trusted, and nobody is named in it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit import embedding_cache
from synthaudit.embedding_cache import FAN_IN, EmbeddingCache
from synthaudit.errors import UsageError

DIM = 5


def digests(n: int, start: int = 0) -> list[str]:
    return [hashlib.sha256(str(i).encode()).hexdigest() for i in range(start, start + n)]


def vectors(n: int, start: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(start + n, DIM)).astype(np.float32)[start:]


def shards(cache: EmbeddingCache) -> list[Path]:
    return sorted(cache.location.rglob("*.shard"))


def fetched(
    cache: EmbeddingCache, names: list[str], fingerprint: str = "f", dim: int = DIM
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    out = np.full((len(names), dim), -7, dtype=np.float32)
    return cache.fetch(fingerprint, names, out), out


def test_what_is_kept_is_found_by_a_new_process_in_any_order(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path).keep("f", digests(8), vectors(8))
    order = [6, 0, 3]
    asked = [digests(8)[i] for i in order] + digests(1, 99)
    found, out = fetched(EmbeddingCache(tmp_path), asked)
    assert found.tolist() == [True, True, True, False]
    np.testing.assert_array_equal(out[:3], vectors(8)[order])
    assert (out[3] == -7).all()


def test_another_encoder_or_another_length_finds_nothing(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.keep("f", digests(3), vectors(3))
    assert not fetched(cache, digests(3), fingerprint="g")[0].any()
    assert not fetched(cache, digests(3), dim=DIM + 1)[0].any()


def test_a_fingerprint_cannot_name_a_folder_elsewhere(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    cache.keep("../../outside", digests(1), vectors(1))
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert fetched(cache, digests(1), fingerprint="../../outside")[0].all()


def test_the_cache_is_for_its_owner_only_and_holds_no_bare_digest(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "new" / "cache")
    cache.keep("f", digests(3), vectors(3))
    for path in [cache.location, *cache.location.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0
    content = b"".join(path.read_bytes() for path in shards(cache))
    assert not any(digest.encode() in content or bytes.fromhex(digest) in content for digest in digests(3))


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    cache = EmbeddingCache(tmp_path)
    cache.keep("f", digests(1), vectors(1))
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("damage", ["truncated", "emptied", "one bit"])
def test_a_damaged_shard_is_ignored_and_removed(tmp_path: Path, damage: str) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.keep("f", digests(4), vectors(4))
    (shard,) = shards(cache)
    cache.keep("f", digests(4, 4), vectors(4, 4))
    content = bytearray(shard.read_bytes())
    content[-3] ^= 1
    shard.write_bytes({"truncated": bytes(content[:-5]), "emptied": b"", "one bit": bytes(content)}[damage])
    found, out = fetched(cache, digests(8))
    assert found.tolist() == [False] * 4 + [True] * 4
    np.testing.assert_array_equal(out[4:], vectors(4, 4))
    assert not shard.exists()
    assert cache.problem is None


@pytest.mark.parametrize("batches", [FAN_IN - 1, FAN_IN, 3 * FAN_IN + 5])
def test_shards_do_not_pile_up(tmp_path: Path, batches: int) -> None:
    cache = EmbeddingCache(tmp_path)
    for i in range(batches):
        cache.keep("f", digests(2, 2 * i), vectors(2, 2 * i))
    assert len(shards(cache)) == batches // FAN_IN + batches % FAN_IN
    found, out = fetched(cache, digests(2 * batches))
    assert found.all()
    np.testing.assert_array_equal(out, vectors(2 * batches))


def test_generations_are_merged_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "FAN_IN", 3)
    cache = EmbeddingCache(tmp_path)
    for i in range(27):
        cache.keep("f", digests(1, i), vectors(1, i))
    assert [path.name[:3] for path in shards(cache)] == ["03-"]
    np.testing.assert_array_equal(fetched(cache, digests(27))[1], vectors(27))


def test_large_shards_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "FAN_IN", 3)
    monkeypatch.setattr(embedding_cache, "MERGED_BYTES_MAX", 1)
    cache = EmbeddingCache(tmp_path)
    for i in range(7):
        cache.keep("f", digests(1, i), vectors(1, i))
    assert len(shards(cache)) == 7


def test_a_row_kept_twice_is_one_row_after_merging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "FAN_IN", 2)
    cache = EmbeddingCache(tmp_path)
    cache.keep("f", digests(4), vectors(4))
    cache.keep("f", digests(3), vectors(3))
    (merged,) = shards(cache)
    header_and_rows = 24 + 4 * (32 + 4 * DIM)
    assert merged.stat().st_size == header_and_rows


def test_a_shard_merged_away_while_reading_is_found_in_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.keep("f", digests(4), vectors(4))
    listed = embedding_cache._listed
    calls = 0

    def outdated(folder: Path) -> list[Path]:
        nonlocal calls
        calls += 1
        return [folder / f"00-{'0' * 64}.shard"] if calls == 1 else listed(folder)

    monkeypatch.setattr(embedding_cache, "_listed", outdated)
    assert fetched(cache, digests(4))[0].all()


WRITER = """
import sys
import numpy as np
from synthaudit.embedding_cache import EmbeddingCache
cache = EmbeddingCache(sys.argv[1])
start = int(sys.argv[2])
for i in range(start, start + 150):
    cache.keep("f", [f"{i:064x}"], np.full((1, 5), i, dtype=np.float32))
    missing = ~cache.fetch("f", [f"{j:064x}" for j in range(start, i + 1)], np.empty((i + 1 - start, 5), np.float32))
    assert not missing.any(), np.flatnonzero(missing)
assert cache.problem is None, cache.problem
"""


def test_two_processes_write_and_merge_at_once(tmp_path: Path) -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), start], stderr=subprocess.PIPE)
        for start in ("0", "75")
    ]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    cache = EmbeddingCache(tmp_path)
    out = np.empty((225, DIM), dtype=np.float32)
    assert cache.fetch("f", [f"{i:064x}" for i in range(225)], out).all()
    np.testing.assert_array_equal(out[:, 0], np.arange(225))
    assert len(shards(cache)) <= 3 * FAN_IN


def test_a_cache_that_cannot_be_written_says_so_and_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache(tmp_path / "file" / "cache")
    cache.keep("f", digests(2), vectors(2))
    assert cache.problem == "cannot be written (Not a directory)"
    assert not fetched(cache, digests(2))[0].any()
    cache.keep("f", digests(2), vectors(2))


def test_a_full_disk_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = EmbeddingCache(tmp_path)

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    cache.keep("f", digests(2), vectors(2))
    assert cache.problem == "cannot be written (No space left on device)"
    assert not list(tmp_path.rglob("*.tmp"))


def test_temporary_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.keep("f", digests(1), vectors(1))
    folder = shards(cache)[0].parent
    old, young = folder / "old.tmp", folder / "young.tmp"
    old.touch()
    young.touch()
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    for i in range(FAN_IN):
        cache.keep("f", digests(1, i), vectors(1, i))
    assert young.exists()
    assert not old.exists()


def test_clear_removes_every_vector_and_nothing_else(tmp_path: Path) -> None:
    other = tmp_path / "something-else"
    other.touch()
    cache = EmbeddingCache(tmp_path)
    cache.keep("f", digests(2), vectors(2))
    cache.clear()
    assert list(tmp_path.iterdir()) == [other]
    assert not fetched(cache, digests(2))[0].any()


def test_the_folder_is_the_argument_else_the_variable_else_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNTHAUDIT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert EmbeddingCache().location.name == "synthaudit"
    monkeypatch.setenv("SYNTHAUDIT_CACHE", str(tmp_path / "variable"))
    assert EmbeddingCache().location == tmp_path / "variable"
    assert EmbeddingCache(tmp_path / "argument").location == tmp_path / "argument"
    assert not list(tmp_path.iterdir())


def test_as_many_digests_as_vectors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^vectors must have one row for each digest, got 3 for 2$"):
        EmbeddingCache(tmp_path).keep("f", digests(2), vectors(3))

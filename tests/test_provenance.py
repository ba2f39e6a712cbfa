"""The key under which cohorts are named, and how an audit could be done again."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
import pytest

from synthaudit.provenance import keyed_digest, provenance, secret_key


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key's file is looked for."""
    monkeypatch.delenv("SYNTHAUDIT_KEY", raising=False)
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda name: str(tmp_path / "config" / name))
    return tmp_path / "config" / "synthaudit"


def test_the_environment_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHAUDIT_KEY", "from the ward")
    assert secret_key() == b"from the ward"
    assert not home.exists()


def test_a_key_that_is_no_text_is_used_as_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHAUDIT_KEY", "\udcff\udc80")  # how Python shows bytes that are not UTF-8
    assert secret_key() == b"\xff\x80"
    assert not home.exists()


def test_a_key_is_made_once_and_kept_private(home: Path) -> None:
    first = secret_key()
    assert len(first) == 64
    assert secret_key() == first
    assert stat.S_IMODE((home / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_written_gives_a_key_for_this_run(home: Path) -> None:
    home.parent.mkdir()
    home.write_text("a file where the folder should be")
    assert len(secret_key()) == 32
    assert secret_key() != secret_key()


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_an_empty_key_is_no_key(home: Path, content: bytes) -> None:
    """With an empty key the digests would be plain ones: whoever holds a candidate image could try it."""
    home.mkdir(parents=True)
    (home / "key").write_bytes(content)
    assert len(secret_key()) == 32
    assert secret_key() != secret_key()


def test_a_key_of_any_bytes_is_read(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "key").write_bytes(b"\xff\x00secret\n")
    assert secret_key() == b"\xff\x00secret"


def test_digests_are_keyed() -> None:
    digest = hashlib.sha256(b"images").hexdigest()
    assert keyed_digest(digest, b"k") == hmac.new(b"k", digest.encode(), "sha256").hexdigest()
    assert len({keyed_digest(digest, key) for key in (b"k", b"l")} | {digest}) == 3


def test_it_is_plain_and_names_what_it_rests_on() -> None:
    made = provenance(
        seed=3,
        started=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        seconds=1.26,
        stages={"embed": 0.126},
        settings={"relabelings": 99},
    )
    assert (made.started, made.seconds, made.stages) == ("2026-01-02T03:04:05Z", 1.3, {"embed": 0.13})
    assert (made.seed, made.settings) == (3, {"relabelings": 99})
    assert made.packages["numpy"][0].isdigit()
    assert "/" not in json.dumps(made.platform)

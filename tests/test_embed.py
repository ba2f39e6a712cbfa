"""Embedding a cohort: every image once, in order, and an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import io
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from synthaudit.cohort import Cohort, Role
from synthaudit.embed import embed
from synthaudit.embedding_cache import EmbeddingCache
from synthaudit.errors import EncoderError, UnreadableImage, UsageError
from synthaudit.progress import Progress

SIDE = 6


@dataclass
class Source:
    """An image in memory that counts how often it is read."""

    image: NDArray[np.float32]
    readable: bool = True
    reads: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> NDArray[np.float32]:
        with self.lock:
            self.reads += 1
        if not self.readable:
            raise UnreadableImage("truncated", "ends early")
        return self.image


@dataclass
class Pixels:
    """An encoder that records what it is shown: the first row of each image, and a one, scaled to unit length."""

    name: str = "pixels"
    fingerprint: str = "pixels-1"
    input_size: int = SIDE
    channels: Literal[1, 3] = 1
    fast: bool = False
    fails_after: int = 10**9
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)
    dim: int = SIDE + 1

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(self.shapes) >= self.fails_after:
            raise KeyboardInterrupt
        self.shapes.append(images.shape)
        self.seen += [image.tobytes() for image in images]
        flat = images.reshape(len(images), SIDE, SIDE, -1).mean(axis=3)[:, 0]
        rows = np.concatenate([flat, np.ones((len(images), 1), np.float32)], axis=1)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def cohort(n: int, distinct: int | None = None, seed: int = 0) -> Cohort:
    rng = np.random.default_rng(seed)
    images = rng.random((distinct or n, SIDE, SIDE)).astype(np.float32)
    chosen = [images[i % len(images)] for i in range(n)]
    return Cohort(
        role=Role.TRAIN,
        names=tuple(f"{i}.png" for i in range(n)),
        sources=tuple(Source(image) for image in chosen),
        patients=tuple(f"p{i}" for i in range(n)),
        known_patient=np.ones(n, dtype=np.bool_),
        attributes={},
        pixel_digests=tuple(hashlib.sha256(image.tobytes()).hexdigest() for image in chosen),
    )


def images_of(some: Cohort) -> NDArray[np.float32]:
    return np.stack([source.read() for source in some.sources])


def reads(some: Cohort) -> int:
    return sum(source.reads for source in some.sources if isinstance(source, Source))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_rows_are_what_the_encoder_gives_for_each_image_alone(workers: int, batch_size: int) -> None:
    some = cohort(11)
    made = embed(some, Pixels(), workers=workers, batch_size=batch_size)
    np.testing.assert_array_equal(made.vectors, Pixels().encode(images_of(some)))
    assert made.vectors.dtype == np.float32
    assert (made.encoder, made.fingerprint, len(made)) == ("pixels", "pixels-1", 11)


def test_equal_pixels_are_decoded_and_encoded_once() -> None:
    some, encoder = cohort(20, distinct=6), Pixels()
    made = embed(some, encoder, batch_size=3)
    assert reads(some) == 6
    assert len(encoder.seen) == len(set(encoder.seen)) == 6
    np.testing.assert_array_equal(made.vectors, Pixels().encode(images_of(some)))


def test_every_batch_has_the_same_shape() -> None:
    encoder = Pixels()
    embed(cohort(9), encoder, batch_size=4)
    assert encoder.shapes == [(4, SIDE, SIDE)] * 3
    color = Pixels(channels=3)
    embed(cohort(5), color, batch_size=4)
    assert color.shapes == [(4, SIDE, SIDE, 3)] * 2


def test_a_second_run_decodes_and_encodes_nothing(tmp_path: Path) -> None:
    first = embed(cohort(10), Pixels(), cache=EmbeddingCache(tmp_path), batch_size=4)
    again, encoder = cohort(10), Pixels()
    second = embed(again, encoder, cache=EmbeddingCache(tmp_path), batch_size=4)
    assert reads(again) == 0
    assert encoder.shapes == []
    np.testing.assert_array_equal(first.vectors, second.vectors)


def test_only_what_is_new_is_encoded_and_other_encoders_share_nothing(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    whole = cohort(10)
    embed(whole.subset([7, 2]), Pixels(), cache=cache)
    encoder = Pixels()
    made = embed(whole, encoder, cache=cache, batch_size=1)
    assert len(encoder.seen) == 8
    np.testing.assert_array_equal(made.vectors, Pixels().encode(images_of(whole)))
    other = Pixels(fingerprint="pixels-2")
    embed(whole, other, cache=cache, batch_size=1)
    assert len(other.seen) == 10


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, workers: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        embed(cohort(23), Pixels(fails_after=3), cache=EmbeddingCache(tmp_path), batch_size=4, workers=workers)
    some, encoder = cohort(23), Pixels()
    made = embed(some, encoder, cache=EmbeddingCache(tmp_path), batch_size=4, workers=workers)
    assert reads(some) == 23 - 12
    assert len(encoder.shapes) == 3
    np.testing.assert_array_equal(made.vectors, Pixels().encode(images_of(some)))


KILLED = """
import importlib.util, os, signal, sys
spec = importlib.util.spec_from_file_location("test_embed", sys.argv[1])
test_embed = importlib.util.module_from_spec(spec)
sys.modules["test_embed"] = test_embed
spec.loader.exec_module(test_embed)
class Killed(test_embed.Pixels):
    def encode(self, images):
        if len(self.shapes) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(images)
test_embed.embed(test_embed.cohort(23), Killed(), cache=test_embed.EmbeddingCache(sys.argv[2]), batch_size=4, workers=2)
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, __file__, str(tmp_path)], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    some, encoder = cohort(23), Pixels()
    made = embed(some, encoder, cache=EmbeddingCache(tmp_path), batch_size=4)
    assert reads(some) == 23 - 12
    np.testing.assert_array_equal(made.vectors, Pixels().encode(images_of(some)))


def test_no_more_than_a_batch_and_what_decodes_is_read_ahead() -> None:
    some = cohort(200)
    ahead = []

    class Watching(Pixels):
        def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
            ahead.append(reads(some) - len(self.seen))
            return super().encode(images)

    embed(some, Watching(), batch_size=8, workers=2)
    assert max(ahead) <= 8 + 4 * 2


def test_an_unreadable_image_stops_the_run_but_what_was_done_is_kept(tmp_path: Path) -> None:
    some = cohort(10)
    source = some.sources[9]
    assert isinstance(source, Source)
    source.readable = False
    with pytest.raises(UnreadableImage, match="truncated"):
        embed(some, Pixels(), cache=EmbeddingCache(tmp_path), batch_size=4)
    encoder = Pixels()
    embed(cohort(10), encoder, cache=EmbeddingCache(tmp_path), batch_size=1)
    assert len(encoder.seen) == 2


def test_a_cache_that_cannot_be_used_is_noted_and_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    stream = io.StringIO()
    progress = Progress(quiet=False, stream=stream)
    made = embed(cohort(5), Pixels(), cache=EmbeddingCache(tmp_path / "file"), progress=progress)
    assert len(made) == 5
    assert "the cache of embeddings cannot be read (" in stream.getvalue()
    assert "embed train (pixels): 5 done" in stream.getvalue()
    assert str(tmp_path) not in stream.getvalue()
    assert progress.seconds["embed train (pixels)"] > 0


def test_no_images_no_vectors(tmp_path: Path) -> None:
    encoder = Pixels()
    assert embed(cohort(0), encoder, cache=EmbeddingCache(tmp_path)).vectors.shape == (0, SIDE + 1)
    assert encoder.shapes == []


@dataclass
class Wrong(Pixels):
    """An encoder that gives what it must not."""

    how: str = "NaN"

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = super().encode(images)
        if self.how == "NaN":
            rows[1] = np.nan
        elif self.how == "length":
            rows *= 1.01
        elif self.how == "zero":
            rows[1] = 0
        else:
            rows = rows[:, :-1]
        return rows


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (
            "NaN",
            "encoder pixels must give finite vectors, got NaN or infinity for 1 of 4 train images; its weights are "
            "damaged, or do not suit its architecture",
        ),
        ("length", "encoder pixels must give rows of unit length, got one of length 1.01"),
        ("zero", "encoder pixels must give rows of unit length, got one of length 0"),
        ("shape", "encoder pixels must give vectors of shape (4, 7) for 4 images, got (4, 6)"),
    ],
)
def test_what_an_encoder_gives_is_checked_and_never_kept(tmp_path: Path, how: str, says: str) -> None:
    with pytest.raises(EncoderError) as raised:
        embed(cohort(8), Wrong(how=how), cache=EmbeddingCache(tmp_path), batch_size=4)
    assert str(raised.value) == says
    encoder = Pixels()
    embed(cohort(8), encoder, cache=EmbeddingCache(tmp_path), batch_size=4)
    assert len(encoder.shapes) == 2


@dataclass
class Table:
    """Vectors made elsewhere."""

    name: str = "table"
    dim: int = 2
    fingerprint: str = "table-1"
    length: float = 1.0

    def rows(self, role: str, names: Sequence[str]) -> NDArray[np.float32]:
        assert role == "train"
        angle = np.array([float(Path(name).stem) for name in names])
        return (self.length * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.float32)


def test_a_table_is_asked_by_role_and_name_and_no_image_is_read() -> None:
    some = cohort(6).subset([4, 1])
    made = embed(some, Table())
    np.testing.assert_array_equal(made.vectors, Table().rows("train", ("4.png", "1.png")))
    assert reads(some) == 0
    with pytest.raises(EncoderError, match="unit length, got one of length 2"):
        embed(some, Table(length=2.0))


@pytest.mark.parametrize(("batch_size", "workers"), [(0, 1), (1, 0)])
def test_batch_size_and_workers_are_at_least_one(batch_size: int, workers: int) -> None:
    with pytest.raises(UsageError, match=r"^batch_size and workers must be at least 1, got"):
        embed(cohort(1), Pixels(), batch_size=batch_size, workers=workers)

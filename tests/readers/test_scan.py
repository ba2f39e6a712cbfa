"""A scan checks every file once, in an order of its own, and remembers digests without remembering files."""

import hashlib
import io
import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from synthaudit.progress import Progress
from synthaudit.readers import digest_cache
from synthaudit.readers.folder import list_folder
from synthaudit.readers.raster import RasterSource
from synthaudit.readers.scan import ScannedFolder, pixel_digest, scan_folder

RNG = np.random.default_rng(8)


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (16, 20), dtype=np.uint8)).save(path)


def scan(folder: Path, workers: int = 1, cache: Path | None = None) -> ScannedFolder:
    return scan_folder(folder, "reading", workers, Progress(), cache)


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    decode = RasterSource.read

    def read(self: RasterSource) -> Any:
        calls.append(1)
        return decode(self)

    monkeypatch.setattr(RasterSource, "read", read)
    return calls


def test_the_digest_is_of_shape_type_and_values() -> None:
    image = np.linspace(0, 1, 80, dtype=np.float32).reshape(8, 10)
    assert pixel_digest(image) == hashlib.sha256(b"(8, 10) <f4 " + image.astype("<f4").tobytes()).hexdigest()
    assert pixel_digest(image.reshape(10, 8)) != pixel_digest(image)
    assert pixel_digest(np.asfortranarray(image)) == pixel_digest(image)


def test_order_is_that_of_names_and_does_not_depend_on_threads(tmp_path: Path) -> None:
    for name in ("b/2.png", "a.png", "b/10.png", "B.png", "z/é.png", "z/e\u0301f.png"):
        picture(tmp_path / name)
    np.save(tmp_path / "m.npy", RNG.random((12, 9, 9)))
    (tmp_path / "broken.png").write_bytes(b"")
    one, many = scan(tmp_path), scan(tmp_path, workers=3)
    assert one == many
    names = [image.name for image in one.images]
    stack = [f"m.npy#{i}" for i in range(12)]
    assert names == ["B.png", "a.png", "b/10.png", "b/2.png", *stack, "z/é.png", "z/éf.png"]
    assert all(unicodedata.is_normalized("NFC", name) for name in names)
    assert [(bad.name, bad.reason) for bad in one.rejected] == [("broken.png", "empty-file")]
    assert one.images[0].checked[1:] == (16, 20)


def test_kinds_of_files(tmp_path: Path) -> None:
    for name in ("a.PNG", ".hidden.png", ".git/b.png", "__MACOSX/c.png"):
        picture(tmp_path / name)
    for name in ("notes.txt", "table.csv", "1.2.840.7", "LICENSE"):
        (tmp_path / name).write_text("text " * 50)
    for name in ("volume.mha", "x.webp"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "1.2.840.8").write_bytes(bytes(128) + b"DICM" + bytes(40))
    listing = list_folder(tmp_path)
    assert [file.name for file in listing.files] == ["1.2.840.8", "a.PNG"]
    reasons = {file.name: file.reason for file in listing.passed_over}
    assert {name for name, reason in reasons.items() if reason == "unsupported-format"} == {"volume.mha", "x.webp"}
    assert len(reasons) == 9


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder" / "circle").symlink_to(tmp_path / "folder")
    (tmp_path / "folder" / "dangling.png").symlink_to(tmp_path / "nothing")
    found = scan(tmp_path / "folder")
    assert [image.name for image in found.images] == ["link/a.png"]
    assert [bad.reason for bad in found.rejected] == ["cannot-open"]


def test_a_second_scan_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(3):
        picture(tmp_path / "in" / f"{i}.png")
    calls = counting(monkeypatch)
    first = scan(tmp_path / "in", cache=tmp_path / "cache")
    assert len(calls) == 3
    assert scan(tmp_path / "in", cache=tmp_path / "cache") == first
    assert len(calls) == 3


def test_a_changed_file_or_rule_is_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(2):
        picture(tmp_path / "in" / f"{i}.png")
    first = scan(tmp_path / "in", cache=tmp_path / "cache")
    calls = counting(monkeypatch)
    picture(tmp_path / "in" / "1.png")
    os.utime(tmp_path / "in" / "1.png", ns=(1, 1))
    second = scan(tmp_path / "in", cache=tmp_path / "cache")
    assert len(calls) == 1
    assert second.images[1].checked.digest != first.images[1].checked.digest
    monkeypatch.setattr(digest_cache, "READING_RULES", digest_cache.READING_RULES + 1)
    scan(tmp_path / "in", cache=tmp_path / "cache")
    assert len(calls) == 3


def test_images_of_one_stack_have_keys_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "s.npy", RNG.random((3, 9, 9)))
    first = scan(tmp_path / "in", cache=tmp_path / "cache")
    assert len({image.checked.digest for image in first.images}) == 3
    assert scan(tmp_path / "in", cache=tmp_path / "cache") == first


def test_the_cache_names_no_file(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "SecretName.png")
    scan(tmp_path / "in", cache=tmp_path / "cache")
    content = b"".join(path.read_bytes() for path in (tmp_path / "cache").iterdir())
    assert len(content) > 0
    assert b"SecretName" not in content
    assert b"png" not in content


def test_a_broken_or_forbidden_cache_is_no_cache(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    plain = scan(tmp_path / "in")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / digest_cache.FILE_NAME).write_bytes(b"no database" * 500)
    assert scan(tmp_path / "in", cache=tmp_path / "cache") == plain
    (tmp_path / "file").write_text("in the way")
    assert scan(tmp_path / "in", cache=tmp_path / "file") == plain


def test_progress_counts_files_and_names_none(tmp_path: Path) -> None:
    picture(tmp_path / "SecretName.png")
    stream = io.StringIO()
    progress = Progress(quiet=False, stream=stream)
    scan_folder(tmp_path, "reading train", 1, progress, None)
    assert stream.getvalue().startswith("reading train: 1 done")
    assert "Secret" not in stream.getvalue()
    assert "reading train" in progress.seconds

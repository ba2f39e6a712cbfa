"""An archive is read as the folder that it was made from, and nothing else is."""

from __future__ import annotations

import io
import pickle
import tarfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from synthaudit.cohort import Role
from synthaudit.errors import InputError, UnreadableImage, UsageError
from synthaudit.intake import load, read_cohort
from synthaudit.readers.raster import RasterSource
from synthaudit.sources import archive_limits, tar_archive, zip_archive
from synthaudit.sources.archive_limits import ArchiveLimits
from synthaudit.sources.location import Keeping, located, names_at
from tests.sources.conftest import as_read, png, write_tar, write_zip

Content = dict[str, bytes]
Pack = Callable[[Path, Content], Path]


def _tgz(path: Path, content: Content) -> Path:
    return write_tar(path, content, "w:gz")


PACKED: dict[str, Pack] = {"set.zip": write_zip, "set.tar": write_tar, "set.tar.gz": _tgz, "set.tgz": _tgz}


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_is_read_as_its_folder(name: str, tmp_path: Path, folder: Path, content: Content) -> None:
    archive = PACKED[name](tmp_path / name, content)
    plain, packed = as_read(folder), as_read(archive)
    assert packed.names == plain.names
    assert packed.pixel_digests == plain.pixel_digests
    assert packed.digest == plain.digest
    assert read_cohort(archive, Role.TRAIN)[1] == read_cohort(folder, Role.TRAIN)[1]


@pytest.mark.parametrize("name", PACKED)
def test_sources_are_small_can_be_pickled_and_read_by_many_threads(name: str, tmp_path: Path, content: Content) -> None:
    cohort = as_read(PACKED[name](tmp_path / name, content))
    elsewhere = pickle.loads(pickle.dumps(cohort.sources))
    assert len(pickle.dumps(cohort.sources[0])) < 1000
    expected = [source.read().tobytes() for source in cohort.sources]
    wrong: list[int] = []

    def read() -> None:
        for _ in range(5):
            wrong.extend(i for i, source in enumerate(elsewhere) if source.read().tobytes() != expected[i])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_table_speaks_of_members_by_name(tmp_path: Path, content: Content) -> None:
    archive = write_zip(tmp_path / "set.zip", content)
    table = tmp_path / "patients.csv"
    # By the name inside, by the name as if unpacked beside the table, and by the last part.
    rows = ["a/image-0.png,P1,F", "set/b/image-1.png,P2,M", "image-2.png,P1,F", "b/image-3.png,P3,M", "stack.npy,P4,F"]
    table.write_text("file,patient_id,sex\n" + "\n".join(rows) + "\n")
    cohort, issues = read_cohort(archive, Role.TRAIN, metadata=table)
    of = dict(zip(cohort.names, cohort.patients, strict=True))
    assert of["a/image-0.png"] == of["a/image-2.png"] == "P1"
    assert (of["b/image-1.png"], of["b/image-3.png"], of["stack.npy#1"]) == ("P2", "P3", "P4")
    assert {issue.reason for issue in issues} == {"not-an-image"}


BAD_NAMES = [
    "../outside.png",
    "/etc/image.png",
    "a/../../image.png",
    "C:\\image.png",
    "..\\image.png",
    "\\\\host\\x.png",
]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("pack", [write_zip, write_tar])
def test_paths_that_lead_outside_are_refused(pack: Pack, name: str, tmp_path: Path) -> None:
    archive = pack(tmp_path / ("x.zip" if pack is write_zip else "x.tar"), {"ok.png": png(1), name: png(2)})
    with pytest.raises(InputError, match="must lie inside it, found a path that leads outside") as caught:
        as_read(archive)
    assert "image" not in str(caught.value).replace("images", "")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind: bytes, tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w") as tar:
        for name, of in (("ok.png", b""), ("link.png", kind)):
            member = tarfile.TarInfo(name)
            data = b"" if of else png(1)
            member.size, member.type, member.linkname = len(data), of or tarfile.REGTYPE, "/etc/passwd" if of else ""
            tar.addfile(member, io.BytesIO(data))
    with pytest.raises(InputError, match="must hold plain files, found 1 link"):
        as_read(archive)


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("ok.png", png(1))
        link = zipfile.ZipInfo("link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="must hold plain files, found 1 link"):
        as_read(archive)


@pytest.mark.parametrize("pack", [write_zip, _tgz])
def test_a_bomb_is_refused_by_its_ratio(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = ArchiveLimits(free_of_ratio_bytes=2**16)
    monkeypatch.setattr(zip_archive, "LIMITS", limits)
    monkeypatch.setattr(tar_archive, "LIMITS", limits)
    archive = pack(
        tmp_path / ("x.zip" if pack is write_zip else "x.tgz"), {"ok.png": png(1), "zeros.bmp": bytes(2**22)}
    )
    with pytest.raises(InputError, match="decompression bomb"):
        as_read(archive)


def test_a_zip_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"1.png": png(1)})
    raw = bytearray(archive.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 20 : at + 24] = (10**6).to_bytes(4, "little")
    archive.write_bytes(raw)
    with pytest.raises(InputError, match="its members overlap"):
        as_read(archive)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archive, "LIMITS", ArchiveLimits(members=3))
    monkeypatch.setattr(tar_archive, "LIMITS", ArchiveLimits(members=3))
    files = {f"{i}.png": png(i) for i in range(4)}
    for archive in (write_zip(tmp_path / "x.zip", files), write_tar(tmp_path / "x.tar", files)):
        with pytest.raises(InputError, match="at most 3 files"):
            as_read(archive)


def test_an_encrypted_zip_is_refused_with_a_way_out(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"1.png": png(1)})
    raw = bytearray(archive.read_bytes())
    raw[6] |= 1
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(raw)
    with pytest.raises(InputError, match=r"must not be encrypted, found 1 encrypted file.*unpack it with its password"):
        as_read(archive)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_an_archive_that_was_cut_off_is_refused(name: str, share: float, tmp_path: Path, content: Content) -> None:
    archive = PACKED[name](tmp_path / name, content)
    raw = archive.read_bytes()
    raw = raw.rstrip(b"\0") if name.endswith(".tar") else raw
    archive.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(InputError, match="damaged or cut off"):
        as_read(archive)


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    # Without its end, such a tar looks whole: tarfile stops in silence, and images would be missing.
    archive = write_tar(tmp_path / "x.tar", {f"{i}.png": png(i) for i in range(4)})
    with tarfile.open(archive) as tar:
        third = tar.getmembers()[2]
    archive.write_bytes(archive.read_bytes()[: third.offset])
    with pytest.raises(InputError, match="damaged or cut off"):
        as_read(archive)


def test_two_tars_behind_each_other_are_refused(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "x.tar", {"1.png": png(1)})
    archive.write_bytes(2 * archive.read_bytes())
    with pytest.raises(InputError, match="found more behind its end"):
        as_read(archive)


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("1.png")
        member.pax_headers = {"comment": "x" * (2**20 + 1)}
        member.size = len(png(1))
        tar.addfile(member, io.BytesIO(png(1)))
    with pytest.raises(InputError, match="damaged or cut off"):
        as_read(archive)


@pytest.mark.parametrize("pack", [write_zip, write_tar])
def test_an_archive_inside_is_not_opened_and_counted(pack: Pack, tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "inner.zip", {"2.png": png(2)}).read_bytes()
    archive = pack(tmp_path / ("x.zip" if pack is write_zip else "x.tar"), {"1.png": png(1), "inner.zip": inner})
    cohort, issues = read_cohort(archive, Role.TRAIN)
    assert cohort.names == ("1.png",)
    assert ("nested-archive", 1, True) in [(issue.reason, issue.count, issue.excluded) for issue in issues]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("ending", ["zip", "tar"])
def test_a_name_twice_is_refused(ending: str, tmp_path: Path) -> None:
    archive = tmp_path / f"x.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("1.png", png(1))
            packed.writestr("./1.png", png(2))
    else:
        with tarfile.open(archive, "w") as tar:
            for seed in (1, 2):
                member = tarfile.TarInfo("1.png")
                member.size = len(png(seed))
                tar.addfile(member, io.BytesIO(png(seed)))
    with pytest.raises(InputError, match="must differ in name, found 1 name"):
        as_read(archive)


def test_a_member_with_a_wrong_checksum_is_no_image(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"1.png": png(1), "2.png": png(2)}, zipfile.ZIP_STORED)
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b"IDAT") + 20] ^= 0xFF
    archive.write_bytes(raw)
    cohort, issues = read_cohort(archive, Role.TRAIN)
    assert cohort.names == ("2.png",)
    assert [(issue.reason, issue.count) for issue in issues if issue.excluded] == [("corrupt", 1)]


def test_an_archive_that_changes_while_it_is_read_says_so(tmp_path: Path) -> None:
    for archive in (write_zip(tmp_path / "x.zip", {"1.png": png(1)}), write_tar(tmp_path / "x.tar", {"1.png": png(1)})):
        (source,) = as_read(archive).sources
        archive.write_bytes(archive.read_bytes() + b"\0")
        with pytest.raises(UnreadableImage, match="changed while it was read"):
            source.read()


def test_a_compressed_tar_leaves_no_file_behind(tmp_path: Path, content: Content) -> None:
    archive, spools = _tgz(tmp_path / "x.tgz", content), tmp_path / "cache"
    listing = names_at(located({"train": archive})["train"], Keeping(spools))
    assert len(listing.files) == 5
    assert list(spools.iterdir()) == []


def test_a_compressed_tar_that_does_not_fit_the_disk_is_refused(
    tmp_path: Path, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_archive, "LIMITS", ArchiveLimits(free_disk_bytes=2**62))
    with pytest.raises(InputError, match=r"pack it as a plain \.tar or a \.zip"):
        as_read(_tgz(tmp_path / "x.tgz", content))


def test_each_role_needs_an_archive_of_its_own(tmp_path: Path, content: Content) -> None:
    archive = write_zip(tmp_path / "x.zip", content)
    with pytest.raises(UsageError, match=r"for synthetic and train|for train and synthetic"):
        load(train=archive, synthetic=archive)


def test_something_else_is_refused_with_what_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"found a file of another kind. Accepted: a folder; a \.zip"):
        as_read(tmp_path / "x.pdf")
    with pytest.raises(InputError, match="must be what its name says"):
        as_read(tmp_path / "x.zip")
    with pytest.raises(InputError, match="found nothing there"):
        as_read(tmp_path / "none")


def test_limits_of_the_whole_and_of_nothing() -> None:
    limits = archive_limits.LIMITS
    limits.check_total(2**30, 1)
    limits.check_total(199 * 2**30, 2**30)
    with pytest.raises(InputError, match="bomb"):
        limits.check_total(201 * 2**30, 2**30)
    with pytest.raises(InputError, match="at most 8,192 GiB"):
        limits.check_total(2**44, 2**43)


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tgz"])
def test_an_archive_that_was_broken_at_random_is_refused_or_read(name: str, tmp_path: Path) -> None:
    # Whatever its bytes are: an InputError or images, and never another error.
    whole = PACKED[name](tmp_path / name, {f"{i}.png": png(i) for i in range(3)}).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        raw = bytearray(whole)
        for at in rng.integers(0, len(raw), rng.integers(1, 8)):
            raw[at] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(raw)
        try:
            for file in names_at(located({"train": tmp_path / name})["train"], Keeping(tmp_path)).files:
                with suppress(UnreadableImage):
                    RasterSource(file.path).read()
        except InputError:
            refused += 1
    assert refused > 0

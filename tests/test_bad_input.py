"""Every bad input ends in a reason and what to do about it; never in a traceback, a path or a patient's id."""

import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from synthaudit.errors import InputError, MetadataError, UnreadableImage
from synthaudit.intake import Intake, load
from synthaudit.readers.raster import RasterSource

RNG = np.random.default_rng(9)


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (40, 50), dtype=np.uint8)).save(path)


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def png_of(width: int, height: int, *, deep: bool = False) -> bytes:
    """An 8-bit (16-bit if deep) gray PNG of zeros, written row by row: it needs no memory of its size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(1)
    row = bytes(1 + width * (2 if deep else 1))
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 16 if deep else 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def truncated_png(folder: Path) -> str:
    picture(folder / "bad.png")
    cut(folder / "bad.png", 0.5)
    return "bad.png"


def truncated_jpeg(folder: Path) -> str:
    picture(folder / "bad.jpg")
    cut(folder / "bad.jpg", 0.7)
    return "bad.jpg"


def truncated_bmp(folder: Path) -> str:
    picture(folder / "bad.bmp")
    cut(folder / "bad.bmp", 0.7)
    return "bad.bmp"


def truncated_tiff(folder: Path) -> str:
    picture(folder / "bad.tif")
    cut(folder / "bad.tif", 0.7)
    return "bad.tif"


def broken_header(folder: Path) -> str:
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\xff" * 90)
    return "bad.png"


def zero_bytes(folder: Path) -> str:
    (folder / "bad.png").write_bytes(b"")
    return "bad.png"


def text_as_png(folder: Path) -> str:
    (folder / "bad.png").write_text("this is not a picture " * 20)
    return "bad.png"


def one_pixel(folder: Path) -> str:
    Image.new("L", (1, 1)).save(folder / "bad.png")
    return "bad.png"


def a_billion_pixels(folder: Path) -> str:
    whole = bytearray(png_of(40_000, 8))
    whole[20:24] = struct.pack(">I", 40_000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    (folder / "bad.png").write_bytes(bytes(whole))
    return "bad.png"


def nan_array(folder: Path) -> str:
    np.save(folder / "bad.npy", np.full((20, 20), np.nan))
    return "bad.npy"


def zero_bytes_array(folder: Path) -> str:
    (folder / "bad.npz").write_bytes(b"")
    return "bad.npz"


def text_as_array(folder: Path) -> str:
    (folder / "bad.npz").write_text("text")
    return "bad.npz"


def dicom_without_pixels(folder: Path) -> str:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = UID("1.2.3")
    made.PatientID = "SecretId"
    made.save_as(folder / "bad.dcm", enforce_file_format=True)
    return "bad.dcm"


def text_as_dicom(folder: Path) -> str:
    (folder / "bad.dcm").write_text("this is not DICOM " * 20)
    return "bad.dcm"


BAD: list[tuple[Callable[[Path], str], str]] = [
    (truncated_png, "truncated"),
    (truncated_jpeg, "truncated"),
    (truncated_bmp, "truncated"),
    (truncated_tiff, "truncated"),
    (broken_header, "corrupt"),
    (zero_bytes, "empty-file"),
    (text_as_png, "wrong-content"),
    (one_pixel, "too-small"),
    (a_billion_pixels, "too-large"),
    (nan_array, "not-finite"),
    (zero_bytes_array, "empty-file"),
    (text_as_array, "corrupt"),
    (dicom_without_pixels, "no-pixels"),
    (text_as_dicom, "wrong-content"),
]


def audit_of(folder: Path, **options: Any) -> Intake:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load(train=folder / "train", synthetic=folder / "synthetic", workers=2, **options)


@pytest.mark.parametrize(("make", "reason"), BAD, ids=[make.__name__ for make, _ in BAD])
def test_one_bad_file_is_left_out_for_its_reason(
    tmp_path: Path, make: Callable[[Path], str], reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    picture(tmp_path / "train" / "good.png")
    picture(tmp_path / "synthetic" / "s.png")
    name = make(tmp_path / "train")
    intake = audit_of(tmp_path)
    assert intake.train.names == ("good.png",)
    issue = next(issue for issue in intake.issues if issue.excluded)
    assert (issue.role, issue.reason, issue.count) == ("train", reason, 1)
    assert issue.says.endswith(".")
    assert len(issue.says) > 30
    assert ("train", name, reason) in intake.files_left_out
    assert "bad" not in issue.says
    assert "bad" not in capfd.readouterr().err


@pytest.mark.parametrize(("make", "reason"), BAD, ids=[make.__name__ for make, _ in BAD])
def test_only_bad_files_are_an_error_that_counts_them(tmp_path: Path, make: Callable[[Path], str], reason: str) -> None:
    picture(tmp_path / "synthetic" / "s.png")
    (tmp_path / "train").mkdir()
    make(tmp_path / "train")
    with pytest.raises(
        InputError, match=f"train needs at least one image that can be read, found 1 {reason};"
    ) as caught:
        audit_of(tmp_path)
    assert "bad." not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert "Secret" not in str(caught.value)


def test_files_that_are_no_images_are_counted_apart(tmp_path: Path) -> None:
    for name in ("train/a.png", "synthetic/s.png", "train/.hidden.png"):
        picture(tmp_path / name)
    for name in ("notes.txt", "table.csv"):
        (tmp_path / "train" / name).write_text("text")
    (tmp_path / "train" / "volume.mha").write_bytes(b"x")
    found = {issue.reason: issue.count for issue in audit_of(tmp_path).issues if issue.excluded}
    assert found == {"not-an-image": 3, "unsupported-format": 1}


@pytest.mark.parametrize("role", ["train", "synthetic", "holdout", "reference"])
@pytest.mark.parametrize("state", ["empty", "missing", "file"])
def test_a_folder_that_is_empty_or_missing_is_an_error(tmp_path: Path, role: str, state: str) -> None:
    for given in ("train", "synthetic"):
        if given != role:
            picture(tmp_path / given / f"{given}.png")
    if state == "empty":
        (tmp_path / role).mkdir()
    if state == "file":
        (tmp_path / role).write_text("")
    options = {role: tmp_path / role} if role in ("holdout", "reference") else {}
    part = {
        "empty": f"{role} needs at least one image that can be read, found no file at all; give",
        "missing": f"{role} must exist, found nothing there; check",
        "file": f"{role} must be a set of images, found a file of another kind. Accepted",
    }
    with pytest.raises(InputError) as caught:
        audit_of(tmp_path, **options)
    assert str(caught.value).startswith(part[state])
    assert str(tmp_path) not in str(caught.value)


def test_a_bad_table_is_an_error(tmp_path: Path) -> None:
    for name in ("train/a.png", "synthetic/s.png"):
        picture(tmp_path / name)
    (tmp_path / "t.csv").write_text("file,subject\na.png,SecretId\n")
    with pytest.raises(MetadataError, match="missing: patient_id; columns found: file, subject") as caught:
        audit_of(tmp_path, metadata=tmp_path / "t.csv")
    assert "Secret" not in str(caught.value)


def test_a_row_of_a_file_that_cannot_be_read_is_no_row_without_a_file(tmp_path: Path) -> None:
    for name in ("train/a.png", "synthetic/s.png"):
        picture(tmp_path / name)
    zero_bytes(tmp_path / "train")
    (tmp_path / "t.csv").write_text("file,patient_id\na.png,P1\nbad.png,P2\n")
    assert [issue.reason for issue in audit_of(tmp_path, metadata=tmp_path / "t.csv").issues] == ["empty-file"]


GIANT = r"""
import re, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from synthaudit.readers.raster import RasterSource
source = RasterSource(Path(sys.argv[1]))
with ThreadPoolExecutor(2) as pool:
    shapes = [future.result().shape for future in [pool.submit(source.read) for _ in range(2)]]
# Not getrusage: there a new process keeps, through exec, the peak of the one that started it.
peak_kb = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text()).group(1)
print(shapes[0][0], shapes[0][1], int(peak_kb) * 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads its peak memory from Linux's /proc")
@pytest.mark.parametrize("deep", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_twenty_thousand_by_twenty_thousand_is_read_in_bounded_memory(tmp_path: Path, deep: bool) -> None:
    (tmp_path / "giant.png").write_bytes(png_of(20_000, 20_000, deep=deep))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GIANT, str(tmp_path / "giant.png")], capture_output=True, check=True
    )
    height, width, peak = map(int, done.stdout.split())
    assert (height, width) == (4000, 4000)
    assert peak < 1.5e9
    assert done.stderr == b""


def test_the_reason_stands_in_the_error_of_a_source(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="too-small: sides of at least 8 pixels are needed, got 1 x 1"):
        RasterSource(tmp_path / one_pixel(tmp_path)).read()

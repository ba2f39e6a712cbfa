"""Parquet, WebDataset and DICOMDIR: what the package says of its images counts, and what it lacks is accounted for."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow
import pydicom
import pytest
from pyarrow import parquet
from pydicom.fileset import FileSet

from synthaudit.cohort import Cohort, Role
from synthaudit.errors import InputError, MetadataError
from synthaudit.intake import load, read_cohort
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.phantom_folder import PhantomSet, write_phantoms
from synthaudit.sources.shards import expanded
from synthaudit.sources.sidecars import sidecar_columns
from tests.sources.conftest import as_read, png, write_tar, write_zip

Content = dict[str, bytes]


def _reasons(place: Path | str) -> dict[str, int]:
    return {issue.reason: issue.count for issue in read_cohort(place, Role.TRAIN)[1]}


def _digests(cohort: Cohort) -> list[str]:
    return sorted(cohort.pixel_digests)


def write_parquet(path: Path, columns: dict[str, Any], rows_a_group: int = 2) -> Path:
    parquet.write_table(pyarrow.table(columns), path, row_group_size=rows_a_group)
    return path


IMAGES = [png(i) for i in range(5)]


@pytest.mark.parametrize("form", ["bytes", "struct"])
def test_a_parquet_file_is_a_set_with_its_table(form: str, tmp_path: Path) -> None:
    cells: list[Any] = list(IMAGES)
    if form == "struct":
        cells = [{"bytes": data, "path": f"/maker/scans/{i}.png"} for i, data in enumerate(IMAGES)]
    columns = {"Image": cells, "patient_id": ["A", "A", " B ", None, "C"], "age": [45.0, 46.5, None, 1.0, 2.0]}
    cohort, issues = read_cohort(write_parquet(tmp_path / "set.parquet", columns), Role.TRAIN)
    expected = [f"maker/scans/{i}.png" if form == "struct" else f"row-{i:06d}" for i in range(5)]
    assert list(cohort.names) == expected
    assert cohort.patients[:3] == ("A", "A", "B")
    assert list(cohort.known_patient) == [True, True, True, False, True]
    assert cohort.attributes["age"] == ("45", "46.5", "", "1", "2")
    assert [(issue.reason, issue.count) for issue in issues] == [("no-patient", 1)]
    for i, data in enumerate(IMAGES):
        (tmp_path / "files").mkdir(exist_ok=True)
        (tmp_path / "files" / f"{i}.png").write_bytes(data)
    assert cohort.pixel_digests == as_read(tmp_path / "files").pixel_digests


def test_the_table_given_goes_before_what_the_parquet_says(tmp_path: Path) -> None:
    columns = {
        "image": IMAGES,
        "file": [f"{i}.png" for i in range(5)],
        "patient_id": list("ABCDE"),
        "sex": list("FFFMM"),
    }
    table = tmp_path / "table.csv"
    table.write_text("file,patient_id,sex,site\n0.png,Z,,west\n1.png,,M,\n")
    cohort = read_cohort(write_parquet(tmp_path / "set.parquet", columns), Role.TRAIN, metadata=table)[0]
    assert cohort.patients == ("Z", "B", "C", "D", "E")
    assert cohort.attributes["sex"] == ("F", "M", "F", "M", "M")
    assert cohort.attributes["site"] == ("west", "", "", "", "")


def test_a_role_column_divides_a_parquet_file(tmp_path: Path) -> None:
    roles = ["train", "train", "holdout", "holdout", "synthetic"]
    columns: dict[str, list[Any]] = {"image": IMAGES, "patient_id": list("ABCDE"), "role": roles}
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "1.png").write_bytes(png(77))
    path = write_parquet(tmp_path / "set.parquet", columns)
    intake = load(train=path, synthetic=tmp_path / "made")
    assert intake.holdout is not None
    assert (intake.train.patients, intake.holdout.patients) == (("A", "B"), ("C", "D"))
    assert ("role-conflict", 1) in [(issue.reason, issue.count) for issue in intake.issues]
    columns["role"][0] = "validation"
    with pytest.raises(MetadataError, match="role in a Parquet file or a sidecar must be one of train"):
        load(train=write_parquet(tmp_path / "bad.parquet", columns), synthetic=tmp_path / "made")


def test_rows_without_an_image_are_accounted_for(tmp_path: Path) -> None:
    cells = [{"bytes": IMAGES[0], "path": "a.png"}, {"bytes": None, "path": "b.png"}, {"bytes": b"text", "path": "c"}]
    assert _reasons(write_parquet(tmp_path / "x.parquet", {"image": cells, "patient_id": list("ABC")})) == {
        "missing-file": 1,
        "wrong-content": 1,
    }


def test_a_parquet_file_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs one column `image`.*found 0 columns of bytes"):
        as_read(write_parquet(tmp_path / "x.parquet", {"file": ["a.png"], "patient_id": ["A"]}))
    two = {"one": IMAGES, "two": IMAGES}
    with pytest.raises(InputError, match="found 2 columns of bytes"):
        as_read(write_parquet(tmp_path / "y.parquet", two))
    (tmp_path / "z.parquet").write_bytes((tmp_path / "y.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match="damaged or cut off"):
        as_read(tmp_path / "z.parquet")


def _webdataset() -> Content:
    files: Content = {}
    for i in range(4):
        said = {"patient_id": f"P{i // 2}", "age": 40 + i, "caption": "  two \n words ", "boxes": [1, 2], "file": "x"}
        files |= {f"s/{i:03d}.png": IMAGES[i], f"s/{i:03d}.json": json.dumps(said).encode(), f"s/{i:03d}.cls": b"1\n"}
    return files


def test_sidecars_of_a_webdataset_are_its_table(tmp_path: Path) -> None:
    cohort, issues = read_cohort(write_tar(tmp_path / "x.tar", _webdataset()), Role.TRAIN)
    assert cohort.names == tuple(f"s/{i:03d}.png" for i in range(4))
    assert cohort.patients == ("P0", "P0", "P1", "P1")
    assert cohort.attributes["label"] == ("1",) * 4
    assert cohort.attributes["caption"] == ("two words",) * 4
    assert set(cohort.attributes) == {"age", "caption", "label"}
    assert [(issue.reason, issue.count) for issue in issues] == [("not-an-image", 8)]


@pytest.mark.parametrize("bad", [b"{", b"[1]", b"null", b'{"patient_id": NaN}', b"[" * 100_000, b"\xff"])
def test_sidecars_that_cannot_be_read_say_nothing(bad: bytes, tmp_path: Path) -> None:
    cohort = as_read(write_tar(tmp_path / "x.tar", {"1.png": IMAGES[0], "1.json": bad}))
    assert not cohort.known_patient[0]


def test_shards_by_a_range_and_by_their_folder(tmp_path: Path) -> None:
    files = _webdataset()
    names = [f"s/{i:03d}" for i in range(4)]
    (tmp_path / "set").mkdir()
    for shard in range(2):
        part = {n: d for n, d in files.items() if n.rpartition(".")[0] in names[2 * shard : 2 * shard + 2]}
        write_tar(tmp_path / "set" / f"chest-{shard:03d}.tar", part)
    whole = as_read(write_tar(tmp_path / "whole.tar", files))
    # A table that lies beside the shards is none of them.
    write_parquet(tmp_path / "set" / "metadata.parquet", {"file": ["a"], "patient_id": ["A"]})
    for place in (str(tmp_path / "set" / "chest-{000..001}.tar"), tmp_path / "set"):
        cohort = as_read(place)
        assert cohort.digest == whole.digest
        assert cohort.patients == whole.patients
        assert cohort.names[0] == "chest-000/s/000.png"
    with pytest.raises(InputError, match="found 2 of 4 missing"):
        as_read(str(tmp_path / "set" / "chest-{000..003}.tar"))


def test_a_folder_of_images_stays_one_whatever_else_is_in_it(folder: Path) -> None:
    write_zip(folder / "masks.zip", {"1.png": IMAGES[0]})
    assert _reasons(folder) == {"not-an-image": 1, "unsupported-format": 1, "no-patient": 6}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a-{0..2}.tar", ["a-0.tar", "a-1.tar", "a-2.tar"]),
        ("a-{09..10}-{1..2}", ["a-09-1", "a-09-2", "a-10-1", "a-10-2"]),
    ],
)
def test_ranges(pattern: str, names: list[str]) -> None:
    assert [str(path) for path in expanded(pattern)] == names


@pytest.mark.parametrize("pattern", ["a-{3..1}", "a-{0..999999}", "a-{0..9999}-{0..9999}"])
def test_ranges_that_are_none(pattern: str) -> None:
    with pytest.raises(InputError, match="must run upwards"):
        expanded(pattern)


@pytest.fixture
def medium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DICOM medium: four images of simulated patients and a DICOMDIR."""
    # pydicom leaves it to chance when its own temporary folder is removed, and chance warns.
    folder = SimpleNamespace(name=str(tmp_path / "pydicom"), cleanup=lambda: None)
    Path(folder.name).mkdir()
    monkeypatch.setattr("pydicom.fileset.TemporaryDirectory", lambda *_, **__: folder)
    population = ChestPopulation(seed=1, size=16)
    made = PhantomSet(population.sources(range(4), 1), Role.TRAIN, "dicom", 8, False, {})
    write_phantoms(made, tmp_path / "made")
    files = FileSet()
    for file in sorted((tmp_path / "made" / "images").glob("*.dcm")):
        files.add(pydicom.dcmread(file))
    files.write(tmp_path / "medium", use_existing=False)
    return tmp_path / "medium"


def test_a_dicomdir_is_the_set_that_it_names(medium: Path, tmp_path: Path) -> None:
    plain = as_read(tmp_path / "made" / "images")
    for place in (medium, medium / "DICOMDIR"):
        cohort, issues = read_cohort(place, Role.TRAIN)
        assert _digests(cohort) == _digests(plain)
        assert sorted(cohort.patients) == sorted(plain.patients)
        assert issues == ()
    content = {f.relative_to(medium).as_posix(): f.read_bytes() for f in medium.rglob("*") if f.is_file()}
    for packed in (write_zip(tmp_path / "x.zip", content), write_tar(tmp_path / "x.tar", content)):
        assert as_read(packed).digest == plain.digest


def test_what_a_dicomdir_lacks_and_what_it_does_not_name_is_accounted_for(medium: Path, tmp_path: Path) -> None:
    first, second, *_ = sorted(f for f in medium.rglob("*") if f.is_file() and f.name != "DICOMDIR")
    first.unlink()
    second.rename(second.with_name(second.name.lower()))
    (tmp_path / "made" / "images").rename(medium / "more")
    cohort, issues = read_cohort(medium, Role.TRAIN)
    assert len(cohort) == 3
    assert {(i.reason, i.count, i.excluded) for i in issues} == {
        ("missing-file", 1, True),
        ("not-in-dicomdir", 4, True),
    }


def test_a_dicomdir_that_leads_outside_or_is_none(medium: Path) -> None:
    dataset = pydicom.dcmread(medium / "DICOMDIR")
    with pydicom.config.disable_value_validation():
        for record in dataset.DirectoryRecordSequence:
            if "ReferencedFileID" in record:
                record.ReferencedFileID = ["..", "SECRET"]
        dataset.save_as(medium / "DICOMDIR")
    with pytest.raises(InputError, match="refers elsewhere"):
        as_read(medium)
    (medium / "DICOMDIR").write_bytes(b"none")
    with pytest.raises(InputError, match="the DICOMDIR cannot be read"):
        as_read(medium)


def test_dicom_in_a_tar_is_read_as_in_a_folder(medium: Path, tmp_path: Path) -> None:
    shutil.rmtree(medium)
    images = tmp_path / "made" / "images"
    content = {file.name: file.read_bytes() for file in images.glob("*.dcm")}
    packed = as_read(write_tar(tmp_path / "x.tar", content))
    plain = as_read(images)
    assert (packed.names, packed.patients, packed.digest) == (plain.names, plain.patients, plain.digest)
    assert dict(packed.attributes) == dict(plain.attributes)


def test_nothing_is_said_of_a_sidecar_that_is_too_large() -> None:
    class Large:
        def __hash__(self) -> int:
            return 0

        def open(self) -> io.BytesIO:
            return io.BytesIO(b'{"patient_id": "' + b"x" * 2**21 + b'"}')

        def state(self) -> str:
            return ""

    assert sidecar_columns([("1.png", Large()), ("1.json", Large())]) == {}

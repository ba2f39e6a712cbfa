"""The metadata table: what is read from it, and what is said when it cannot be."""

import datetime
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from synthaudit.errors import MetadataError
from synthaudit.readers.table import MetadataTable, normal_patient, read_table


def table(tmp_path: Path, text: str | bytes) -> MetadataTable:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path)


def message(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(MetadataError) as caught:
        table(tmp_path, text)
    return str(caught.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_encodings(tmp_path: Path, separator: str, encoding: str) -> None:
    lines = [["file", "patient_id", "sex"], ["ä.png", "Zoë", "F"], ['"b, c; d.png"', "P2", "NA"]]
    found = table(tmp_path, "\r\n".join(separator.join(cells) for cells in lines).encode(encoding))
    assert found.columns == ("sex",)
    assert [(row.file, row.patient, row.values) for row in found.rows] == [
        ("ä.png", "Zoë", ("F",)),
        ("b, c; d.png", "P2", ("",)),
    ]


def test_names_of_columns_in_any_case_blank_lines_and_short_rows(tmp_path: Path) -> None:
    found = table(tmp_path, "\n Patient_ID ,FILE,Age\n\nP1,.\\sub\\a.png,30\nP2,b.png\n,,\n")
    assert [(row.file, row.patient, row.values) for row in found.rows] == [
        ("sub/a.png", "P1", ("30",)),
        ("b.png", "P2", ("",)),
    ]


def test_patient_ids_that_differ_by_white_space_are_one(tmp_path: Path) -> None:
    found = table(tmp_path, "file,patient_id\na,P1\nb, P1\nc,P1\u00a0\nd,P  1\ne,P 1\nf,\ng,nan\n")
    assert [row.patient for row in found.rows] == ["P1", "P1", "P1", "P 1", "P 1", "", ""]
    assert found.respaced == 3


@given(st.text(max_size=20))
def test_normalizing_a_patient_id_twice_changes_nothing_more(text: str) -> None:
    once = normal_patient(text)
    assert normal_patient(once) == once == once.strip()
    assert normal_patient(f" {text}\t") == once


def test_composed_and_decomposed_letters_are_one(tmp_path: Path) -> None:
    rows = table(tmp_path, "file,patient_id\nu\u0308.png,e\u0301\n\u00fc.png,\u00e9\n").rows
    assert rows[0] == rows[1]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.bin"
    columns = {
        "file": ["a", "b"],
        "patient_id": [1.0, None],
        "age": [45.0, float("nan")],
        "study_date": [datetime.date(2001, 2, 3), None],
        "taken": [datetime.datetime(2001, 2, 3), datetime.datetime(2001, 2, 3, 4)],
        "role": ["Train", None],
    }
    parquet.write_table(pyarrow.table(columns), path)
    found = read_table(path)
    assert found.columns == ("age", "study_date", "taken")
    assert [(row.patient, row.role, row.values) for row in found.rows] == [
        ("1", "train", ("45", "2001-02-03", "2001-02-03")),
        ("", "", ("", "", "2001-02-03 04:00:00")),
    ]


def test_a_missing_column_is_named_with_those_found(tmp_path: Path) -> None:
    said = message(tmp_path, "file,subject,sex\na.png,P1,F\n")
    assert "missing: patient_id;" in said
    assert "columns found: file, subject, sex" in said
    assert "Rename" in said
    assert "P1" not in said
    assert "missing: file, patient_id;" in message(tmp_path, "name,id\n1,2\n")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty file"),
        (" \n\n", "empty file"),
        ("file,patient_id\n", "only a header"),
        (b"file,patient_id\n\xe4.png,P1\n", "save it as CSV UTF-8"),
        (b"\x89PNG\r\n\x1a\n\xff", "save it as CSV UTF-8"),
        (b"PAR1 not really", "not a Parquet file that can be read"),
        ('file,patient_id\n"a,P1\n', "broken quote"),
        ("file,patient_id\na,P1,x\n", "at most 2 cells, got 3 in line 2"),
        ("file,patient_id,File\na,P1,b\n", "found twice: file"),
        ("file,patient_id,role\na,P1,test\n", "must be one of train, holdout, synthetic, reference or empty"),
        ("file,patient_id,role\na,train,P1\n", "or empty, found another word"),
        ("a.png,P1,F\nb.png,P2,F\n", "columns found: 3 of other names, or no header"),
    ],
)
def test_tables_refused(tmp_path: Path, text: str | bytes, part: str) -> None:
    said = message(tmp_path, text)
    assert part in said
    assert "P1" not in said


def test_a_missing_table_is_said_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="cannot be opened") as caught:
        read_table(tmp_path / "secret.csv")
    assert "secret" not in str(caught.value)

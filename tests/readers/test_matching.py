"""A row finds its file: by the folder, by the table's place, by the tail of the path; or says why not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from synthaudit.errors import MetadataError
from synthaudit.readers.matching import Matching, Place, match_rows
from synthaudit.readers.table import MetadataTable, TableRow

ROOT = Path("/data")


def match(
    rows: Sequence[tuple[str, str] | tuple[str, str, str]], files: Mapping[str, Sequence[str]], table: Path = ROOT
) -> Matching:
    made = tuple(TableRow(row[0], row[1], row[2] if len(row) > 2 else "", ("x",)) for row in rows)
    return match_rows(
        MetadataTable(table, ("label",), made, 0), {role: (ROOT / role, names) for role, names in files.items()}
    )


def patients(matching: Matching) -> dict[tuple[str, str], str]:
    return {(place.role, place.name): row.patient for place, row in matching.rows.items()}


@pytest.mark.parametrize(
    "cell", ["a/1.png", "train/a/1.png", "1.png", "/elsewhere/train/a/1.png", "../data/train/a/1.png"]
)
def test_ways_to_name_a_file(cell: str) -> None:
    assert patients(match([(cell, "P")], {"train": ["a/1.png", "a/2.png"]})) == {("train", "a/1.png"): "P"}


def test_the_longest_tail_wins_and_a_tie_is_ambiguous() -> None:
    files = {"train": ["a/1.png", "b/1.png"]}
    assert patients(match([("x/b/1.png", "P")], files, Path("/else"))) == {("train", "b/1.png"): "P"}
    tie = match([("1.png", "P")], files)
    assert tie.rows == {}
    assert [reason for _, reason in tie.left_over] == ["ambiguous-row"]


def test_a_tail_must_cover_the_row_or_the_name() -> None:
    assert match([("c/1.png", "P")], {"train": ["a/1.png"]}).left_over[0][1] == "no-file"


def test_the_same_name_in_two_folders_is_told_apart_by_the_table_s_place() -> None:
    files = {"train": ["1.png"], "holdout": ["1.png"], "synthetic": ["1.png"]}
    rows = [("train/1.png", "P"), ("holdout/1.png", "Q")]
    expected = {("train", "1.png"): "P", ("holdout", "1.png"): "Q"}
    assert patients(match(rows, files)) == expected
    assert patients(match(rows, files, Path("/else"))) == expected


def test_the_same_name_in_two_folders_is_told_apart_by_the_role() -> None:
    files = {"train": ["1.png"], "holdout": ["1.png"], "synthetic": ["1.png"]}
    rows = [("1.png", "P", "train"), ("1.png", "Q", "holdout"), ("1.png", "S", "synthetic")]
    assert patients(match(rows, files)) == {(role, "1.png"): p for role, p in zip(files, "PQS", strict=True)}


def test_without_a_role_the_same_name_in_two_real_folders_is_ambiguous() -> None:
    assert match([("1.png", "P")], {"train": ["1.png"], "holdout": ["1.png"]}).left_over[0][1] == "ambiguous-row"


def test_real_images_go_before_synthetic_ones_of_the_same_name() -> None:
    assert patients(match([("1.png", "P")], {"synthetic": ["1.png"], "train": ["1.png"]})) == {("train", "1.png"): "P"}
    assert match([("x/1.png", "P")], {"synthetic": ["1.png"]}, Path("/else")).left_over[0][1] == "no-file"


def test_the_table_beside_its_folder_goes_before_a_synthetic_file_of_that_name() -> None:
    files = {"train": ["1.png"], "synthetic": ["train/1.png"]}
    assert patients(match([("train/1.png", "P")], files)) == {("train", "1.png"): "P"}


def test_rows_that_repeat_are_merged_and_rows_that_contradict_are_refused() -> None:
    merged = match([("1.png", "P"), ("train/1.png", "P")], {"train": ["1.png"]})
    assert merged.repeated == (Place("train", "1.png"),)
    with pytest.raises(MetadataError, match=r"contradict each other for 1 image\(s\), in: patient_id; keep") as caught:
        match([("1.png", "secret1"), ("1.png", "secret2")], {"train": ["1.png"]})
    assert "secret" not in str(caught.value)
    assert "1.png" not in str(caught.value)


def test_an_empty_cell_is_no_file() -> None:
    assert match([("", "P")], {"train": ["1.png"]}).left_over[0][1] == "no-file"


def test_a_table_inside_one_of_two_folders_speaks_of_that_folder() -> None:
    files = {"train": ["1.png"], "holdout": ["1.png"]}
    assert patients(match([("1.png", "P")], files, ROOT / "holdout")) == {("holdout", "1.png"): "P"}

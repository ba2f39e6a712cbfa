"""Images in the rows of a Parquet file, as Hugging Face `datasets` write them, beside columns on whose they are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from synthaudit.errors import InputError, UnreadableImage
from synthaudit.readers import arrays, dicom, raster
from synthaudit.readers.folder import FoundFile, Kind, Listing, found_file, normal_name
from synthaudit.readers.rejection import Rejected
from synthaudit.readers.stored import head
from synthaudit.readers.table import cell_text, cell_value
from synthaudit.sources.bounded_memory import BoundedMemory
from synthaudit.sources.opened import Opened
from synthaudit.sources.stamp import stamp_of

IMAGE_COLUMN = "image"
NAME_COLUMNS = ("file", "file_name")
LARGEST_GROUP_BYTES = 4 * 2**30
"""Of one row group: to read one image of it, all of them are read."""
_ENDINGS = raster.EXTENSIONS | arrays.EXTENSIONS | dicom.EXTENSIONS
_KEPT_BYTES = 512 * 2**20

_groups: BoundedMemory[Any] = BoundedMemory(_KEPT_BYTES, lambda column: int(column.nbytes))


@dataclass(frozen=True, slots=True)
class ParquetImage:
    """The bytes in one cell.

    Attributes:
        path: The Parquet file.
        stamp: Of the file when it was listed.
        group: Row group.
        row: Within the group.
        column: Name of the column.
    """

    path: Path = field(repr=False)
    stamp: str
    group: int
    row: int
    column: str

    def open(self) -> BinaryIO:
        """A stream of the cell's bytes.

        Raises:
            UnreadableImage: "cannot-open" where the file has changed, "corrupt", "empty-file", or "missing-file" where
                the cell only names a file elsewhere.
        """
        if stamp_of(self.path) != self.stamp:
            raise UnreadableImage("cannot-open", "the Parquet file was changed while it was read; start again")
        key = (self.path, self.stamp, self.group, self.column)
        try:
            cell = _groups.get(key, self._group)[self.row].as_py()
        except InputError:
            raise
        except Exception:  # pyarrow raises whatever it likes on broken files
            raise UnreadableImage("corrupt", "the Parquet file does not give this row; write it again") from None
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if content is None:
            raise UnreadableImage("missing-file", "bytes are needed, found none in the row; embed the images")
        return io.BytesIO(content)

    def _group(self) -> Any:
        from pyarrow import parquet

        with parquet.ParquetFile(self.path) as file:
            if file.metadata.row_group(self.group).total_byte_size > LARGEST_GROUP_BYTES:
                raise UnreadableImage("too-large", "a row group is above 4 GiB; write smaller row groups")
            return file.read_row_group(self.group, columns=[self.column]).column(self.column).combine_chunks()

    def state(self) -> str:
        """The file with its stamp, and the cell."""
        return f"parquet {self.path} {self.stamp} {self.group} {self.row} {self.column}"


def has_images(path: Path) -> bool:
    """Whether the file is Parquet with a column of images."""
    from pyarrow import ArrowException, parquet

    try:
        return bool(_image_columns(parquet.read_schema(path)))
    except (ArrowException, OSError, ValueError):
        return False


def open_parquet(path: Path) -> Opened:
    """The images of a Parquet file, named after what the row names, else by its number, with the row's other cells.

    Raises:
        InputError: It cannot be read, or has no column of images, or several of which none is called `image`.
    """
    from pyarrow import ArrowException, parquet

    path = path.absolute()
    stamp = stamp_of(path)
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            column = _chosen(_image_columns(schema))
            others = [name for name in schema.names if name != column and _is_scalar(schema.field(name).type)]
            table = file.read(columns=others).to_pydict() if others else {}
            labels = _labels(file, column, table)
            rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    except (ArrowException, OSError, ValueError):
        raise InputError(
            "the Parquet file cannot be read: it is damaged or cut off; copy it again from where it came"
        ) from None
    cells = {name.strip().lower(): [cell_value(cell_text(value)) for value in table[name]] for name in others}
    places = [(group, row) for group, count in enumerate(rows) for row in range(count)]
    names = _names(labels, len(places))
    found = [(name, ParquetImage(path, stamp, g, row, column)) for name, (g, row) in zip(names, places, strict=True)]
    columns = {
        name: {column: values[i] for column, values in cells.items() if column not in NAME_COLUMNS}
        for i, name in enumerate(names)
    }
    return Opened(path.with_suffix(""), _listing(found), columns)


def _image_columns(schema: Any) -> list[str]:
    from pyarrow import types

    def holds_bytes(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))

    def is_image(kind: Any) -> bool:
        if types.is_struct(kind):
            place = kind.get_field_index("bytes")
            return place >= 0 and holds_bytes(kind.field(place).type)
        return holds_bytes(kind)

    return [name for name in schema.names if is_image(schema.field(name).type)]


def _chosen(columns: Sequence[str]) -> str:
    named = [name for name in columns if name.lower() == IMAGE_COLUMN]
    if len(named or columns) != 1:
        raise InputError(
            f"a Parquet file of images needs one column `image` with the bytes of a PNG, JPEG, TIFF or DICOM file, or "
            f"with bytes and path, found {len(columns)} columns of bytes; rename the one that holds the images"
        )
    return (named or list(columns))[0]


def _is_scalar(kind: Any) -> bool:
    from pyarrow import types

    return not (types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind))


def _labels(file: Any, column: str, table: dict[str, list[Any]]) -> list[str]:
    """What each row calls its image: a column of names, else the path beside the bytes, else nothing."""
    from pyarrow import types

    by_name = {name.lower(): values for name, values in table.items()}
    for name in NAME_COLUMNS:
        if name in by_name:
            return [str(value or "") for value in by_name[name]]
    kind = file.schema_arrow.field(column).type
    if not types.is_struct(kind) or kind.get_field_index("path") < 0:
        return []
    paths = file.read(columns=[f"{column}.path"]).column(column).combine_chunks().field("path")
    return [str(value or "") for value in paths.to_pylist()]


def _names(labels: Sequence[str], count: int) -> list[str]:
    """A name for each row: the labels if they are all there and differ, else the numbers of the rows."""
    names = ["/".join(p for p in normal_name(label).split("/") if p not in ("", ".", "..")) for label in labels]
    if len(names) == count and all(names) and len(set(names)) == count:
        return names
    return [f"row-{i:06d}" for i in range(count)]


def _listing(found: Sequence[tuple[str, ParquetImage]]) -> Listing:
    """The images with how each is read: by the ending of its name, or by its content, as a row needs no ending."""
    files: list[FoundFile] = []
    refused: list[Rejected] = []
    for name, stored in sorted(found, key=lambda pair: pair[0]):
        file = found_file(stored, name) if PurePosixPath(name).suffix.lower() in _ENDINGS else None
        kind = file.kind if isinstance(file, FoundFile) else _kind(head(stored, 132))
        if kind is not None:
            files.append(FoundFile(stored, name, kind))
        elif isinstance(file, Rejected):
            refused.append(file)
        else:
            refused.append(_without_image(stored, name))
    return Listing(tuple(files), tuple(refused))


def _without_image(stored: ParquetImage, name: str) -> Rejected:
    try:
        stored.open().close()
    except UnreadableImage as error:
        return Rejected(name, error.reason, error.detail)
    return Rejected(name, "wrong-content", "by its content")


def _kind(start: bytes) -> Kind | None:
    if start[128:132] == b"DICM":
        return Kind.DICOM
    if start.startswith((b"\x93NUMPY", b"PK")):
        return Kind.ARRAY
    raster = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    return Kind.RASTER if start.startswith(raster) else None

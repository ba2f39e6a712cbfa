"""The voxels of a NIfTI file, turned to the patient's axes, read once for all of its slices.

Memory is taken for what the header states only where the file can hold that much.
"""

from __future__ import annotations

import gzip
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UnreadableImage
from synthaudit.readers.kept import Kept
from synthaudit.readers.quiet import library_warnings_silenced
from synthaudit.readers.stored import StoredFile, opened

MAX_VOLUME_BYTES = 2**30
"""Of the voxels of one file, unpacked: they are in memory as a whole."""
THROUGH_PLANE = 1.5
"""A voxel side this many times as long as the next one is the distance of slices."""
_GZIP = b"\x1f\x8b"
_HEADER_BYTES = 4096
_MOST_PACKED = 1100
"""Times that gzip makes data smaller at most."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """The voxels of one file, along the patient's axes.

    Attributes:
        voxels: (x, y, z, t) toward right, front and up, or (x, y, z, t, 3) for color; as stored.
        slope, intercept: Value = slope * stored + intercept.
        affine: (4, 4) voxel numbers to mm.
    """

    voxels: NDArray[Any]
    slope: float
    intercept: float
    affine: NDArray[np.float64]

    def spacing_mm(self) -> NDArray[np.float64]:
        """(3,) voxel sides."""
        return np.asarray(np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0)))

    def axis(self) -> int:
        """Across which of the axes to cut: 0 sagittal, 1 coronal, 2 axial slices."""
        spacing = np.where(np.array(self.voxels.shape[:3]) > 1, self.spacing_mm(), 0.0)
        thin = [axis for axis in range(3) if self.voxels.shape[axis] == 1]
        if thin:
            return thin[-1]
        longest = int(np.argmax(spacing))
        return longest if spacing[longest] >= THROUGH_PLANE * np.sort(spacing)[1] else 2


_kept: Kept[Volumes] = Kept(size=lambda volumes: int(volumes.voxels.nbytes))


def volumes_in(file: StoredFile) -> Volumes:
    """The voxels of a file, read once for all of its slices.

    Raises:
        UnreadableImage: As `NiftiSource.read`; or what nibabel raises on a broken file.
    """
    state = (file.stat().st_mtime_ns, file.stat().st_size) if isinstance(file, Path) else file.state()
    with library_warnings_silenced:
        return _kept.once((file, state), lambda: _volumes(file))


def _volumes(file: StoredFile) -> Volumes:
    import nibabel
    from nibabel import orientations as untyped

    content = _content(file)
    kind: Any = nibabel.Nifti2Image if _is_second_version(content) else nibabel.Nifti1Image
    image = kind.from_bytes(content)
    voxels = _plain(np.asarray(image.dataobj.get_unscaled()))
    affine = np.asarray(image.affine, dtype=np.float64)
    if min(voxels.shape) < 1 or not np.isfinite(affine).all() or (abs(affine[:3, :3]).max(axis=0) == 0).any():
        raise UnreadableImage("corrupt", "the header of the volume is broken; export the file again")
    orientations: Any = untyped
    # As nibabel's `as_closest_canonical` does it, but without making floats of the stored values.
    turns = orientations.io_orientation(affine)
    if np.isnan(turns).any():
        raise UnreadableImage("corrupt", "the header of the volume gives it no orientation; export the file again")
    turned = orientations.apply_orientation(voxels, turns)
    affine = affine @ orientations.inv_ornt_aff(turns, voxels.shape[:3])
    return Volumes(turned, float(image.dataobj.slope), float(image.dataobj.inter), affine)


def _plain(voxels: NDArray[Any]) -> NDArray[Any]:
    """(x, y, z, t) or (x, y, z, t, 3) of whatever the file holds.

    Raises:
        UnreadableImage: "bad-shape" where it holds neither numbers nor colors.
    """
    color = voxels.dtype.names is not None
    if not color and voxels.dtype.kind not in "iuf":
        raise UnreadableImage("bad-shape", f"real numbers or RGB are needed, got {voxels.dtype}; convert the file")
    shape = (*voxels.shape, 1, 1, 1)[: max(4, voxels.ndim)]
    if voxels.ndim < 2 or math.prod(shape[4:]) != 1:
        raise UnreadableImage("bad-shape", f"(x, y), (x, y, z) or (x, y, z, t) is needed, got {voxels.shape}")
    plain = voxels.reshape(shape[:4])
    if color:
        plain = np.ascontiguousarray(plain).view(np.uint8).reshape(*shape[:4], -1)[..., :3]
    return plain


def _content(file: StoredFile) -> bytes:
    """The bytes of the file, unpacked, no more of them than its header says.

    Raises:
        UnreadableImage: "empty-file", "wrong-content", "truncated" or "too-large".
    """
    with opened(file) as stream:
        start = stream.read(2)
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        if not start:
            raise UnreadableImage("empty-file", "a volume is needed, got zero bytes; copy the file again")
        packed = start == _GZIP
        head = _read(stream, packed, _HEADER_BYTES)
        stream.seek(0)
        wanted = _stated_bytes(head)
        if wanted > (_MOST_PACKED if packed else 1) * size + _HEADER_BYTES:
            raise UnreadableImage("truncated", "the header states more voxels than there are; copy the file again")
        content = _read(stream, packed, wanted)
    if len(content) < wanted:
        raise UnreadableImage("truncated", "the file ends before its voxels do; copy it again")
    return content


def _read(stream: BinaryIO, packed: bool, count: int) -> bytes:
    """At most `count` bytes from the start of the stream."""
    if not packed:
        return stream.read(count)
    with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
        return unpacked.read(count)


def _is_second_version(content: bytes) -> bool:
    return 540 in (int.from_bytes(content[:4], "little"), int.from_bytes(content[:4], "big"))


def _stated_bytes(head: bytes) -> int:
    """Bytes of the header and the voxels, by the header.

    Raises:
        UnreadableImage: "wrong-content", "corrupt", "too-small" or "too-large".
    """
    import nibabel

    sizes = {int.from_bytes(head[:4], order) for order in ("little", "big")}
    if not sizes & {348, 540} or len(head) < 348:
        raise UnreadableImage("wrong-content", "a NIfTI volume is needed, found something else; export it again")
    kind: Any = nibabel.Nifti2Header if 540 in sizes else nibabel.Nifti1Header
    header = kind.from_fileobj(io.BytesIO(head), check=False)
    shape = [int(side) for side in header.get_data_shape()]
    offset, item = int(header["vox_offset"]), int(header.get_data_dtype().itemsize)
    if not shape or min(shape) < 1 or not 0 <= offset <= MAX_VOLUME_BYTES or item < 1:
        raise UnreadableImage("corrupt", "the header of the volume is broken; export the file again")
    size = math.prod(shape) * item
    if size > MAX_VOLUME_BYTES:
        raise UnreadableImage(
            "too-large", f"at most {MAX_VOLUME_BYTES:,} bytes of voxels can be read, got {size:,}; reduce the volume"
        )
    return max(offset, int(kind.sizeof_hdr) + 4 if kind.is_single else 0) + size

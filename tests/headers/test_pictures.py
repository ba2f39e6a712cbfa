"""Texts, places, thumbnails, unknown blocks and tails of PNG, JPEG, TIFF, BMP, NIfTI and NumPy files are found."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from synthaudit.cohort import Role
from synthaudit.headers.carry_over import carried_over
from synthaudit.headers.file_names import name_objection
from tests.headers.conftest import header_of, headers_of, objections

RNG = np.random.default_rng(0)
PIXELS = Image.fromarray(RNG.integers(0, 255, (48, 40), dtype=np.uint8))


def saved(form: str, image: Image.Image = PIXELS, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_text(key: str, text: str, *, packed: bool = False, international: bool = False) -> bytes:
    info = PngImagePlugin.PngInfo()
    (info.add_itxt if international else info.add_text)(key, text, zip=packed)
    return saved("PNG", pnginfo=info)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    whole = saved("PNG")
    chunk = len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
    return whole[:33] + chunk + whole[33:]


def exif(**tags: Any) -> bytes:
    numbers = {"artist": 0x013B, "description": 0x010E, "taken": 0x9003, "serial": 0xA431, "comment": 0x9286}
    made = Image.Exif()
    for name, value in tags.items():
        inner = numbers[name] > 0x9000
        (made.get_ifd(0x8769) if inner else made)[numbers[name]] = value
    return made.tobytes()


def gps() -> bytes:
    made = Image.Exif()
    made.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    made.get_ifd(0x8825)[1] = "N"
    return made.tobytes()


def thumbnail() -> bytes:
    small = saved("JPEG", PIXELS.resize((20, 24)))
    head = b"II*\0\x08\0\0\0" + b"\0\0" + (14).to_bytes(4, "little")
    entries = [(0x0201, 4, 1, 44), (0x0202, 4, 1, len(small))]
    second = len(entries).to_bytes(2, "little")
    for tag, kind, count, value in entries:
        second += (
            tag.to_bytes(2, "little")
            + kind.to_bytes(2, "little")
            + count.to_bytes(4, "little")
            + value.to_bytes(4, "little")
        )
    return b"Exif\0\0" + (head + second + b"\0\0\0\0").ljust(44, b"\0") + small


def jpeg_segment(kind: int, data: bytes) -> bytes:
    whole = saved("JPEG")
    return whole[:2] + bytes([0xFF, kind]) + (len(data) + 2).to_bytes(2) + data + whole[2:]


def tiff_tag(tag: int, value: Any, kind: int = 2) -> bytes:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info.tagtype[tag] = kind
    info[tag] = value
    return saved("TIFF", tiffinfo=info)


def nifti(
    descrip: str = "", *, packed: bool = True, extension: bytes = b"", tail: bytes = b"", name: str = ""
) -> bytes:
    made: Any = nibabel.Nifti1Image
    image = made(np.asarray(PIXELS).astype(np.int16), np.eye(4))
    image.header["descrip"] = descrip.encode()
    if extension:
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", extension))
    content = image.to_bytes() + tail
    if not packed:
        return bytes(content)
    buffer = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=buffer, mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


def numpy_file(tail: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(PIXELS))
    return buffer.getvalue() + tail


def numpy_archive(comment: bytes = b"", **arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = comment
    return buffer.getvalue()


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator>Anna Meier</dc:creator></x:xmpmeta>'

PLANTED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "PNG text": ("a.png", lambda: png_text("Comment", "Meier, Anna, ward 4")),
    "PNG packed text": ("a.png", lambda: png_text("Description", "Meier, Anna " * 20, packed=True)),
    "PNG international text": ("a.png", lambda: png_text("Author", "Zoë Müller", international=True)),
    "PNG text of an own key": ("a.png", lambda: png_text("PatientName", "Meier Anna")),
    "PNG XMP": ("a.png", lambda: png_text("XML:com.adobe.xmp", XMP.decode(), international=True)),
    "PNG EXIF": ("a.png", lambda: saved("PNG", exif=exif(artist="Anna Meier"))),
    "PNG unknown chunk": ("a.png", lambda: png_chunk(b"paTi", b"Meier Anna 1954")),
    "PNG tail": ("a.png", lambda: saved("PNG") + b"Meier Anna 1954"),
    "JPEG comment": ("a.jpg", lambda: saved("JPEG", comment=b"seen by Dr Meier")),
    "JPEG EXIF artist": ("a.jpg", lambda: saved("JPEG", exif=exif(artist="Anna Meier"))),
    "JPEG EXIF time": ("a.jpg", lambda: saved("JPEG", exif=exif(taken="2017:03:12 14:32:07"))),
    "JPEG EXIF serial": ("a.jpg", lambda: saved("JPEG", exif=exif(serial="0049912"))),
    "JPEG EXIF comment": ("a.jpg", lambda: saved("JPEG", exif=exif(comment=b"ASCII\0\0\0mole on left arm"))),
    "JPEG GPS": ("a.jpg", lambda: saved("JPEG", exif=gps())),
    "JPEG EXIF thumbnail": ("a.jpg", lambda: jpeg_segment(0xE1, thumbnail())),
    "JPEG JFIF thumbnail": ("a.jpg", lambda: jpeg_segment(0xE0, b"JFXX\0\x13" + bytes(range(200)))),
    "JPEG XMP": ("a.jpg", lambda: jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
    "JPEG IPTC": ("a.jpg", lambda: jpeg_segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04Meier Anna")),
    "JPEG tail": ("a.jpg", lambda: saved("JPEG") + saved("JPEG", PIXELS.resize((20, 24)))),
    "TIFF description": ("a.tif", lambda: tiff_tag(270, "left lung of Mrs Meier")),
    "TIFF artist": ("a.tif", lambda: tiff_tag(315, "Anna Meier")),
    "TIFF host": ("a.tif", lambda: tiff_tag(316, "WARD4-PC7")),
    "TIFF document": ("a.tif", lambda: tiff_tag(269, "chart 4477120")),
    "TIFF private tag": ("a.tif", lambda: tiff_tag(65001, "Meier Anna")),
    "TIFF tail": ("a.tif", lambda: saved("TIFF") + b"Meier Anna 1954"),
    "BMP tail": ("a.bmp", lambda: saved("BMP") + b"Meier Anna 1954"),
    "NIfTI description": ("a.nii.gz", lambda: nifti("Meier Anna 1954")),
    "NIfTI description unpacked": ("a.nii", lambda: nifti("Meier Anna 1954", packed=False)),
    "NIfTI extension": ("a.nii.gz", lambda: nifti(extension=b"PatientName Meier")),
    "NIfTI tail": ("a.nii.gz", lambda: nifti(tail=b"Meier Anna")),
    "NIfTI name when packed": ("a.nii.gz", lambda: nifti(name="Meier_Anna.nii")),
    "NumPy tail": ("a.npy", lambda: numpy_file(b"Meier Anna")),
    "NumPy archive comment": ("a.npz", lambda: numpy_archive(b"Meier Anna 1954", images=np.zeros(4))),
    "NumPy array name": ("a.npz", lambda: numpy_archive(Meier_Anna=np.zeros(4))),
}

CLEAN: dict[str, tuple[str, Callable[[], bytes]]] = {
    "PNG": ("0001.png", lambda: saved("PNG")),
    "PNG of a program": ("0001.png", lambda: png_text("Software", "Matplotlib version3.9, https://matplotlib.org/")),
    "PNG of its time": ("0001.png", lambda: png_text("date:create", "2026-11-25T10:00:00+00:00")),
    "PNG with sRGB": (
        "0001.png",
        lambda: saved("PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
    ),
    "PNG that says so": ("0001.png", lambda: png_text("Comment", "synthetic image")),
    "JPEG": ("0001.jpg", lambda: saved("JPEG", quality=83)),
    "progressive JPEG": ("0001.jpg", lambda: saved("JPEG", progressive=True, optimize=True)),
    "color JPEG": ("0001.jpg", lambda: saved("JPEG", PIXELS.convert("RGB"))),
    "TIFF": ("0001.tif", lambda: saved("TIFF")),
    "packed TIFF": ("0001.tif", lambda: saved("TIFF", compression="tiff_lzw")),
    "BMP": ("0001.bmp", lambda: saved("BMP")),
    "NIfTI": ("0001.nii.gz", nifti),
    "NIfTI of a program": ("0001.nii", lambda: nifti("FSL5.0", packed=False)),
    "NumPy": ("0001.npy", numpy_file),
    "NumPy archive": ("0001.npz", lambda: numpy_archive(images=np.zeros(4))),
}


@pytest.mark.parametrize("kind", list(PLANTED))
def test_what_was_left_in_a_picture_is_objected_to(kind: str) -> None:
    name, made = PLANTED[kind]
    header = header_of(made(), name)
    assert header.form == kind.partition(" ")[0]
    assert objections(header), kind


@pytest.mark.parametrize("kind", list(CLEAN))
def test_an_ordinary_picture_is_not_objected_to(kind: str) -> None:
    name, made = CLEAN[kind]
    header = header_of(made(), name)
    assert objections(header) == {}
    assert not header.damaged


def test_a_tiff_of_tifffile_is_ordinary() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.asarray(PIXELS))
    assert objections(header_of(buffer.getvalue(), "0001.tif")) == {}


@pytest.mark.parametrize("kind", list(PLANTED))
def test_broken_pictures_never_raise(kind: str) -> None:
    name, made = PLANTED[kind]
    content = made()
    for cut in (0, 1, 5, 9, 20, 33, 60, 110, len(content) // 2, len(content) - 3):
        header_of(content[:cut], name)
        header_of(content[:cut] + b"\xff\xff\xff" + content[cut + 3 :], name)


@pytest.mark.parametrize(
    "name",
    [
        "Smith_John.png",
        "out/Meier, Anna.png",
        "1954-03-12_chest.png",
        "12.03.1954.png",
        "MRN4477120.png",
        "a/20170312/1.png",
    ],
)
def test_names_that_look_like_a_person_are_objected_to(name: str) -> None:
    assert name_objection(name)


@pytest.mark.parametrize(
    "name",
    [
        "0001.png",
        "Synthetic_Chest_0001.png",
        "sample-12/image_7.png",
        "00012345_003.png",
        "seed42/Chest_Xray.png",
        "IM-0001-0001.dcm",
    ],
)
def test_ordinary_names_are_not(name: str) -> None:
    assert not name_objection(name)


def real_side(role: Role, first: int) -> list[tuple[str, bytes]]:
    """Photographs as cameras leave them: own serials and places, a profile of everybody's."""
    files = []
    for i in range(first, first + 12):
        made = Image.Exif()
        made[0x010F] = "Maker"
        made.get_ifd(0x8769)[0xA431] = f"SER{100000 + 7919 * i}"
        made.get_ifd(0x8825)[2] = (52.0, float(i), 12.0)
        files.append((f"{role}-{i}.jpg", saved("JPEG", exif=made.tobytes(), comment=b"photographed on the ward")))
    return files


@pytest.mark.parametrize("kind", ["whole EXIF", "name of the file", "text", "nothing"])
def test_what_a_photograph_says_is_recognized_in_another(kind: str) -> None:
    sides = {role: real_side(role, first) for role, first in ((Role.TRAIN, 0), (Role.HOLDOUT, 50))}
    patients = {role: [f"CASE-{1000 + 13 * i + 500 * (role is Role.HOLDOUT)}" for i in range(12)] for role in sides}
    synthetic = [(f"made-{i}.jpg", saved("JPEG", comment=b"photographed on the ward")) for i in range(12)]
    if kind == "whole EXIF":
        synthetic[4] = ("made-4.jpg", sides[Role.TRAIN][3][1])
    elif kind == "name of the file":
        synthetic[4] = ("out/CASE-1039_v2.jpg", synthetic[4][1])
    elif kind == "text":
        synthetic[4] = ("made-4.png", png_text("parameters", "a synthetic mole like CASE-1039, left arm"))
    real = [headers_of(role, sides[role], patients[role]) for role in sides]
    found = carried_over(headers_of(Role.SYNTHETIC, synthetic), real[0], real[1], alpha=0.001)
    assert {one.file for one in found} == ({4} if kind != "nothing" else set())
    assert {one.patients for one in found} == ({frozenset({"CASE-1039"})} if kind != "nothing" else set())

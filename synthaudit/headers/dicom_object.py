"""What a DICOM object says of people beside its pixels, attribute by attribute, sequences and file meta included.

Values are taken as they are stored wherever they do not fit their type, so that a broken header still gives up what it
holds.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from synthaudit.headers import dicom_bytes, profile
from synthaudit.headers.acquisition import settings
from synthaudit.headers.made_up import is_made_up_date, is_made_up_id, is_made_up_text, is_made_up_time
from synthaudit.headers.record import FileHeader, Topic, Weight
from synthaudit.headers.required import required_checks
from synthaudit.headers.sealing import Notes, Sealer
from synthaudit.headers.uid_roots import is_instance, is_of_a_scanner, uid_root

_DEEPEST = 12
_PIXELS = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})
_META_OF_PEOPLE = frozenset({0x00020016, 0x00020017, 0x00020018, 0x00020026, 0x00020027, 0x00020028, 0x00020102})
"""Names and addresses of the machines that sent and received the file, and private information."""
_TEXTS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_NUMBERS = frozenset({"AS", "CS", "DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "AT", "SV", "UV"})
_SPEAKS_FOR_ITSELF = frozenset({"DeidentificationMethod", "SpecificCharacterSet"})
_DATES = frozenset({"DA", "DT", "TM"})
_OF_CLASSES = frozenset({"ImplementationClassUID", "DeviceUID", "ManufacturerDeviceClassUID", "InstanceCreatorUID"})
OLDEST_AGE = 89
"""Above, an age counts as identifying (HIPAA, 45 CFR 164.514(b)(2)(i)(C))."""
REMOVE = "it has to be removed"
INVENT = "it has to be emptied, or invented so that one can tell"


def dicom_header(stream: BinaryIO, sealer: Sealer, stem: str, *, whole: bool) -> FileHeader:
    """What the object in `stream` says.

    Args:
        stream: At its start.
        sealer: Makes the digests.
        stem: Name of the file without its ending.
        whole: Look behind the header, too: at bits that no pixel uses and at bytes after the pixels.
    """
    from pydicom import dcmread

    notes = Notes(sealer, "DICOM", stem)
    dataset: Any = dcmread(stream, force=True, stop_before_pixels=True)
    end_of_header = stream.tell()
    _preamble(dataset, notes)
    _meta(dataset, notes)
    _walk(dataset, notes, "", 0)
    notes.settings = tuple(sealer.seal(name, value) for name, value in settings(dataset))
    if whole:
        try:
            dicom_bytes.look_behind(dataset, stream, end_of_header, notes)
        except Exception:  # a header that lies about its pixels
            notes.damaged = True
    clean = not any(one.objection for one in notes.said)
    notes.required |= required_checks(dataset, clean)
    return notes.header()


def _preamble(dataset: Any, notes: Notes) -> None:
    preamble = getattr(dataset, "preamble", None) or b""
    notes.content("preamble", "preamble", Topic.HIDDEN, preamble, objection="bytes before the header are to be zero",
                  weight=Weight.SPECIFIC)  # fmt: skip


def _meta(dataset: Any, notes: Notes) -> None:
    meta = getattr(dataset, "file_meta", None)
    for tag in list(meta.keys()) if meta is not None else []:
        value = _value(meta, tag, notes)
        name = _keyword(tag) or "private file meta"
        if int(tag) in _META_OF_PEOPLE:
            _note_text(
                notes, _place(tag), name, Topic.DEVICE if int(tag) != 0x00020102 else Topic.PRIVATE, value, REMOVE
            )
        elif name == "MediaStorageSOPInstanceUID":
            _uids(notes, _place(tag), name, value)


def _walk(dataset: Any, notes: Notes, above: str, depth: int) -> None:
    for tag in list(dataset.keys()):
        if int(tag) in _PIXELS:
            continue
        try:
            _attribute(dataset, tag, notes, above, depth)
        except Exception:  # one broken attribute does not hide the others
            notes.damaged = True


def _attribute(dataset: Any, tag: Any, notes: Notes, above: str, depth: int) -> None:
    value, vr = _value(dataset, tag, notes), _vr(dataset, tag)
    where, keyword = above + _place(tag), _keyword(tag)
    if tag.group % 2:
        _private(notes, where, tag, vr, value, depth)
        return
    action = profile.action(tag.group, tag.element)
    if vr == "SQ" and not isinstance(value, bytes):
        _sequence(notes, where, keyword, action, value, depth)
        return
    name = keyword or f"group {tag.group:04X}"
    about = profile.topic(name, vr)
    if tag.group & 0xFF00 in (0x5000, 0x6000):
        _repeating(notes, where, tag, value)
    elif vr == "UI":
        _uids(notes, where, name, value)
    elif isinstance(value, bytes):
        if action or about is Topic.OBJECT or vr == "UN" or len(value) >= 256:
            _bytes(notes, where, name, about, value, REMOVE if action else "")
    elif vr in _NUMBERS:
        _number(notes, where, name, about, action, value)
    elif name in _SPEAKS_FOR_ITSELF:
        return
    else:
        _note_text(notes, where, name, about, value, _objection(action, name, vr, value, notes.stem))


def _objection(action: str, name: str, vr: str, value: Any, stem: str) -> str:
    """Why this value may not stand in a synthetic object; "" if it may."""
    if not action and vr not in (*_DATES, "PN"):
        return ""
    if name in profile.CHARACTERISTICS or name in profile.NOT_IDENTIFYING:
        return ""
    texts = [str(one) for one in value] if _is_many(value) else [str(value)]
    if vr in ("DA", "DT"):
        fine = all(is_made_up_date(one) for one in texts)
    elif vr == "TM":
        fine = all(is_made_up_time(one) for one in texts)
    elif profile.topic(name, vr) in (Topic.ID, Topic.PERSON):
        fine = all(is_made_up_id(one, stem) for one in texts)
    else:
        fine = all(is_made_up_text(one) for one in texts)
    return "" if fine else REMOVE if action == "X" else INVENT


def _number(notes: Notes, where: str, name: str, about: Topic, action: str, value: Any) -> None:
    if name == "PatientAge":
        digits = "".join(sign for sign in str(value) if sign.isdigit())
        if str(value).strip().upper().endswith("Y") and digits and int(digits) > OLDEST_AGE:
            notes.text(
                where, name, Topic.OTHER, str(value), objection=f"an age above {OLDEST_AGE} is rare enough to tell"
            )
    elif action and name not in profile.CHARACTERISTICS and name not in profile.NOT_IDENTIFYING:
        text = _joined(value)
        notes.text(where, name, about, text, objection="" if is_made_up_text(text) else REMOVE, weight=Weight.COMMON)


def _sequence(notes: Notes, where: str, keyword: str, action: str, items: Any, depth: int) -> None:
    filled = [item for item in items if len(item)]
    if filled and keyword == "IconImageSequence":
        for number, item in enumerate(filled):
            icon = item.get("PixelData") or b""
            notes.content(f"{where}[{number}]", keyword, Topic.OBJECT, bytes(icon) or b"icon", objection=REMOVE)
    elif filled and "X" in action and "U" not in action and keyword not in profile.NOT_IDENTIFYING:
        notes.text(where, keyword, profile.topic(keyword, "SQ"), "a sequence with items", objection=REMOVE,
                   weight=Weight.COMMON)  # fmt: skip
    if depth < _DEEPEST:
        for number, item in enumerate(items):
            _walk(item, notes, f"{where}[{number}].", depth + 1)


def _repeating(notes: Notes, where: str, tag: Any, value: Any) -> None:
    """Overlays (60xx) and curves (50xx): planes drawn over the image, and what is written about them."""
    kind = "overlay" if tag.group >= 0x6000 else "curve"
    name = f"{kind} {_keyword(tag) or f'element {tag.element:04X}'}"
    if tag.element == 0x3000:
        _bytes(notes, where, name, Topic.OBJECT, value if isinstance(value, bytes) else b"", REMOVE)
    elif tag.element in (0x0022, 0x1500, 0x4000, 0x2500, 0x0040):
        if tag.element != 0x0040 or kind == "curve":
            _note_text(notes, where, name, Topic.TEXT, value, REMOVE)
    elif tag.element == 0x0102 and isinstance(value, int) and value > 0:
        notes.content(where, "overlay in the pixels' bits", Topic.OBJECT, b"bit %d" % value, objection=REMOVE,
                      weight=Weight.COMMON)  # fmt: skip
    elif kind == "curve":
        _bytes(notes, where, name, Topic.OBJECT, value if isinstance(value, bytes) else str(value).encode(), REMOVE)


def _private(notes: Notes, where: str, tag: Any, vr: str, value: Any, depth: int) -> None:
    name = f"private group {tag.group:04X}"
    if vr == "SQ" and not isinstance(value, bytes):
        notes.text(where, name, Topic.PRIVATE, "a private sequence" if len(value) else "", objection=REMOVE,
                   weight=Weight.COMMON)  # fmt: skip
        for number, item in enumerate(value if depth < _DEEPEST else ()):
            _walk(item, notes, f"{where}[{number}].", depth + 1)
        return
    if isinstance(value, bytes):
        printable = value.rstrip(b"\0 ")
        if printable and all(32 <= byte < 127 for byte in printable[:256]):
            value = printable[:65536].decode("ascii", "replace")
        else:
            notes.content(where, name, Topic.PRIVATE, value, objection=REMOVE)
            return
    text = _joined(value)
    weight = Weight.UNIQUE if vr == "UI" and is_instance(text) else None
    creator = 0x0010 <= tag.element <= 0x00FF
    notes.text(where, name, Topic.PRIVATE, text, objection=REMOVE, weight=Weight.COMMON if creator else weight)


def _uids(notes: Notes, where: str, name: str, value: Any) -> None:
    for uid in value if _is_many(value) else [value]:
        text = str(uid.decode("ascii", "replace") if isinstance(uid, bytes) else uid).strip(" \0")
        if not is_instance(text):
            if text and not text.startswith("1.2.840.10008"):
                notes.text(where, name, Topic.UID, text, weight=Weight.COMMON)
            continue
        root = uid_root(text)
        if root:
            notes.roots.add(notes.sealer.seal("root", root))
        scanners = is_of_a_scanner(text) and name not in _OF_CLASSES
        weight = Weight.SPECIFIC if name in _OF_CLASSES else Weight.UNIQUE
        notes.text(where, name, Topic.UID, text, weight=weight,
                   objection="it is an id that a scanner gave" if scanners else "")  # fmt: skip


def _bytes(notes: Notes, where: str, name: str, about: Topic, value: bytes, objection: str) -> None:
    text = value.rstrip(b"\0 ")
    if about is not Topic.OBJECT and text and len(text) < 65536 and all(32 <= byte < 127 for byte in text):
        notes.text(where, name, about, text.decode("ascii"), objection=objection)
    else:
        notes.content(where, name, about, value, objection=objection)


def _note_text(notes: Notes, where: str, name: str, about: Topic, value: Any, objection: str) -> None:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    text = _joined(value)
    notes.text(where, name, about, text, objection=objection)


def _value(dataset: Any, tag: Any, notes: Notes) -> Any:
    """The value, as stored where it does not fit its type."""
    try:
        value = dataset[tag].value
    except Exception:
        notes.damaged = True
        value = getattr(dataset.get_item(tag), "value", b"")
    return "" if value is None else value


def _vr(dataset: Any, tag: Any) -> str:
    try:
        return str(dataset[tag].VR)
    except Exception:
        return str(getattr(dataset.get_item(tag), "VR", None) or "UN")


def _is_many(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__iter__") and not hasattr(value, "components")


def _joined(value: Any) -> str:
    return "\\".join(str(one) for one in value) if _is_many(value) else str(value)


def _keyword(tag: Any) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag)


def _place(tag: Any) -> str:
    return f"({tag.group:04X},{tag.element:04X})"

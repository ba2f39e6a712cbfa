"""DICOMweb with a service that fails, lies, or keeps things back."""

from __future__ import annotations

import json
import pickle
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from synthaudit.cohort import Role
from synthaudit.errors import InputError, UnreadableImage
from synthaudit.intake import load, read_cohort
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.phantom_folder import PhantomSet, write_phantoms
from synthaudit.sources import dicomweb, pacs, pacs_server
from synthaudit.sources.bounded_memory import BoundedMemory
from synthaudit.sources.dicomweb import only_part
from synthaudit.sources.kept_heads import FILE_NAME, KeptHeads
from synthaudit.sources.pacs import PacsInstance, close_connections, connection_to
from synthaudit.sources.pacs_server import Refused, Unreachable, attempted
from synthaudit.sources.pacs_uri import parsed
from tests.sources.certificates import write_certificates
from tests.sources.fake_pacs import Answer, FakePacs, multipart, serving


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """SOP instance UID -> DICOM file of six images of three simulated patients."""
    folder = tmp_path_factory.mktemp("phantoms")
    sources = ChestPopulation(seed=2, size=16).sources(range(3), 2)
    write_phantoms(PhantomSet(sources, Role.TRAIN, "dicom", 8, False, {}), folder)
    files = [file.read_bytes() for file in sorted((folder / "images").glob("*.dcm"))]
    return {str(pydicom.dcmread(BytesIO(data)).SOPInstanceUID): data for data in files}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pacs_server, "WAITS_S", (0.0, 0.0))
    yield
    close_connections()


@pytest.fixture
def server(objects: dict[str, bytes]) -> Iterator[FakePacs]:
    with serving(FakePacs(dict(objects))) as running:
        yield running


def _read(server: FakePacs, query: str = "PatientID=*") -> list[str]:
    return list(read_cohort(server.web(query), Role.TRAIN)[0].names)


def test_images_are_named_by_their_uid_and_read_as_files(
    server: FakePacs, objects: dict[str, bytes], tmp_path: Path
) -> None:
    for uid, data in objects.items():
        (tmp_path / f"{uid}.dcm").write_bytes(data)
    plain = read_cohort(tmp_path, Role.TRAIN)[0]
    cohort = read_cohort(server.web("PatientID=*"), Role.TRAIN)[0]
    assert cohort.names == tuple(sorted(objects))
    assert cohort.pixel_digests == plain.pixel_digests
    assert cohort.patients == plain.patients
    assert dict(cohort.attributes) == dict(plain.attributes)
    assert len(pickle.dumps(cohort.sources[0])) < 1500
    elsewhere = pickle.loads(pickle.dumps(cohort.sources[0]))
    assert (elsewhere.read() == cohort.sources[0].read()).all()
    assert not any(uid in repr(source) for uid in objects for source in cohort.sources)


def test_no_patient_is_logged(server: FakePacs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    _read(server, "PatientID=CHX-000001")
    assert "CHX" not in caplog.text
    assert "2.25." not in caplog.text


def test_a_server_that_fails_twice_is_asked_again(server: FakePacs, objects: dict[str, bytes]) -> None:
    failures: dict[str, int] = {}

    def fail(path: str, _count: int) -> Answer | None:
        failures[path] = failures.get(path, 0) + 1
        kinds: list[Answer] = [(503, {"Retry-After": "9999"}, b""), (0, {}, b"")]
        return kinds[failures[path] - 1] if failures[path] <= 2 else None

    server.before = fail
    assert _read(server) == sorted(objects)


def test_one_that_goes_on_failing_stops_the_reading_and_says_how_far_it_came(
    server: FakePacs, objects: dict[str, bytes]
) -> None:
    lost = sorted(objects)[2:4]
    server.before = lambda path, _: (503, {}, b"") if path.rsplit("/", 1)[-1] in lost else None
    with pytest.raises(InputError) as caught:
        _read(server)
    assert str(caught.value) == (
        "train needs all of its images, found that 2 of 6 instances were not retrieved: the PACS stopped answering, "
        "or does not let us in any more. What was read is kept (unless --no-cache); run the same command again to go on"
    )


def test_once_it_is_gone_it_is_not_asked_for_each_of_the_others(
    server: FakePacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacs, "FETCHING_THREADS", 1)
    server.before = lambda path, _: (503, {}, b"") if "/instances/" in path else None
    with pytest.raises(InputError, match="6 of 6 instances"):
        _read(server)
    fetches = [path for path in server.asked if "/instances/" in path]
    assert len(fetches) == pacs.GIVE_UP_AFTER * 3  # each with its two further attempts


def test_an_instance_that_is_listed_and_not_given_is_accounted_for(server: FakePacs, objects: dict[str, bytes]) -> None:
    uid = min(objects)
    server.before = lambda path, _: (404, {}, b"") if path.endswith(uid) else None
    cohort, issues = read_cohort(server.web("PatientID=*"), Role.TRAIN)
    assert len(cohort) == 5
    assert [(issue.reason, issue.count, issue.excluded) for issue in issues] == [("missing-file", 1, True)]


def test_another_instance_than_was_asked_for_is_none(server: FakePacs, objects: dict[str, bytes]) -> None:
    first, other, *_ = sorted(objects)
    server.before = lambda path, _: multipart(objects[other]) if path.endswith(first) else None
    issues = read_cohort(server.web("PatientID=*"), Role.TRAIN)[1]
    assert [(issue.reason, issue.count) for issue in issues] == [("missing-file", 1)]


def test_a_token_that_runs_out_makes_no_image_missing(server: FakePacs, objects: dict[str, bytes]) -> None:
    server.before = lambda path, _: (401, {}, b"") if path.endswith(max(objects)) else None
    with pytest.raises(
        InputError, match=r"found that 1 of 6 instances were not retrieved.*does not let us in any more"
    ):
        _read(server)


def test_an_error_about_the_connection_is_none_about_the_image(
    server: FakePacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise InputError("a certificate")

    monkeypatch.setattr(dicomweb.DicomWeb, "fetch", refuse)
    with pytest.raises(InputError, match="6 of 6 instances were not retrieved"):
        _read(server)


def test_redirects_are_not_followed(server: FakePacs) -> None:
    server.before = lambda _path, _count: (302, {"Location": "http://127.0.0.1:1/elsewhere"}, b"")
    with pytest.raises(InputError, match=r"does not take the query \(status 302\)"):
        _read(server)


@pytest.mark.parametrize("status", [401, 403])
def test_the_secret_is_sent_and_not_told(server: FakePacs, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHAUDIT_DICOMWEB_TOKEN", "t0ps3cret")
    server.before = lambda _path, _count: (status, {"WWW-Authenticate": "Bearer"}, b"t0ps3cret CHX-000000")
    with pytest.raises(InputError, match=rf"refuses access \({status}\)") as caught:
        _read(server, "PatientID=CHX-000000")
    assert server.headers[0]["authorization"] == "Bearer t0ps3cret"
    assert "t0ps3cret" not in str(caught.value)
    assert "CHX" not in str(caught.value)


def test_no_proxy_and_no_netrc_of_the_environment(
    server: FakePacs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert len(_read(server)) == 6
    assert not any("authorization" in headers for headers in server.headers)


def test_a_long_list_comes_page_by_page(server: FakePacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb, "PAGE", 2)
    assert len(_read(server)) == 6
    server.most = 1  # fewer than asked for
    assert len(_read(server)) == 6


def test_a_server_without_pages_ends(server: FakePacs, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pages = False
    assert len(_read(server)) == 6
    monkeypatch.setattr(dicomweb, "PAGE", 4)
    server.most = 4
    with pytest.raises(InputError, match="gives the first part of a long list only"):
        _read(server)


def test_a_list_that_was_cut_short_is_noticed(server: FakePacs, objects: dict[str, bytes]) -> None:
    first = pydicom.dcmread(BytesIO(objects[min(objects)]))
    for _ in range(3):
        first.SOPInstanceUID = first.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        stream = BytesIO()
        first.save_as(stream)
        server.objects[str(first.SOPInstanceUID)] = stream.getvalue()
    assert len(_read(server)) == 9
    server.pages, server.most = False, 3
    with pytest.raises(InputError, match="says that there are 4 series or instances and lists 3 of them"):
        _read(server, f"StudyInstanceUID={first.StudyInstanceUID}")


def test_keys_that_the_server_passes_over_are_heeded_here(server: FakePacs) -> None:
    server.filters = False
    assert len(_read(server, "PatientID=CHX-000001")) == 2
    assert len(_read(server, "PatientID=chx-00000%3F")) == 6
    with pytest.raises(InputError, match="does not return StudyID, so whether it searched by it cannot be checked"):
        _read(server, "StudyID=7")


@pytest.mark.parametrize("uid", ["../../../etc", "1.2/3", "", "1.2?x=1"])
def test_uids_that_are_none_are_not_asked_for(server: FakePacs, uid: str) -> None:
    listed = json.dumps([{"0020000D": {"vr": "UI", "Value": [uid]}, "00100020": {"vr": "LO", "Value": ["A"]}}]).encode()
    server.before = lambda path, _: (200, {}, listed) if path == "/studies" else None
    with pytest.raises(InputError, match=r"under a UID that is none|without its UID"):
        _read(server)
    assert all("/studies/" not in path for path in server.asked)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"x": {}}', b"\xff"])
def test_something_else_than_dicom_json(server: FakePacs, body: bytes) -> None:
    server.before = lambda _path, _count: (200, {}, body)
    with pytest.raises(InputError, match="something else than DICOM JSON"):
        _read(server)


def test_an_answer_without_end_is_cut(server: FakePacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb, "LARGEST_INSTANCE_BYTES", 500)
    issues: Callable[[], object] = lambda: _read(server)  # noqa: E731
    with pytest.raises(InputError, match="found 6 missing-file"):
        issues()


def test_the_content_of_one_part() -> None:
    kind = 'multipart/related; type="application/dicom"; boundary="x y"'.replace("x y", "xy")
    body = b"--xy\r\nContent-Type: application/dicom\r\nContent-Length: 5\r\n\r\na\r\nbc\r\n--xy--"
    assert only_part(body, kind) == b"a\r\nbc"
    assert only_part(b"preamble\r\n" + body + b"\r\n", kind) == b"a\r\nbc"
    for broken in (body[:-4], body[:-8], b"", b"--xy--", body.replace(b": 5", b": 9")):
        with pytest.raises(Unreachable):
            only_part(broken, kind)
    for wrong in (body.replace(b": 5", b": 2"),):
        with pytest.raises(Refused):
            only_part(wrong, kind)
    with pytest.raises(Refused):
        only_part(body, "text/html")


def test_attempts_wait_longer_each_time_and_end() -> None:
    waited: list[float] = []
    tried: list[int] = []

    def attempt() -> str:
        tried.append(1)
        if len(tried) < 3:
            raise Unreachable
        return "there"

    assert attempted(attempt, (1.0, 2.0, 4.0), waited.append) == "there"
    assert waited == [1.0, 2.0]

    def never() -> str:
        raise Unreachable

    with pytest.raises(Unreachable):
        attempted(never, (1.0, 2.0), waited.append)

    def refused() -> str:
        tried.append(1)
        raise Refused

    tried.clear()
    with pytest.raises(Refused):
        attempted(refused, (1.0, 2.0), waited.append)
    assert len(tried) == 1


def test_headers_are_kept_sealed_and_spare_the_second_fetch(server: FakePacs, tmp_path: Path) -> None:
    made = tmp_path / "made"
    write_phantoms(
        PhantomSet(ChestPopulation(seed=5, size=16).sources(range(1), 1), Role.TRAIN, "png", 8, False, {}), made
    )
    places = {"train": server.web("PatientID=*"), "synthetic": made / "images"}
    first = load(**places, cache=tmp_path / "cache")  # type: ignore[arg-type]
    fetched = [path for path in server.asked if "/instances/" in path]
    assert len(fetched) == 6  # each once: what is scanned together is in memory
    close_connections()
    again = load(**places, cache=tmp_path / "cache")  # type: ignore[arg-type]
    assert len([path for path in server.asked if "/instances/" in path]) == 6
    assert again.train.digest == first.train.digest
    assert again.train.patients == first.train.patients
    kept = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert b"CHX-" not in kept
    assert b"2.25." not in kept
    assert ((tmp_path / "cache" / FILE_NAME).stat().st_mode & 0o077) == 0


def test_what_is_kept_is_read_under_the_same_secret_only(tmp_path: Path) -> None:
    one = KeptHeads(tmp_path, b"secret")
    one.put("address", b"Smith^John")
    assert one.get("address") == b"Smith^John"
    assert one.get("elsewhere") is None
    one.close()
    assert KeptHeads(tmp_path, b"other").get("address") is None
    raw = (tmp_path / FILE_NAME).read_bytes()
    assert b"Smith" not in raw
    assert b"address" not in raw
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE heads SET sealed = 'broken'")
    connection.close()
    two = KeptHeads(tmp_path, b"secret")
    assert two.get("address") is None
    two.close()
    (tmp_path / FILE_NAME).write_bytes(b"no database")
    three = KeptHeads(tmp_path, b"secret")
    three.put("address", b"x")
    assert three.get("address") is None


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    memory: BoundedMemory[bytes] = BoundedMemory(10, len)
    made: list[str] = []

    def make(name: str, size: int) -> bytes:
        def maker() -> bytes:
            made.append(name)
            return bytes(size)

        return memory.get(name, maker)

    for name in "abab":
        make(name, 4)
    assert made == ["a", "b"]
    make("c", 4)  # a was used before b
    make("b", 4)
    make("a", 4)
    assert made == ["a", "b", "c", "a"]
    assert len(make("huge", 99)) == 99
    make("huge", 99)
    assert made.count("huge") == 1


def test_an_instance_that_is_gone_later_says_so(server: FakePacs) -> None:
    cohort = read_cohort(server.web("PatientID=CHX-000001"), Role.TRAIN)[0]
    close_connections()  # memory is empty, and the server fails
    server.before = lambda _path, _count: (500, {}, b"")
    with pytest.raises(UnreadableImage, match="run the same command again"):
        cohort.sources[0].read()
    instance = cohort.sources[0].path  # type: ignore[attr-defined]
    assert isinstance(instance, PacsInstance)
    assert connection_to(parsed(server.web("PatientID=*")).address).lost == {instance.instance}


def test_certificates_of_both_sides_are_checked(
    objects: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_certificates(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    tls.load_verify_locations(tmp_path / "ca.pem")
    tls.verify_mode = ssl.CERT_REQUIRED
    with serving(FakePacs(dict(objects)), tls) as server:
        address = server.web("PatientID=*").replace("+http:", "+https:")
        for given in ({}, {"SYNTHAUDIT_PACS_CA": "ca.pem"}):
            for variable, file in given.items():
                monkeypatch.setenv(variable, str(tmp_path / file))
            with pytest.raises(InputError, match=r"SYNTHAUDIT_PACS_CA|does not answer"):
                read_cohort(address, Role.TRAIN)
            close_connections()
        assert server.asked == []  # the server asks for a certificate of ours, and there was none
        monkeypatch.setenv("SYNTHAUDIT_PACS_CERTIFICATE", str(tmp_path / "client.pem"))
        monkeypatch.setenv("SYNTHAUDIT_PACS_CERTIFICATE_KEY", str(tmp_path / "client.key"))
        assert len(read_cohort(address, Role.TRAIN)[0]) == 6

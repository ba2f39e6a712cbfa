"""The address of a PACS: what it may say, and what it must never hold or repeat."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from synthaudit.errors import InputError, UsageError
from synthaudit.sources.pacs_login import login_for
from synthaudit.sources.pacs_uri import PacsAddress, is_pacs, parsed

WEB = "dicomweb+https://pacs.example.org/dicom-web"
ADDRESS = PacsAddress("dicomweb", "pacs.example.org", 443, "/dicom-web")


def test_a_web_address() -> None:
    query = parsed(f"{WEB}/?patientid=A&PatientID=B&Modality=MR&StudyDate=20200101-")
    assert query.address == ADDRESS
    assert query.address.url == "https://pacs.example.org:443/dicom-web"
    assert query.at("STUDY") == {"PatientID": ("A", "B"), "StudyDate": ("20200101-",)}
    assert query.at("SERIES") == {"Modality": ("MR",)}
    assert query.at("IMAGE") == {}
    assert pickle.loads(pickle.dumps(query)) == query
    assert "20200101" not in repr(query)


def test_a_dimse_address() -> None:
    query = parsed("dimse://ORTHANC@10.0.0.5:4242/?calling=AUDIT&StudyInstanceUID=1.2.3")
    assert query.address == PacsAddress("dimse", "10.0.0.5", 4242, "", False, "ORTHANC", "AUDIT")
    assert parsed("dimse+tls://h:1/?called=A&PatientID=*").address == PacsAddress(
        "dimse", "h", 1, "", True, "A", "SYNTHAUDIT"
    )


def test_loopback_may_be_unencrypted() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert parsed(f"dicomweb+http://{host}:8042/dicom-web?PatientID=A").address.encrypted is False
    assert parsed("dicomweb+http://[::1]:80/x?PatientID=A").address.url == "http://[::1]:80/x"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("dicomweb+http://pacs.example.org/d?PatientID=SECRET", "for this machine only"),
        ("dicomweb+http://127.0.0.1.evil.org/d?PatientID=SECRET", "for this machine only"),
        ("dicomweb+https://user:SECRET@h/d?PatientID=A", "must not hold a user name or password"),
        ("dicomweb+https://SECRET@h/d?PatientID=A", "must not hold a user name or password"),
        ("dimse://AET:SECRET@h:1/?PatientID=A", "must not hold a user name or password"),
        (f"{WEB}?PatientName=SECRET", "can be asked by PatientID"),
        (f"{WEB}?PatientId=SECRET&Modalty=MR", "got another key"),
        (f"{WEB}?called=SECRET&PatientID=A", "got another key"),
        (WEB, "needs at least one key"),
        (f"{WEB}?PatientID=", "needs a value"),
        (f"{WEB}?PatientID=SECRET%5CB", "no backslash"),
        (f"{WEB}?PatientID=SECRET%0AB", "no control character"),
        (f"{WEB}?PatientID=A#SECRET", "must have no '#'"),
        (f"{WEB}?PatientID=@/SECRET/none.txt", "needs a text file in UTF-8"),
        ("dicomweb+https:///d?PatientID=SECRET", "needs a host"),
        ("dicomweb+https://h:99999/d?PatientID=SECRET", "port of a PACS address"),
        ("dimse://AET@h/?PatientID=SECRET", "needs a port"),
        ("dimse://h:1/?PatientID=SECRET", "needs the application entity title"),
        ("dimse://A@h:1/?called=B&PatientID=SECRET", "needs the application entity title"),
        ("dimse://A@h:1/SECRET?PatientID=A", "has no path"),
        ("dimse://A@h:1/?calling=SEVENTEENLETTERSX&PatientID=SECRET", "1 to 16 ASCII"),
    ],
)
def test_what_is_refused_is_not_repeated(address: str, says: str) -> None:
    assert is_pacs(address)
    with pytest.raises(UsageError, match=says) as caught:
        parsed(address)
    assert "SECRET" not in str(caught.value)


def test_values_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes("\ufeffA\r\n\r\n  B \nA\n".encode())
    assert parsed(f"{WEB}?PatientID=@{tmp_path}/ids.txt").at("STUDY") == {"PatientID": ("A", "B")}


def test_paths_are_no_pacs() -> None:
    for text in ("/data/train", "train.zip", "dicomweb/x", "dimse", "s3://bucket/x", "C:\\data"):
        assert not is_pacs(text)


def test_the_login_comes_from_the_environment_or_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    (tmp_path / "ca.pem").write_text("x")
    assert login_for(ADDRESS, {}).token == ""
    assert login_for(ADDRESS, {"SYNTHAUDIT_DICOMWEB_TOKEN": "t"}).token == "t"
    assert login_for(ADDRESS, {"SYNTHAUDIT_DICOMWEB_TOKEN_FILE": str(tmp_path / "token")}).token == "t0ken"
    both = login_for(ADDRESS, {"SYNTHAUDIT_DICOMWEB_USER": "u", "SYNTHAUDIT_DICOMWEB_PASSWORD": "p"})
    assert (both.user, both.password) == ("u", "p")
    assert "p'" not in repr(both)
    config = tmp_path / "pacs.toml"
    config.write_text(
        '["pacs.example.org:443"]\ntoken_file = "token"\nca = "ca.pem"\n[other]\nuser = "x"\npassword = "y"\n'
    )
    found = login_for(ADDRESS, {"SYNTHAUDIT_PACS_CONFIG": str(config), "SYNTHAUDIT_DICOMWEB_TOKEN": "not this"})
    assert (found.token, found.ca) == ("t0ken", str(tmp_path / "ca.pem"))
    elsewhere = PacsAddress("dicomweb", "third.example.org", 443)
    assert login_for(elsewhere, {"SYNTHAUDIT_PACS_CONFIG": str(config), "SYNTHAUDIT_DICOMWEB_TOKEN": "t"}).token == "t"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (
            {"SYNTHAUDIT_DICOMWEB_TOKEN": "S", "SYNTHAUDIT_DICOMWEB_USER": "S", "SYNTHAUDIT_DICOMWEB_PASSWORD": "S"},
            "both",
        ),
        ({"SYNTHAUDIT_DICOMWEB_USER": "SECRET"}, "needs user and password, got one"),
        ({"SYNTHAUDIT_DICOMWEB_TOKEN": "SECRET\r\nX-Header: 1"}, "one line each"),
        ({"SYNTHAUDIT_DICOMWEB_TOKEN": "SECRET", "SYNTHAUDIT_DICOMWEB_TOKEN_FILE": "x"}, "directly or as a file"),
        ({"SYNTHAUDIT_DICOMWEB_TOKEN_FILE": "/SECRET/none"}, "file with the token .* cannot be read"),
        ({"SYNTHAUDIT_PACS_CA": "/SECRET/none.pem"}, "certificate file of the PACS does not exist"),
        ({"SYNTHAUDIT_PACS_CONFIG": "/SECRET/none.toml"}, "must name a TOML file"),
    ],
)
def test_a_login_that_cannot_be_is_refused_and_not_repeated(environment: dict[str, str], says: str) -> None:
    with pytest.raises((UsageError, InputError), match=says) as caught:
        login_for(ADDRESS, environment)
    assert "SECRET" not in str(caught.value)


def test_no_secret_goes_unencrypted_to_another_machine() -> None:
    plain = PacsAddress("dicomweb", "pacs.example.org", 80, "", encrypted=False)
    with pytest.raises(UsageError, match="over TLS or to this machine only"):
        login_for(plain, {"SYNTHAUDIT_DICOMWEB_TOKEN": "t"})

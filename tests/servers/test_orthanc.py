"""An audit of images in a real PACS, by either protocol, is the audit of the same images in folders.

And when the PACS is killed in the middle, it says so and how many images are missing, and goes on where it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import generate_uid

from synthaudit.audit_record import Audit
from synthaudit.cohort import Cohort, Role
from synthaudit.embedding_cache import EmbeddingCache
from synthaudit.encoders.descriptor import Descriptor
from synthaudit.errors import InputError, UsageError
from synthaudit.folder_cohorts import Account, Reading, read_places
from synthaudit.inspection.look import inspect
from synthaudit.intake import read_cohort
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.phantoms.phantom_folder import PhantomSet, write_phantoms
from synthaudit.policy import Verdict
from synthaudit.progress import Progress
from synthaudit.provenance import secret_key
from synthaudit.run_audit import audit
from synthaudit.sources import dicomweb, pacs, pacs_server
from synthaudit.sources.location import located
from synthaudit.sources.pacs import close_connections, connection_to
from synthaudit.sources.pacs_listing import instances
from synthaudit.sources.pacs_uri import parsed
from tests.servers.conftest import Orthanc, free_port
from tests.sources.certificates import write_certificates

pytestmark = [
    pytest.mark.orthanc,
    pytest.mark.slow,
    # pynetdicom leaves the socket of a connection that was refused to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

TRAIN, HOLDOUT, FRESH, COPIED = 12, 12, 6, 3
POLICY = """
schema = "synthaudit/policy/1"
name = "copies-only"
purpose = "Test."
[[rule]]
id = "copies"
measure = "copies/direct_patients"
says = "No patient is copied"
at_most = 0
bound = "value"
rationale = "Test."
"""


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory, orthanc: Orthanc) -> dict[str, Path]:
    """Role -> folder of DICOM files, all of which are in the PACS, too. Some synthetic images are copies."""
    root = tmp_path_factory.mktemp("phantoms")
    population = ChestPopulation(seed=3, size=64)
    for role, patients in (
        ("train", range(TRAIN)),
        ("holdout", range(TRAIN, TRAIN + HOLDOUT)),
        ("synthetic", range(500, 500 + FRESH)),
    ):
        sources = population.sources(patients, 1)
        write_phantoms(PhantomSet(sources, Role(role), "dicom", 8, False, {"role": role}), root / role)
    copies = sorted((root / "train" / "images").glob("*.dcm"))[:COPIED]
    for number, file in enumerate([*sorted((root / "synthetic" / "images").glob("*.dcm")), *copies]):
        dataset = pydicom.dcmread(file)
        dataset.PatientID = f"SYN-{number:03d}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        target = root / "synthetic" / "images" / (file.name if file not in copies else f"copy-{file.name}")
        dataset.save_as(target)
    for role in ("train", "holdout", "synthetic"):
        orthanc.store(root / role)
    return {role: root / role / "images" for role in ("train", "holdout", "synthetic")}


@pytest.fixture(scope="session")
def queries(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Role -> what to ask the PACS for: patients by a file of their ids, synthetic images by a wildcard."""
    lists = tmp_path_factory.mktemp("lists")
    for role in ("train", "holdout"):
        ids = sorted({str(pydicom.dcmread(file).PatientID) for file in folders[role].glob("*.dcm")})
        (lists / f"{role}.txt").write_text("\n".join(ids) + "\n")
    return {
        "train": f"PatientID=@{lists}/train.txt",
        "holdout": f"PatientID=@{lists}/holdout.txt&Modality=CR",
        "synthetic": "PatientID=SYN-*",
    }


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(POLICY)
    return path


@pytest.fixture(scope="session")
def names(folders: dict[str, Path]) -> dict[str, str]:
    """SOP instance UID -> name of the file."""
    return {
        str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID): file.name
        for folder in folders.values()
        for file in folder.glob("*.dcm")
    }


def _audited(places: dict[str, Any], policy: Path, **options: Any) -> Audit:
    return audit(**places, probes=["inputs", "copies"], policy=policy, workers=2, **{"cache": False, **options})


@pytest.fixture(scope="session")
def from_folders(folders: dict[str, Path], policy: Path) -> Audit:
    return _audited(folders, policy)


def _exposures(made: Audit, names: dict[str, str]) -> list[Any]:
    found = [exposure for finding in made.findings for exposure in finding.exposures]
    renamed = [
        replace(
            e,
            real_image=names.get(e.real_image, e.real_image),
            synthetic_image=names.get(e.synthetic_image, e.synthetic_image),
            pair=None,
        )
        for e in found
    ]
    return sorted(renamed, key=lambda e: (e.probe, e.patient_id, e.real_image, e.synthetic_image))


@pytest.mark.parametrize("protocol", ["web", "dimse"])
def test_the_audit_is_that_of_the_folders(
    protocol: str,
    orthanc: Orthanc,
    queries: dict[str, str],
    names: dict[str, str],
    policy: Path,
    from_folders: Audit,
) -> None:
    address = getattr(orthanc, protocol)
    made = _audited({role: address(query) for role, query in queries.items()}, policy)
    assert from_folders.verdict is Verdict.FAIL
    assert made.verdict is from_folders.verdict
    assert made.reason == from_folders.reason
    assert made.cohorts == from_folders.cohorts  # numbers, sizes, attributes, digests
    exposed = _exposures(made, names)
    assert len({e.patient_id for e in exposed if e.flagged}) >= COPIED
    assert exposed == _exposures(from_folders, names)
    values = [
        [(f.probe, m.name, m.value, m.low, m.high) for f in a.findings for m in f.measures]
        for a in (made, from_folders)
    ]
    assert values[0] == values[1]


@pytest.mark.parametrize("protocol", ["web", "dimse"])
def test_an_inspection_looks_into_a_pacs(protocol: str, orthanc: Orthanc, queries: dict[str, str]) -> None:
    found = inspect(getattr(orthanc, protocol)(queries["train"]), look_at=3, workers=1)
    assert found.form == "PACS"
    assert found.images == found.files == found.patients == 12
    assert found.look.looked_at == len(found.look.sides) == 3
    assert {issue.reason for issue in found.issues} == set()


@pytest.mark.parametrize("protocol", ["web", "dimse"])
def test_a_table_speaks_of_instances_by_their_uid(
    protocol: str, orthanc: Orthanc, queries: dict[str, str], names: dict[str, str], tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("file,patient_id\n" + "".join(f"{uid},T-{name}\n" for uid, name in names.items()))
    cohort, issues = read_cohort(getattr(orthanc, protocol)(queries["train"]), Role.TRAIN, metadata=table)
    assert all(patient == f"T-{names[name]}" for patient, name in zip(cohort.patients, cohort.names, strict=True))
    assert {issue.reason for issue in issues} == {"no-file"}


@pytest.mark.parametrize("protocol", ["web", "dimse"])
@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("PatientID=CHX-000003", 1),
        ("PatientID=CHX-000003&PatientID=CHX-000004", 2),
        ("PatientID=CHX-00000?&Modality=CR", 10),
        ("PatientID=CHX-00000?&Modality=MR", 0),
        ("PatientID=CHX-00000?&StudyDate=19000101-19000102", 0),
        ("PatientID=chx-nobody", 0),
    ],
)
def test_what_was_asked_for_comes(protocol: str, query: str, count: int, orthanc: Orthanc, folders: Any) -> None:
    del folders
    address = getattr(orthanc, protocol)(query)
    if count:
        assert len(read_cohort(address, Role.TRAIN)[0]) == count
    else:
        with pytest.raises(InputError, match="no image that fits the query"):
            read_cohort(address, Role.TRAIN)


@pytest.mark.parametrize("protocol", ["web", "dimse"])
def test_killed_in_the_middle_it_says_what_is_missing_and_goes_on_later(
    protocol: str,
    orthanc: Orthanc,
    queries: dict[str, str],
    policy: Path,
    from_folders: Audit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacs_server, "WAITS_S", (0.01,))
    monkeypatch.setattr(pacs, "GROUP", 3)
    places = {role: getattr(orthanc, protocol)(query) for role, query in queries.items()}
    cache = EmbeddingCache(tmp_path / "cache")
    connection = connection_to(parsed(places["train"]).address)
    fetch, seen = connection.server.fetch, 7

    def killing(instance: Any) -> bytes:
        if connection.fetched >= seen:
            orthanc.kill()
        return fetch(instance)

    monkeypatch.setattr(connection.server, "fetch", killing)
    try:
        with pytest.raises(
            InputError, match=r"train needs all of its images, found that \d+ of 12 instances"
        ) as caught:
            _audited(places, policy, cache=cache)
    finally:
        close_connections()
        orthanc.start()
    assert "CHX" not in str(caught.value)
    assert "run the same command again to go on" in str(caught.value)
    missing = int(str(caught.value).split(" of 12 ")[0].rsplit(" ", 1)[1])
    assert 1 <= missing <= TRAIN - seen
    # Whole groups that were scanned are not fetched again; of the one that was cut off, the headers are known.
    again = _scan(places["train"], cache.location)
    assert missing <= again <= missing + 2
    assert _scan(places["train"], cache.location) == 0
    if protocol == "web":
        made = _audited(places, policy, cache=cache)
        assert (made.verdict, made.cohorts) == (from_folders.verdict, from_folders.cohorts)
        monkeypatch.setattr(Descriptor, "encode", _refusing_whole_batches(Descriptor.encode))
        close_connections()
        assert _exposures(_audited(places, policy, cache=cache), {}) == _exposures(made, {})


def _refusing_whole_batches(encode: Callable[..., Any]) -> Callable[..., Any]:
    """An encoder that is content with the few views of a candidate pair, and not with a cohort's batch of 64."""

    def counted(self: Descriptor, images: Any) -> Any:
        assert len(images) < 64
        return encode(self, images)

    return counted


def _scan(place: str, cache: Path) -> int:
    """How many instances come over the network when the images are read anew under that cache."""
    close_connections()
    reading = Reading(2, Progress(), cache, secret_key())
    read_places(located({Role.TRAIN: place}), [Role.TRAIN], None, reading, Account())
    return connection_to(parsed(place).address).fetched


def test_nothing_of_a_patient_and_no_secret_is_kept_or_said(
    orthanc: Orthanc, queries: dict[str, str], policy: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "synthaudit", "audit", "--out", str(out), "--cache", str(tmp_path / "cache")]
    for role, query in queries.items():
        command += [f"--{role}", orthanc.web(query)]
    command += ["--probe", "inputs", "--probe", "copies", "--policy", str(policy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1, done.stderr
    public = [path for path in out.iterdir() if path.is_file() and path.suffix != ".pdf"]
    said = done.stdout + done.stderr + "".join(path.read_text(errors="replace") for path in public)
    for secret in ("not-a-secret", "CHX-0", "SYN-0", "127.0.0.1", "2.25."):
        assert secret not in said
    kept = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert b"CHX-0" not in kept
    assert b"2.25." not in kept
    assert not list((tmp_path / "cache").rglob("*.dcm"))
    assert json.loads((out / "evidence.json").read_text())["verdict"] == "FAIL"
    assert "CHX-0" in (out / "restricted" / "exposures.csv").read_text()


def test_a_wrong_password_says_what_to_do_and_nothing_else(
    orthanc: Orthanc, queries: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHAUDIT_DICOMWEB_PASSWORD", "wrong-password")
    with pytest.raises(InputError, match=r"refuses access \(401\); give SYNTHAUDIT_DICOMWEB_TOKEN") as caught:
        read_cohort(orthanc.web(queries["train"]), Role.TRAIN)
    assert "wrong-password" not in str(caught.value)


def test_a_long_list_comes_page_by_page(
    orthanc: Orthanc, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    del folders
    monkeypatch.setattr(dicomweb, "PAGE", 7)
    assert len(read_cohort(orthanc.web("PatientID=CHX-0000??"), Role.TRAIN)[0]) == TRAIN + HOLDOUT


def test_the_same_query_for_two_roles_is_refused(orthanc: Orthanc, policy: Path) -> None:
    with pytest.raises(UsageError, match="each role needs a query of its own"):
        _audited({"train": orthanc.web("PatientID=A"), "synthetic": orthanc.web("PatientID=A")}, policy)


def test_a_pacs_that_is_not_there(orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacs_server, "WAITS_S", (0.01,))
    gone = replace(orthanc, http=free_port(), dicom=free_port())
    for address in (gone.web("PatientID=A"), gone.dimse("PatientID=A")):
        with pytest.raises(InputError, match="the PACS does not answer; check host, port"):
            read_cohort(address, Role.TRAIN)


@pytest.fixture(scope="session")
def compressed(orthanc: Orthanc, folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One training image again, as a patient of its own, compressed losslessly."""
    from pydicom.uid import RLELossless

    dataset = pydicom.dcmread(min(folders["train"].glob("*.dcm")))
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.PatientID = "RLE-1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    folder = tmp_path_factory.mktemp("compressed")
    dataset.save_as(folder / "rle.dcm")
    orthanc.store(folder)
    return folder


@pytest.mark.parametrize("protocol", ["web", "dimse"])
def test_compressed_images_come_as_they_are_stored(protocol: str, orthanc: Orthanc, compressed: Path) -> None:
    from pydicom.uid import RLELossless

    cohort: Cohort = read_cohort(getattr(orthanc, protocol)("PatientID=RLE-1"), Role.TRAIN)[0]
    plain = read_cohort(compressed, Role.TRAIN)[0]
    assert cohort.pixel_digests == plain.pixel_digests
    stored: Any = cohort.sources[0]
    with stored.path.open() as stream:
        assert pydicom.dcmread(stream, stop_before_pixels=True).file_meta.TransferSyntaxUID == RLELossless


def test_a_process_ends_when_it_is_done(orthanc: Orthanc, folders: dict[str, Path]) -> None:
    del folders
    code = (
        "import sys, time; from synthaudit.cohort import Role; from synthaudit.intake import read_cohort; "
        "read_cohort(sys.argv[1], Role.TRAIN); print(time.time())"
    )
    command = [sys.executable, "-c", code, orthanc.dimse("PatientID=CHX-000003")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    # An association that nobody releases would hold it until the PACS lost patience, after half a minute.
    assert time.time() - float(done.stdout) < 15


def test_dimse_under_tls(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_certificates(tmp_path)
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(tmp_path / "server.pem"),
        "DicomTlsPrivateKey": str(tmp_path / "server.key"),
        "DicomTlsTrustedCertificates": str(tmp_path / "ca.pem"),
    }
    server = Orthanc(tmp_path / "tls", settings=settings)
    server.start()
    try:
        server.ask("/instances", min(folders["train"].glob("*.dcm")).read_bytes())
        address = server.dimse("PatientID=*").replace("dimse:", "dimse+tls:")
        monkeypatch.setenv("SYNTHAUDIT_PACS_CA", str(tmp_path / "ca.pem"))
        monkeypatch.setattr(pacs_server, "WAITS_S", ())
        with pytest.raises(InputError, match="the PACS does not answer"):
            read_cohort(address, Role.TRAIN)  # it asks for a certificate of ours
        close_connections()
        monkeypatch.setenv("SYNTHAUDIT_PACS_CERTIFICATE", str(tmp_path / "client.pem"))
        monkeypatch.setenv("SYNTHAUDIT_PACS_CERTIFICATE_KEY", str(tmp_path / "client.key"))
        assert len(read_cohort(address, Role.TRAIN)[0]) == 1
    finally:
        close_connections()
        server.kill()


def test_no_patient_is_logged(orthanc: Orthanc, folders: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    del folders
    caplog.set_level("DEBUG")
    read_cohort(orthanc.dimse("PatientID=CHX-000003"), Role.TRAIN)
    assert "CHX" not in caplog.text
    assert "2.25." not in caplog.text


def test_an_instance_whose_class_is_not_told_is_fetched(orthanc: Orthanc, folders: dict[str, Path]) -> None:
    del folders
    query = parsed(orthanc.dimse("PatientID=CHX-000003"))
    server = connection_to(query.address).server
    (instance,) = instances(server, query)
    assert server.fetch(replace(instance, sop_class="")) == server.fetch(instance)

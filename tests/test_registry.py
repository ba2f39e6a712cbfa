"""Plug-ins by name, from packages as they are installed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthaudit import registry
from synthaudit.embeddings import TableEncoder
from synthaudit.errors import EncoderError, InputError, MissingDependency, UsageError
from synthaudit.generators.checkpoint import Card, save_checkpoint

MODULE = """
class Plug:
    name = "plug"
    dim = 2
    fingerprint = "f"
    input_size = 8
    channels = 1
    fast = False

    def __init__(self, *settings):
        self.settings = settings

    @classmethod
    def from_spec(cls, argument, *, device, offline):
        return cls(argument, device, offline)

    def encode(self, images):
        return None


class Fitted(Plug):
    spec = None

    @classmethod
    def from_spec(cls, argument, *, device):
        return cls("fitted", argument, device)

    def fit(self): ...
    def fresh(self): ...
    def capabilities(self): ...
    def sample(self): ...


class Opened(Fitted):
    fit = fresh = None

    @classmethod
    def from_uri(cls, argument, *, device, trust_code):
        return cls("opened", argument, device, trust_code)


class Odd(Opened):
    @classmethod
    def from_uri(cls, argument, *, device, trust_code):
        return object()


class NoEncoder(Plug):
    encode = None

    @classmethod
    def from_spec(cls, argument, *, device, offline):
        return object()
"""


@pytest.fixture(autouse=True)
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two installed packages: one with plug-ins of every kind, one broken."""
    install(
        tmp_path,
        "acme-audit",
        {"acme_audit": MODULE},
        """
        [synthaudit.encoders]
        acme = acme_audit:Plug
        acme-odd = acme_audit:NoEncoder
        [synthaudit.probes]
        acme-b = acme_audit:Plug
        acme-a = acme_audit:Plug
        [synthaudit.reports]
        acme = acme_audit:Plug
    """,
    )
    install(
        tmp_path,
        "broken-audit",
        {"broken_audit": "import there_is_no_such_package"},
        """
        [synthaudit.encoders]
        broken = broken_audit:Plug
        gone = acme_audit:Gone
    """,
    )
    monkeypatch.syspath_prepend(tmp_path)


def install(folder: Path, package: str, modules: dict[str, str], points: str) -> None:
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(line.strip() for line in points.splitlines()))


def test_names_are_sorted_and_nothing_is_imported() -> None:
    found = registry.names("encoders")
    assert list(found) == sorted(found)
    assert {"acme", "broken", "descriptor", "openclip", "precomputed"} <= set(found)
    assert "broken_audit" not in sys.modules
    with pytest.raises(UsageError, match=r"^kind must be one of encoders, probes, reports, generators, got hats$"):
        registry.names("hats")


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ("acme", ("", "cpu", True)),
        ("acme:", ("", "cpu", True)),
        ("acme:local-dir:C:/x@y", ("local-dir:C:/x@y", "cpu", True)),
    ],
)
def test_an_encoder_reads_its_own_argument(spec: str, settings: tuple[object, ...]) -> None:
    assert getattr(registry.encoder(spec), "settings") == settings  # noqa: B009 (unknown to the protocol)


def test_device_and_offline_are_handed_on() -> None:
    made = registry.encoder("acme:x", device="cuda:1", offline=False)
    assert getattr(made, "settings") == ("x", "cuda:1", False)  # noqa: B009


def test_the_encoders_that_come_with_the_package_are_found(tmp_path: Path) -> None:
    np.save(tmp_path / "train.npy", np.eye(3))
    table = registry.encoder(f"precomputed:{tmp_path}")
    assert isinstance(table, TableEncoder)
    assert table.dim == 3
    with pytest.raises(EncoderError, match="a pickle can run any program"):
        registry.encoder("openclip:ViT-B-32@weights.bin")


def test_an_unknown_name_is_answered_with_what_there_is() -> None:
    with pytest.raises(UsageError) as raised:
        registry.encoder("acne:x")
    there = ", ".join(registry.names("encoders"))
    assert str(raised.value) == f"encoder must be one of {there}, got acne; did you mean acme"
    with pytest.raises(UsageError, match=r", got no name$"):
        registry.encoder("")
    with pytest.raises(UsageError, match=r"^probe must be one of .*, got copy"):
        registry.probes(["copy"])


def test_probes_and_reports_are_made_in_the_order_asked_for() -> None:
    assert len(registry.probes(["acme-b", "acme-a", "acme-b"])) == 2
    assert len(registry.reports(["acme"])) == 1
    assert registry.probes([]) == ()


def test_a_plug_in_that_cannot_be_imported_names_its_package() -> None:
    with pytest.raises(MissingDependency) as raised:
        registry.encoder("broken")
    assert str(raised.value) == (
        "the encoder broken of package broken-audit cannot be imported, got ModuleNotFoundError: No module named "
        "'there_is_no_such_package'; install what it needs, or repair or uninstall that package"
    )
    with pytest.raises(MissingDependency, match="the encoder gone of package broken-audit cannot be imported"):
        registry.encoder("gone")


def test_a_plug_in_that_makes_no_encoder_is_named() -> None:
    with pytest.raises(UsageError, match=r"^encoder acme-odd must be a PixelEncoder or a TableEncoder, got object$"):
        registry.encoder("acme-odd")


def test_two_packages_with_one_name_for_two_things(tmp_path: Path) -> None:
    install(tmp_path, "rival", {}, "[synthaudit.encoders]\nacme = rival:Other\n")
    with pytest.raises(
        UsageError, match=r"names that differ, got two encoders acme, of (acme-audit and rival|rival and)"
    ):
        registry.encoder("acme")


@pytest.fixture
def makers(tmp_path: Path) -> None:
    """A package with a generator that can be fitted, an adapter, and one that opens something else."""
    points = "[synthaudit.generators]\nzz = acme_audit:Fitted\nzy = acme_audit:Opened\nzx = acme_audit:Odd\n"
    install(tmp_path, "maker", {}, points)


def settings_of(generator: object) -> object:
    return getattr(generator, "settings")  # noqa: B009 (unknown to the protocol)


@pytest.mark.usefixtures("makers")
def test_only_generators_that_can_be_fitted_are_listed() -> None:
    assert {"zx", "zy", "zz", "folder"} <= set(registry.names("generators"))
    listed = registry.generators()
    assert list(listed) == sorted(listed)
    assert listed["zz"].__name__ == "Fitted"
    assert {"latent-diffusion"} <= set(listed)
    assert not {"zx", "zy", "folder"} & set(listed)


@pytest.mark.usefixtures("makers")
def test_a_generator_is_opened_by_its_uri_or_from_its_checkpoint() -> None:
    opened = registry.generator("zy:a:b?c=d", device="cuda:1", trust_code=True)
    assert settings_of(opened) == ("opened", "a:b?c=d", "cuda:1", True)
    assert settings_of(registry.generator("zy:")) == ("opened", "", "cpu", False)
    assert settings_of(registry.generator("zz:some/folder", device="cuda")) == ("fitted", "some/folder", "cuda")
    with pytest.raises(UsageError, match=r"^generator zz must be given with its checkpoint folder, as zz:FOLDER, got"):
        registry.generator("zz")
    with pytest.raises(UsageError, match=r"^generator zx must be a Generator, got object$"):
        registry.generator("zx:a")


@pytest.mark.usefixtures("makers")
def test_a_checkpoint_folder_says_itself_what_it_is(tmp_path: Path) -> None:
    card = Card("zz", {}, "d", 3, 3, 0, 1, 1, None, 0.1, "cpu", "")
    save_checkpoint(tmp_path / "fit", card, {"a": np.zeros(2)})
    assert settings_of(registry.generator(str(tmp_path / "fit"))) == ("fitted", str(tmp_path / "fit"), "cpu")
    # A card cannot make an adapter run something.
    save_checkpoint(tmp_path / "trap", replace(card, name="zy"), {"a": np.zeros(2)})
    with pytest.raises(InputError, match=r"^the checkpoint must be of one of .*latent-diffusion.*, got zy$"):
        registry.generator(str(tmp_path / "trap"), trust_code=True)


def test_a_generator_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        registry.generator("foldr:here")
    there = ", ".join(registry.names("generators"))
    assert str(raised.value) == f"generator must be one of {there}, got foldr; did you mean folder"
    for spec in (str(tmp_path), "no/such/folder"):
        with pytest.raises(UsageError, match=r"^a generator given as a folder must hold card.json, .*folder:DIR$"):
            registry.generator(spec)


def test_the_registry_imports_nothing_heavy() -> None:
    code = (
        "import sys, synthaudit.registry as r; r.names('probes'); print({'torch', 'faiss', 'cv2'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

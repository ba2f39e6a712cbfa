"""What is installed is what is here: packages, plug-ins, data files, pinned versions."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

import synthaudit

ROOT = Path(__file__).parents[1]
PLUG_INS = {  # kind -> folder, and the methods by which such a class is known
    "probes": (ROOT / "probes", {"run"}),
    "reports": (ROOT / "reports", {"render"}),
    "encoders": (ROOT / "synthaudit" / "encoders", {"from_spec"}),
}

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not run from the source tree")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[str]:
    """Files of the repository: what git has, and what it would be given."""
    if not (ROOT / ".git").exists():
        pytest.skip("no repository here")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return sorted(name for name in listed.stdout.split("\0") if name and os.path.lexists(ROOT / name))


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_package_is_listed() -> None:
    tops = {
        "synthaudit": ROOT / "synthaudit",
        "synthaudit.probes": ROOT / "probes",
        "synthaudit.reports": ROOT / "reports",
    }
    there = {
        ".".join([name, *file.parent.relative_to(top).parts])
        for name, top in tops.items()
        for file in top.rglob("__init__.py")
        if not any(folder.is_symlink() for folder in file.parents)
    }
    assert there == set(project()["tool"]["setuptools"]["packages"])


def plug_ins(kind: str) -> Iterator[tuple[str, str]]:
    """(name, place) of every class in the folder of that kind that is a plug-in by its looks."""
    folder, methods = PLUG_INS[kind]
    for file in sorted(folder.glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef) or any(getattr(b, "id", "") == "Protocol" for b in node.bases):
                continue
            if methods <= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}:
                yield f"synthaudit.{kind}.{file.stem}:{node.name}", file.stem


@pytest.mark.parametrize("kind", PLUG_INS)
def test_every_plug_in_has_its_entry_point(kind: str) -> None:
    there = {place for place, _ in plug_ins(kind)}
    assert there
    assert there == set(project()["project"]["entry-points"][f"synthaudit.{kind}"].values())


@pytest.mark.parametrize("kind", ["probes", "reports"])
def test_a_plug_in_is_called_what_its_entry_point_is(kind: str) -> None:
    from synthaudit import registry

    names = [probe.name for probe in registry.probes()] if kind == "probes" else [r.name for r in registry.reports()]
    assert tuple(names) == registry.names(kind)


def test_what_is_installed_is_not_stale() -> None:
    asked = {
        f"synthaudit.{kind}": points
        for kind, points in (
            (g.removeprefix("synthaudit."), p) for g, p in project()["project"]["entry-points"].items()
        )
    }
    asked["console_scripts"] = project()["project"]["scripts"]
    installed: dict[str, dict[str, str]] = {}
    for point in distribution("synthaudit").entry_points:
        installed.setdefault(point.group, {})[point.name] = point.value
    assert installed == asked, "install again: make setup"
    assert project()["project"]["version"] == synthaudit.__version__


@pytest.mark.parametrize("name", ["probes", "reports"])
def test_type_checkers_find_the_packages_at_the_top(name: str) -> None:
    link = ROOT / "synthaudit" / name
    assert link.is_symlink()
    assert link.readlink() == Path("..") / name


def test_no_version_is_tied_to_a_place() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"(#.*|[a-z0-9-]+==[0-9][A-Za-z0-9.]*)?", line)] == []
    assert list(pinned()) == sorted(pinned())


def test_no_version_is_tied_to_a_platform() -> None:
    assert [name for name in pinned() if name.startswith(("nvidia-", "cuda-", "triton"))] == []


def test_torch_is_a_build_that_torchvision_fits() -> None:
    assert pinned()["torch"] != "2.13.0"
    assert "torchvision" in pinned()


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    asked = project()["project"]
    for text in asked["dependencies"] + asked["optional-dependencies"]["dev"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned()[canonicalize_name(requirement.name)]), text
        assert any(s.operator == ">=" for s in requirement.specifier), f"{text} needs a lower bound"


def test_no_file_names_a_place_on_someones_machine() -> None:
    places = re.compile(rb"(?<![\w.~-])/(?:" + b"|".join([b"work", b"home", b"root", b"Users"]) + rb")/[\w.]+")
    named = {
        f"{name}: {found[0].decode()}"
        for name in tracked()
        if (ROOT / name).is_file() and (found := places.search((ROOT / name).read_bytes()))
    }
    assert named == set()


def test_the_command_lines_of_the_project_are_sound() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(targets) >= {"setup", "demo", "test", "lint", "types", "clean"}
    asked = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8")))
    assert asked <= set(targets)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy: building leaves traces."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    build = [
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(out),
    ]
    subprocess.run([sys.executable, *build, str(source)], check=True, capture_output=True)
    (file,) = out.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_holds_every_file_where_it_is_imported_from(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    assert [name for name in inside if not name.startswith(("synthaudit/", "synthaudit-"))] == []
    for name in tracked():
        if name.startswith(("synthaudit/", "probes/", "reports/")) and not (ROOT / name).is_symlink():
            assert (name if name.startswith("synthaudit/") else f"synthaudit/{name}") in inside


def test_the_wheel_finds_its_plug_ins(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("/entry_points.txt")]
    text = wheel.read(name).decode()
    for kind in PLUG_INS:
        assert all(place in text for place, _ in plug_ins(kind))
    assert "synthaudit = synthaudit.cli:main" in text

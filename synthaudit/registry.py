"""Plug-ins by name: encoders, probes, reports and generators, found through the entry points of installed packages.

A package adds one by an entry point in `synthaudit.encoders`, `.probes`, `.reports` or `.generators`; nothing here
knows any by name. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaudit.embeddings import PixelEncoder, TableEncoder, UnfittedEncoder
from synthaudit.errors import InputError, MissingDependency, SynthauditError, UsageError

if TYPE_CHECKING:
    from synthaudit.generators.protocol import Generator
    from synthaudit.probe import Probe
    from synthaudit.report import Report

KINDS = ("encoders", "probes", "reports", "generators")


def names(kind: str) -> tuple[str, ...]:
    """The plug-ins of a kind ("encoders", "probes", "reports" or "generators"), sorted; none is imported."""
    return tuple(sorted(_plug_ins(kind)))


def encoder(spec: str, *, device: str = "cpu", offline: bool = True) -> PixelEncoder | TableEncoder | UnfittedEncoder:
    """The encoder that `spec` names, or one that is yet to be fitted on an audit's real images.

    Args:
        spec: "name", or "name:argument" with what the encoder itself reads, as in "openclip:local-dir:FOLDER".
        device: "cpu", "cuda" or "cuda:i".
        offline: Download nothing.

    Raises:
        UsageError: There is no such encoder, or it cannot read the argument.
        EncoderError: Its weights are missing, unsafe, or not what they claim to be.
        MissingDependency: It cannot be imported.
    """
    name, _, argument = spec.partition(":")
    made = _load("encoders", name).from_spec(argument, device=device, offline=offline)
    if not isinstance(made, PixelEncoder | TableEncoder | UnfittedEncoder):
        raise UsageError(f"encoder {name} must be a PixelEncoder or a TableEncoder, got {type(made).__name__}")
    return made


def encoder_class(name: str) -> Any:
    """The class behind the encoder `name` (without argument), imported; an `about` of it says what its weights are."""
    return _load("encoders", name)


def probes(chosen: Sequence[str] | None = None) -> tuple[Probe, ...]:
    """The probes of these names, in this order, each once; all there are, sorted by name, if None."""
    return tuple(_load("probes", name)() for name in _chosen("probes", chosen))


def reports(chosen: Sequence[str] | None = None) -> tuple[Report, ...]:
    """The reports of these names, in this order, each once; all there are, sorted by name, if None."""
    return tuple(_load("reports", name)() for name in _chosen("reports", chosen))


def generator_class(name: str) -> Any:
    """The class behind the generator `name`, imported: a reference generator's, or an adapter's."""
    return _load("generators", name)


def generators() -> Mapping[str, type[Any]]:
    """The reference generators, which can be fitted: name -> class, sorted by name. Adapters are not among them."""
    from synthaudit.generators.protocol import Trainable

    loaded = {name: _load("generators", name) for name in names("generators")}
    return {name: kind for name, kind in loaded.items() if isinstance(kind, type) and issubclass(kind, Trainable)}


def generator(spec: str, *, device: str = "cpu", trust_code: bool = False) -> Generator:
    """The fitted generator that `spec` names.

    Args:
        spec: A checkpoint folder of a reference generator, `NAME:FOLDER` with the name of one, or the URI of an
            adapter, as in `folder:DIR`.
        device: "cpu", "cuda" or "cuda:i".
        trust_code: Whether code that comes with the generator may run, in a process of its own.

    Raises:
        UsageError: There is no such generator, it cannot read what follows the colon, or it would run code untrusted.
        InputError: What it is made of is missing or damaged.
        MissingDependency: It cannot be imported.
    """
    from synthaudit.generators.protocol import Generator

    name, argument = _named_generator(spec)
    kind = _load("generators", name)
    # What opens a URI is an adapter, whoever wrote it; a reference generator is opened from its checkpoint.
    if hasattr(kind, "from_uri"):
        made = kind.from_uri(argument, device=device, trust_code=trust_code)
    elif argument:
        made = kind.from_spec(str(Path(argument).expanduser()), device=device)
    else:
        raise UsageError(f"generator {name} must be given with its checkpoint folder, as {name}:FOLDER, got no folder")
    if not isinstance(made, Generator):
        raise UsageError(f"generator {name} must be a Generator, got {type(made).__name__}")
    return made


def _named_generator(spec: str) -> tuple[str, str]:
    """(name, argument) of a generator; a checkpoint folder carries its name on its card."""
    from synthaudit.generators.checkpoint import CARD, load_card

    name, colon, argument = spec.partition(":")
    folder = Path(spec).expanduser()
    if (folder / CARD).is_file():
        carded = load_card(folder).name
        if carded not in (fitted := generators()):
            raise InputError(f"the checkpoint must be of one of {', '.join(fitted)}, got {carded}")
        return carded, spec
    if name not in _plug_ins("generators") and (folder.exists() or os.sep in (spec if not colon else name)):
        raise UsageError(
            f"a generator given as a folder must hold {CARD}, found none there; name the folder given to "
            f"`generate fit --out`, or say what kind it is: {', '.join(names('generators'))}, as in folder:DIR"
        )
    return name, argument


def _chosen(kind: str, chosen: Iterable[str] | None) -> tuple[str, ...]:
    return names(kind) if chosen is None else tuple(dict.fromkeys(chosen))


def _plug_ins(kind: str) -> dict[str, EntryPoint]:
    """Name -> entry point. Two packages that give one name to two things: an error, not a race."""
    if kind not in KINDS:
        raise UsageError(f"kind must be one of {', '.join(KINDS)}, got {kind}")
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"synthaudit.{kind}"):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise UsageError(
                f"plug-ins must have names that differ, got two {kind} {point.name}, of {_package(other)} and "
                f"{_package(point)}; uninstall one"
            )
    return found


def _load(kind: str, name: str) -> Any:
    """The plug-in itself, imported."""
    there = _plug_ins(kind)
    if name not in there:
        close = difflib.get_close_matches(name, there, n=1)
        hint = f"; did you mean {close[0]}" if close else ""
        available = ", ".join(sorted(there)) or "(there are none)"
        raise UsageError(f"{kind[:-1]} must be one of {available}, got {name or 'no name'}{hint}")
    point = there[name]
    try:
        return point.load()
    except SynthauditError:
        raise
    except Exception as error:
        raise MissingDependency(
            f"the {kind[:-1]} {name} of package {_package(point)} cannot be imported, got {type(error).__name__}: "
            f"{error}; install what it needs, or repair or uninstall that package"
        ) from error


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value

"""A generator that answers from a program of its own (see `child`), with the capabilities that the program states.

It has a method only if the program can do it, so it implements exactly the protocols that it should. Nothing it says is
taken on trust: every answer is checked for shape, type and finite numbers.

Item i of a sample must depend on the seed and i, never on how many are asked for. A program that keeps this promise
states `"seeding": "item"`, and is asked once. Any other is asked for chunks of one fixed size, each with a seed of its
own, and what is too much is let go: item i then depends on the seed, i and the size of a chunk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adapters.border import Border
from synthaudit.generators.adapters.child import Child
from synthaudit.generators.adapters.npy_file import Shape, read_array, write_array
from synthaudit.generators.adapters.uri import Uri
from synthaudit.generators.protocol import Capability, Condition, GeneratorSpec, Images, checked_images

PROTOCOL = "synthaudit-exec/1"
CHUNK = 16
"""Items a request for samples asks for, of a program that does not seed item by item; `chunk=` changes it."""
TIMEOUT_S = 600.0
OPTIONS = ("timeout", "range", "clip", "chunk")
"""The options that every adapter with a program of its own has."""

Floats = NDArray[np.float32]


class Remote:
    """A generator in a program of its own."""

    def __init__(self, child: Child, spec: GeneratorSpec, can: frozenset[Capability], border: Border, chunk: int):
        """Use `remote_generator`.

        Args:
            child: The program.
            spec: What it is; the range is that of this project.
            can: What it can do.
            border: Between its pixel values and ours.
            chunk: Items of a request for samples; 0 asks for all at once.
        """
        self._child, self._spec, self._can, self._border, self._chunk = child, spec, can, border, chunk

    @property
    def spec(self) -> GeneratorSpec:
        """What it is, as its program states."""
        return self._spec

    def capabilities(self) -> frozenset[Capability]:
        """What it can do, as its program states."""
        return self._can

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) images; what item i depends on is said above.

        Raises:
            UsageError: A condition is asked for that it does not know.
            InputError: The program fails, or its answer breaks the protocol.
        """
        unknown = sorted(set(condition or ()) - set(self._spec.conditions))
        if unknown:
            there = ", ".join(self._spec.conditions) or "none"
            raise UsageError(f"conditions of {self._spec.name} must be among {there}, got {', '.join(unknown)}")
        request = {"ask": "sample", "condition": dict(condition or {})}
        if not self._chunk:
            return self._images({**request, "n": n, "seed": seed}, n)
        parts = [np.zeros((0, *self._spec.shape), dtype=np.float32)]
        for number in range(math.ceil(n / self._chunk)):
            part = self._images({**request, "n": self._chunk, "seed": chunk_seed(seed, number)}, self._chunk)
            parts.append(part[: n - number * self._chunk])
        return np.concatenate(parts)

    def close(self) -> None:
        """End the program."""
        self._child.close()

    def _images(self, request: Mapping[str, object], n: int, x: Images | None = None) -> Images:
        """Images of an answer, in our range."""
        shape = (n, *self._spec.shape)
        answer = self._asked(request, x, shape, (*shape, 1), (*shape, 3))
        try:
            return self._border.inward(answer)
        except InputError as error:
            raise InputError(f"{self._child.name}: {error}") from error

    def _about(self, ask: str, x: Images, **settings: object) -> tuple[dict[str, object], Images]:
        """A request about images, and the images in the program's range."""
        return {"ask": ask, **settings}, self._border.outward(checked_images(x, self._spec.shape))

    def _asked(self, request: Mapping[str, object], given: Floats | None, *shapes: Shape) -> Floats:
        """The array that answers `request` about the array `given`, of one of `shapes`; no file stays."""
        folder, sent = self._child.folder, {}
        try:
            if given is not None:
                write_array(folder / "asked.npy", given)
                sent["array"] = "asked.npy"
            name = self._child.ask({**request, **sent}).get("array")
            try:
                return read_array(folder / _checked_name(name), *shapes)
            except InputError as error:
                raise self._child.failed(error) from error
        finally:
            for file in folder.glob("*.npy"):
                file.unlink(missing_ok=True)


class _Scores(Remote):
    def score(self, x: Images, seed: int, levels: int) -> Floats:
        """(n, levels) error of each image, lower = better fitted."""
        request, sent = self._about("score", x, seed=seed, levels=levels)
        # A density has one level, whatever is asked for.
        return self._asked(request, sent, (len(x), levels), (len(x), 1))


class _Reconstructs(Remote):
    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, h, w) images disturbed and restored."""
        request, sent = self._about("reconstruct", x, strength=strength, seed=seed)
        return self._images(request, len(x), sent)


class _Encodes(Remote):
    def encode(self, x: Images) -> Floats:
        """(n, d) latent vectors."""
        request, sent = self._about("encode", x)
        return self._asked(request, sent, (len(x), None))

    def decode(self, z: Floats) -> Images:
        """(n, h, w) images of latent vectors."""
        return self._images({"ask": "decode"}, len(z), np.asarray(z, dtype=np.float32))


class _Denoises(Remote):
    def denoise(self, z: Floats, sigma: float) -> Floats:
        """(n, d) expected clean latents."""
        request = {"ask": "denoise", "sigma": float(sigma)}
        return self._asked(request, np.asarray(z, dtype=np.float32), z.shape)


class _Discriminates(Remote):
    def discriminate(self, x: Images) -> Floats:
        """(n,) logits, higher = taken for a training image."""
        request, sent = self._about("discriminate", x)
        return self._asked(request, sent, (len(x),))


class _Translates(Remote):
    def translate(self, x: Images, seed: int) -> Images:
        """(n, h, w), row for row."""
        request, sent = self._about("translate", x, seed=seed)
        return self._images(request, len(x), sent)


_DOORS: Mapping[Capability, type[Remote]] = {
    Capability.SAMPLE: Remote,
    Capability.SCORE: _Scores,
    Capability.RECONSTRUCT: _Reconstructs,
    Capability.ENCODE: _Encodes,
    Capability.DENOISE: _Denoises,
    Capability.DISCRIMINATE: _Discriminates,
    Capability.TRANSLATE: _Translates,
}


def remote_generator(command: Sequence[str], uri: Uri, *, clip: bool = False) -> Remote:
    """The generator that answers from the program `command`, which is started.

    Args:
        command: The program and its arguments.
        uri: Its options are those of `OPTIONS`, and more.
        clip: Whether values outside the range are cut off where the URI does not say.

    Raises:
        UsageError: An option is wrong.
        InputError: The program does not start, fails, or breaks the protocol.
    """
    timeout_s, chunk = uri.number("timeout", TIMEOUT_S), uri.whole("chunk", CHUNK)
    clip = uri.yes("clip", otherwise=clip)
    stated_range = uri.value_range()
    child = Child(command, name=uri.scheme, timeout_s=timeout_s)
    try:
        answer = child.ask({"ask": "spec", "protocol": PROTOCOL, "folder": str(child.folder)})
        can = child.ask({"ask": "capabilities"}).get("capabilities")
        try:
            spec, own_range, per_item = _spec(answer, uri.scheme)
            capabilities = _capabilities(can)
        except InputError as error:
            raise child.failed(error) from error
    except BaseException:
        child.close()
        raise
    low, high = stated_range or own_range
    doors = tuple(_DOORS[capability] for capability in sorted(capabilities - {Capability.SAMPLE}))
    kind: type[Remote] = type("RemoteGenerator", doors or (Remote,), {})
    return kind(child, spec, capabilities, Border(low, high, clip), 0 if per_item else chunk)


def chunk_seed(seed: int, number: int) -> int:
    """The seed of the chunk with that number: 31 bits, which every library takes.

    >>> chunk_seed(0, 0) != chunk_seed(0, 1) != chunk_seed(1, 0)
    True
    """
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.endswith(".npy") or "/" in name or "\0" in name:
        raise InputError("an answer must name in `array` a .npy file in the folder, got something else")
    return name


def _capabilities(named: object) -> frozenset[Capability]:
    """What a program says it can do.

    Raises:
        InputError: It names something else, or cannot sample.
    """
    known = {str(capability) for capability in _DOORS}
    if not isinstance(named, list) or not {str(name) for name in named} <= known or "sample" not in named:
        raise InputError(f"capabilities must be a list of sample and any of {', '.join(sorted(known - {'sample'}))}")
    return frozenset(Capability(name) for name in named)


def _spec(answer: Mapping[str, Any], scheme: str) -> tuple[GeneratorSpec, tuple[float, float], bool]:
    """What a program says it is, its range, and whether it seeds item by item.

    Raises:
        InputError: It does not say so as it should.
    """
    if answer.get("protocol") != PROTOCOL:
        raise InputError(f"protocol must be {PROTOCOL}, got {str(answer.get('protocol'))[:40]!r}")
    shape, extent = answer.get("shape"), answer.get("value_range", [0.0, 1.0])
    if not (isinstance(shape, list) and len(shape) == 2 and all(type(s) is int and 0 < s <= 65_536 for s in shape)):
        raise InputError("shape must be [height, width]")
    if not (
        isinstance(extent, list)
        and len(extent) == 2
        and all(isinstance(value, int | float) and math.isfinite(value) for value in extent)
        and extent[0] < extent[1]
    ):
        raise InputError("value_range must be [low, high]")
    conditions, seeding = answer.get("conditions", []), answer.get("seeding", "call")
    if not (isinstance(conditions, list) and all(isinstance(name, str) for name in conditions)):
        raise InputError("conditions must be a list of names")
    if seeding not in {"item", "call"}:
        raise InputError('seeding must be "item" or "call"')
    digest = answer.get("checkpoint_digest", "")
    if not isinstance(digest, str) or len(digest) > 64 or not set(digest) <= set("0123456789abcdef"):
        raise InputError("checkpoint_digest must be a SHA-256 in hexadecimal")
    spec = GeneratorSpec(scheme, (shape[0], shape[1]), conditions=tuple(conditions), checkpoint_digest=digest)
    return spec, (float(extent[0]), float(extent[1])), seeding == "item"

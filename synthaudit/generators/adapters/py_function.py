"""A function in Python as a generator: `py:MODULE:FUNCTION`.

The function is either `(n, seed) -> (n, h, w)` samples in [0, 1] (or what `?range=LOW,HIGH` says), or takes nothing, or
only `device`, and returns a `Generator` with whatever that can do. The module is looked for as `python` looks for it in
the folder you are in. It runs with your rights in a process of its own, so it needs your word.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adapters.remote import OPTIONS, Remote, remote_generator
from synthaudit.generators.adapters.serve import command, named
from synthaudit.generators.adapters.uri import Uri, must_trust
from synthaudit.generators.protocol import Capability, Condition, Generator, GeneratorSpec, Images


class PyFunction:
    """The adapter `py:MODULE:FUNCTION`."""

    @classmethod
    def from_uri(cls, argument: str, *, device: str, trust_code: bool) -> Remote:
        """The generator that the function is, or returns.

        Raises:
            UsageError: It may not run, is not there, or takes something else.
            InputError: It fails, or returns something else.
        """
        uri = Uri.parse("py", argument, OPTIONS, "MODULE:FUNCTION")
        module, colon, name = uri.target.partition(":")
        if not (module and colon and name):
            raise UsageError(f"py: must be given as py:MODULE:FUNCTION, got {uri.target!r}")
        must_trust(uri, trust_code, "the module")
        return remote_generator(command(opened, {"place": uri.target, "device": device}), uri)


def opened(arguments: Mapping[str, Any]) -> Generator:
    """The generator that the function `place` is, or returns; called in a process of its own.

    Raises:
        UsageError: The function takes something else, or is none.
        InputError: It returns something else.
    """
    function = named(arguments["place"])
    if not callable(function):
        raise UsageError(f"FUNCTION must be a function, got {type(function).__name__}")
    needed = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.kind in {parameter.POSITIONAL_OR_KEYWORD}
    ]
    if needed == ["n", "seed"] or (len(needed) == 2 and "device" not in needed):
        return FunctionGenerator(function, _shape(function))
    if needed not in ([], ["device"]):
        raise UsageError(f"FUNCTION must take (n, seed), nothing, or device, got ({', '.join(needed)})")
    made = function(**dict.fromkeys(needed, arguments["device"]))
    if not isinstance(made, Generator):
        raise InputError(f"FUNCTION must return a Generator, got {type(made).__name__}")
    return made


@dataclass(frozen=True, slots=True)
class FunctionGenerator:
    """A function of (n, seed) as a generator; what it does for another n nobody knows."""

    function: Callable[[int, int], Any]
    shape: tuple[int, int]
    seeding: ClassVar[str] = "call"

    @property
    def spec(self) -> GeneratorSpec:
        """What it is."""
        return GeneratorSpec("py", self.shape)

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return frozenset({Capability.SAMPLE})

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """What the function returns."""
        del condition
        made: Images = np.asarray(self.function(n, seed))
        return made


def _shape(function: Callable[[int, int], Any]) -> tuple[int, int]:
    """(h, w) of what the function makes, seen from one sample."""
    shape = np.shape(function(1, 0))
    if len(shape) not in {3, 4} or shape[0] != 1:
        raise InputError(f"FUNCTION(1, 0) must return shape (1, h, w) or (1, h, w, 3), got {shape}")
    return shape[1], shape[2]

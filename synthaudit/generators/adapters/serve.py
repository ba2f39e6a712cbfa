"""The program at the other end of `child`, for generators that are Python: answers by the protocol of `exec:`.

    python -m synthaudit.generators.adapters.serve MODULE:FUNCTION ARGUMENTS

The function is given the arguments, a JSON object, and returns a `Generator`, which answers in its own value range. One
with an attribute `seeding` of "call" does not seed item by item (see `remote`). Whatever the generator prints goes to
standard error, as standard output is for answers.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError, NotEnoughData, SynthauditError, UsageError
from synthaudit.generators.adapters.npy_file import write_array
from synthaudit.generators.adapters.remote import PROTOCOL

ANSWER = "answer.npy"

_KINDS = ((UsageError, "usage"), (NotEnoughData, "not-enough"), (SynthauditError, "input"))


def command(opens: Callable[[Mapping[str, Any]], object], arguments: Mapping[str, object]) -> list[str]:
    """The command that serves what `opens(arguments)` returns, in this Python."""
    place = f"{opens.__module__}:{opens.__qualname__}"
    return [sys.executable, "-m", "synthaudit.generators.adapters.serve", place, json.dumps(arguments)]


def named(place: str) -> Any:
    """What `MODULE:NAME` names, imported.

    Raises:
        UsageError: There is no such thing, or it cannot be imported.
    """
    module, _, name = place.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"MODULE:FUNCTION must be there to import, got {type(error).__name__}: {error}") from error
    return found


def serve(place: str, arguments: Mapping[str, Any], requests: IO[str], answers: IO[str]) -> None:
    """Answer every line of `requests` until its end."""
    generator: Any = None
    folder = Path()
    for line in requests:
        request = json.loads(line)
        try:
            if generator is None:
                folder = Path(request["folder"])
                generator = named(place)(arguments)
            answer = _answer(generator, request, folder)
        except SynthauditError as error:
            kind = next(kind for tree, kind in _KINDS if isinstance(error, tree))
            answer = {"error": str(error), "kind": kind}
        except Exception as error:  # whatever the generator raises
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": request["id"], **answer}), file=answers, flush=True)


def _answer(generator: Any, request: Mapping[str, Any], folder: Path) -> dict[str, object]:
    ask = request["ask"]
    if ask == "spec":
        spec = generator.spec
        return {
            "protocol": PROTOCOL,
            "shape": list(spec.shape),
            "value_range": list(spec.value_range),
            "conditions": list(spec.conditions),
            "checkpoint_digest": spec.checkpoint_digest,
            "seeding": getattr(generator, "seeding", "item"),
        }
    if ask == "capabilities":
        return {"capabilities": sorted(set(generator.capabilities()) & set(_CALLS))}
    if ask not in _CALLS:
        raise InputError(f"a request must ask one of {', '.join(_CALLS)}, got {ask!r}")
    given = np.load(folder / request["array"], allow_pickle=False) if "array" in request else np.zeros(0)
    write_array(folder / ANSWER, np.asarray(_CALLS[ask](generator, request, given)))
    return {"array": ANSWER}


_CALLS: Mapping[str, Callable[[Any, Mapping[str, Any], NDArray[Any]], Any]] = {
    "sample": lambda made, asked, _: made.sample(asked["n"], asked["seed"], asked["condition"] or None),
    "score": lambda made, asked, x: made.score(x, asked["seed"], asked["levels"]),
    "reconstruct": lambda made, asked, x: made.reconstruct(x, asked["strength"], asked["seed"]),
    "encode": lambda made, _, x: made.encode(x),
    "decode": lambda made, _, z: made.decode(z),
    "denoise": lambda made, asked, z: made.denoise(z, asked["sigma"]),
    "discriminate": lambda made, _, x: made.discriminate(x),
    "translate": lambda made, asked, x: made.translate(x, asked["seed"]),
}


def main() -> None:
    """Serve on standard input and output; from here on, what is printed goes to standard error."""
    with open(os.dup(1), "w", encoding="utf-8") as answers:  # noqa: PTH123 (a descriptor, not a path)
        os.dup2(2, 1)
        serve(sys.argv[1], json.loads(sys.argv[2]), sys.stdin, answers)


if __name__ == "__main__":
    main()

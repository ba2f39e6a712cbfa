"""A generator in any language: a program that answers one JSON line for each JSON line it is asked.

`exec:COMMAND`, as in `exec:python exec_generator.py model.pt`; the words are parted as a shell parts them, and no shell
runs. Options follow a question mark: `?timeout=60&range=-1,1&clip=yes&chunk=16`. The program runs with your rights, so
it needs your word; what a child process protects from, and what not, is said in `child`.

The protocol, version `synthaudit-exec/1`. The program reads lines from standard input until its end, and answers each
by one line on standard output, at once flushed; what it has to say to people goes to standard error. Every request has
an `id`, and its answer repeats it. Arrays lie as .npy files (numbers only, no pickle) in the folder that the first
request names, and `array` in a request or an answer is the name of such a file; both are removed once the answer was
read.

    {"id": 1, "ask": "spec", "protocol": "synthaudit-exec/1", "folder": "..."}
        -> {"id": 1, "protocol": "synthaudit-exec/1", "shape": [h, w], "value_range": [low, high],
            "seeding": "call" or "item", "conditions": [names], "checkpoint_digest": SHA-256 of the weights}
        Everything but `protocol` and `shape` may be left out: the range is then [0, 1], the seeding "call" (`remote`
        says what these mean).
    {"id": 2, "ask": "capabilities"} -> {"id": 2, "capabilities": ["sample", ...]}
    {"ask": "sample", "n", "seed", "condition": {name: value}}      -> array (n, h, w) or (n, h, w, 3)
    {"ask": "score", "array": (n, h, w), "seed", "levels"}          -> array (n, levels), lower = better fitted
    {"ask": "reconstruct", "array": (n, h, w), "strength", "seed"}  -> array (n, h, w)
    {"ask": "encode", "array": (n, h, w)}                           -> array (n, d)
    {"ask": "decode", "array": (n, d)}                              -> array (n, h, w)
    {"ask": "denoise", "array": (n, d), "sigma"}                    -> array (n, d)
    {"ask": "discriminate", "array": (n, h, w)}                     -> array (n,), higher = taken for a training image
    {"ask": "translate", "array": (n, h, w), "seed"}                -> array (n, h, w)

Each means what the method of that name means in `synthaudit.generators.protocol`. A program that cannot answer says
{"id": ..., "error": "why"}, with "kind": "usage", "input" or "not-enough" where one of these fits, and goes on. One
that answers late, too long, twice, or anything else is ended. examples/exec_generator.py is one to start from.
"""

from __future__ import annotations

import shlex

from synthaudit.errors import UsageError
from synthaudit.generators.adapters.remote import OPTIONS, Remote, remote_generator
from synthaudit.generators.adapters.uri import Uri, must_trust


class Command:
    """The adapter `exec:COMMAND`."""

    @classmethod
    def from_uri(cls, argument: str, *, device: str, trust_code: bool) -> Remote:
        """The generator that answers from the program, which is started.

        Args:
            argument: The command, and options.
            device: Changes nothing: the command says where it runs.
            trust_code: Must be true.

        Raises:
            UsageError: It may not run, or is no command.
            InputError: It does not start, fails, or breaks the protocol.
        """
        del device
        uri = Uri.parse("exec", argument, OPTIONS, "COMMAND")
        must_trust(uri, trust_code, "the command")
        try:
            command = shlex.split(uri.target)
        except ValueError as error:
            raise UsageError(f"exec: must be given a command as a shell would read it, got one with {error}") from error
        return remote_generator(command, uri)

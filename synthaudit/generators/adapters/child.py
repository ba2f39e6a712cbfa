"""A program that answers questions: one JSON line asks, one JSON line answers, for as long as the audit runs.

What a program of one's own keeps apart is crashes, memory and its libraries. It is no sandbox: the program has the
user's rights, files and network. Hence no program starts without the user's word, and hence what it answers is not
trusted: lines and their number are bounded, every answer has a time limit, and arrays are read without pickle. A child
of the program that leaves its process group on purpose is not caught. What the program writes to standard error is
passed on as it is, so it must write nothing there that may not leave the house.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import unicodedata
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from synthaudit.errors import InputError, NotEnoughData, SynthauditError, UsageError

MOST_LINE = 65_536
"""Bytes of a line, asked or answered."""
MOST_COMPLAINTS = 200
"""Lines of the program's standard error that are passed on; each is cut at `MOST_COMPLAINT` bytes."""
MOST_COMPLAINT = 2_000
GRACE_S = 1.0
"""How long a program that is told to end by the end of its input may take for it."""

_GUARD_S, _END_S = 20.0, 5.0
_GUARD = Path(__file__).with_name("guard.py")
_SECRETS = ("SYNTHAUDIT_KEY",)
_KINDS: Mapping[str, type[SynthauditError]] = {"usage": UsageError, "input": InputError, "not-enough": NotEnoughData}


class Child:
    """A running program. It ends when `close` is called, when nobody holds it any more, or when this process ends."""

    def __init__(self, command: Sequence[str], *, name: str, timeout_s: float) -> None:
        """Start `command`.

        Args:
            command: The program and its arguments; no shell reads them.
            name: What messages call it.
            timeout_s: How long each answer may take.

        Raises:
            UsageError: This system has no process groups.
        """
        if os.name != "posix":
            raise UsageError(f"{name}: needs Linux or macOS to run a program, got {sys.platform}")
        self.name, self.timeout_s = name, timeout_s
        self.folder = Path(tempfile.mkdtemp(prefix="synthaudit-"))
        held, lifeline = os.pipe()
        guarded = [sys.executable, "-I", "-S", str(_GUARD), str(held), str(self.folder), *command]
        self._process = subprocess.Popen(
            guarded,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(held,),
            start_new_session=True,
            env={key: value for key, value in os.environ.items() if key not in _SECRETS},
        )
        os.close(held)
        self._asked = 0
        self._lock = threading.Lock()
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=4)
        threads = [
            threading.Thread(target=_collect, args=(self._process.stdout, self._lines), daemon=True),
            threading.Thread(target=_pass_on, args=(self._process.stderr, name), daemon=True),
        ]
        for thread in threads:
            thread.start()
        self._running = _Running(self._process, lifeline, self.folder, threads)
        weakref.finalize(self, self._running.end)  # also when the interpreter ends

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """The answer to `request`.

        Raises:
            InputError: There is none in time, or it is none; the program is ended.
            SynthauditError: The program answers that it cannot, and says why; it stays.
        """
        with self._lock:
            if self._running.ended:
                raise InputError(f"{self.name}: the program must be running, found it ended; open the generator again")
            if not self._lines.empty():
                raise self._failure("must answer when it is asked, got a line before that")
            self._asked += 1
            line = json.dumps({"id": self._asked, **request}).encode() + b"\n"
            if len(line) > MOST_LINE:
                raise UsageError(f"{self.name}: a request must have at most {MOST_LINE} bytes, got {len(line)}")
            answer = self._answer(line)
        if "error" in answer:
            kind = _KINDS.get(str(answer.get("kind")), InputError)
            raise kind(f"{self.name}: {plain(str(answer['error']))[:500]}")
        return answer

    def failed(self, error: SynthauditError) -> InputError:
        """The error to raise for an answer that breaks the protocol in what it says; the program is ended."""
        return self._failure(f"must answer by the protocol: {error}")

    def close(self) -> None:
        """End the program and whatever it started, and remove its temporary folder."""
        self._running.end()

    def _answer(self, line: bytes) -> dict[str, Any]:
        stdin = self._process.stdin
        with suppress(OSError):  # it has ended, which the missing answer will say better
            if stdin is not None:
                stdin.write(line)
                stdin.flush()
        try:
            got = self._lines.get(timeout=self.timeout_s)
        except queue.Empty:
            raise self._failure(
                f"must answer within {self.timeout_s:g} s, got nothing; allow more by timeout=SECONDS"
            ) from None
        if not got:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
            raise self._failure(f"must answer, got its end (exit status {self._process.returncode})")
        if not got.endswith(b"\n"):
            raise self._failure(f"must answer with a line of at most {MOST_LINE} bytes, got a longer or unfinished one")
        try:
            answer = json.loads(got)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self._failure("must answer with a JSON object on one line, got something else")
        if answer.get("id") != self._asked:
            raise self._failure(f"must answer with the id of the request, {self._asked}, got another or none")
        return answer

    def _failure(self, what: str) -> InputError:
        self._running.end(grace_s=0.0)  # one that broke the protocol is not asked to end
        return InputError(f"{self.name}: the program {what}")


class _Running:
    """What must be let go of when a program ends; holds no `Child`, so that one can be forgotten."""

    def __init__(
        self, process: subprocess.Popen[bytes], lifeline: int, folder: Path, threads: Sequence[threading.Thread]
    ) -> None:
        self.ended = False
        self._process, self._lifeline, self._folder, self._threads = process, lifeline, folder, threads

    def end(self, grace_s: float = GRACE_S) -> None:
        """End the program, by the end of its input if it heeds that within `grace_s`; the second time nothing."""
        if self.ended:
            return
        self.ended = True
        process = self._process
        if process.stdin is not None:
            with suppress(OSError):  # bytes that nobody reads any more
                process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
        os.close(self._lifeline)  # at this the guard kills the program, and ends
        try:
            process.wait(_GUARD_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join(_END_S)
        for stream, thread in zip((process.stdout, process.stderr), self._threads, strict=True):
            # A program that left its process group may hold the other end for ever.
            if stream is not None and not thread.is_alive():
                stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def plain(text: str) -> str:
    """`text` without what could steer a terminal."""
    return "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in text)


def _collect(stream: IO[bytes], lines: queue.Queue[bytes]) -> None:
    """Put each line into `lines`, b"" at the end; a program that says more than was asked is no longer read."""
    with suppress(queue.Full, ValueError):  # ValueError: closed meanwhile
        while True:
            line = stream.readline(MOST_LINE)
            lines.put_nowait(line)
            if not line.endswith(b"\n"):
                return


def _pass_on(stream: IO[bytes], name: str) -> None:
    """Pass each line on to standard error, up to a number of them; the rest is read and let go."""
    said = 0
    with suppress(ValueError):
        while line := stream.readline(MOST_COMPLAINT):
            said += 1
            if said <= MOST_COMPLAINTS:
                print(f"{name}: {plain(line.decode(errors='replace')).rstrip()}", file=sys.stderr, flush=True)
            elif said == MOST_COMPLAINTS + 1:
                print(f"{name}: (what else it says is not shown)", file=sys.stderr, flush=True)

"""Stands between the audit and a program it runs, so that no program outlives the audit that started it.

    python -I -S guard.py LIFELINE FOLDER COMMAND...

The guard starts the command in a process group of its own and waits for one of two things. The command ends: then
whatever it started is killed too. Or LIFELINE, a pipe whose other end the audit holds, closes, because the audit is
done or because it was itself killed: then the command is killed, and its temporary FOLDER removed, as nobody else may
be left to do it. It is run as a file, imports the standard library only, and speaks to no one.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

CANNOT_START = 127


def watched(lifeline: int, folder: str, command: list[str]) -> int:
    """The exit status of `command`; minus the signal's number where one ended it."""
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        child = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        print(f"cannot be started: {error.strerror}", file=sys.stderr)
        return CANNOT_START
    abandoned = False
    while not abandoned and child.poll() is None:
        ready, _, _ = select.select([lifeline, awake], [], [])
        abandoned = lifeline in ready
        if awake in ready:
            os.read(awake, 512)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    status = child.wait()
    if abandoned:
        shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    ended = watched(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
    sys.exit(ended if ended >= 0 else 128 - ended)

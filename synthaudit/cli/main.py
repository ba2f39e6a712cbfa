"""The program `synthaudit`: finds a command, runs it, and turns how it ended into an exit code.

0 PASS, 1 FAIL, 2 wrong use or unusable input, 3 INCONCLUSIVE, 130 interrupted. A release pipeline acts on these, so
whatever goes wrong here must never look like a verdict: a bug, a full memory and a closed pipe all end with 2.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from synthaudit import __version__
from synthaudit.errors import SynthauditError

COMMANDS = (
    *("audit", "canary", "demo", "encoders", "gate", "generate", "inspect", "policies", "probes", "report"),
    "selftest",
)
"""Each is an attribute of the module of that name in this package, imported when it is asked for."""

UNUSABLE = 2
INTERRUPTED = 130

DEBUG_VARIABLE = "SYNTHAUDIT_DEBUG"
"""Environment variable: 1 shows the traceback of a bug, which can hold names of files."""


class LazyGroup(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Every command, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"synthaudit.cli.{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="synthaudit")
def synthaudit() -> None:
    """Can the patients whose images trained a generator be found again in what it makes?

    Exit codes: 0 PASS, 1 FAIL, 2 wrong use or unusable input, 3 INCONCLUSIVE.
    """


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command; nothing is raised.

    Args:
        arguments: After the program's name; those of the process if None.
    """
    try:
        code = synthaudit.main(arguments, prog_name="synthaudit", standalone_mode=False)
        sys.stdout.flush()  # a reader that went away is to be noticed here, not while Python ends
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except SystemExit as end:
        # What click makes of a closed pipe is 1, which would read as FAIL.
        return end.code if isinstance(end.code, int) and end.code != 1 else UNUSABLE
    except Exception as error:
        _explain(error)
        return UNUSABLE
    return code if isinstance(code, int) else 0


def _explain(error: Exception) -> None:
    """Say on standard error what went wrong."""
    if isinstance(error, click.ClickException):
        error.show()
    elif isinstance(error, SynthauditError):
        click.echo(f"Error: {error}", err=True)
    elif isinstance(error, BrokenPipeError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  (Python flushes it at its end)
    elif isinstance(error, MemoryError):
        click.echo("Error: memory ran out; use fewer --workers, or a machine with more memory", err=True)
    else:
        _report_bug(error)


def _report_bug(error: Exception) -> None:
    """Say that this is a bug, and where; not what it says, since the text of an error may hold the name of a file."""
    if os.environ.get(DEBUG_VARIABLE) == "1":
        traceback.print_exception(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    module = os.path.basename(place.filename)  # noqa: PTH119  (the name alone)
    click.echo(
        f"Error: {type(error).__name__} in {module}, line {place.lineno}; this is a bug, please report it. "
        f"{DEBUG_VARIABLE}=1 shows all of it; look it through before you send it, it can hold names of files.",
        err=True,
    )

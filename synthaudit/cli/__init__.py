"""The command line: one file for each command. `main` is where the installed program starts."""

from synthaudit.cli.main import main

__all__ = ["main"]

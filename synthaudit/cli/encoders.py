"""`synthaudit encoders`: what turns images into vectors here."""

from __future__ import annotations

import sys

import click


@click.group()
def encoders() -> None:
    """List what turns images into vectors."""


@encoders.command("list")
def listed() -> None:
    """List the encoders that are installed."""
    from importlib.metadata import entry_points

    from synthaudit import registry
    from synthaudit.cli.verdict_text import wrapped

    points = {point.name: point for point in entry_points(group="synthaudit.encoders")}
    for name in registry.names("encoders"):
        point = points[name]
        try:
            point.load()
            says = (sys.modules[point.module].__doc__ or "no description").strip().splitlines()[0]
        except Exception as error:  # whatever a plug-in's import raises, the others are listed
            says = f"not usable: {type(error).__name__}: {error}"
        click.echo(name)
        click.echo(wrapped(says, "    "))

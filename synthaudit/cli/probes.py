"""`synthaudit probes`: what can be asked."""

from __future__ import annotations

import click


@click.command()
def probes() -> None:
    """List the probes and their questions."""
    from synthaudit import registry
    from synthaudit.cli.verdict_text import wrapped
    from synthaudit.errors import MissingDependency

    for name in registry.names("probes"):
        click.echo(name)
        try:
            (probe,) = registry.probes([name])
        except MissingDependency as error:
            click.echo(wrapped(f"not usable: {error}", "    "))
            continue
        click.echo(wrapped(probe.question, "    "))
        for need in sorted(probe.needs):
            click.echo(wrapped(f"needs {need.value}", "    "))

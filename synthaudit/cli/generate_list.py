"""`synthaudit generate list`: the kinds of generators, what each can do, and what is known to leak from it."""

from __future__ import annotations

import inspect
import json
from typing import Any

import click

UNKNOWN = "Not stated: audit it."


@click.command("list")
@click.option("--settings", is_flag=True, help="Also the settings that fit --set takes, with their defaults.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def listed(*, settings: bool, as_json: bool) -> None:
    """List every kind of generator: what it can do, what leaks, and its settings."""
    from synthaudit.cli.verdict_text import wrapped

    rows = _rows()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(row["name"])
        click.echo(wrapped(row["what"], "    "))
        if not row["can"]:
            click.echo("    Opened by its URI, for audit and sample; not fitted here.")
            continue
        click.echo(wrapped(f"Can: {', '.join(row['can'])}.", "    "))
        click.echo(wrapped(f"Leaks: {row['leaks']}", "    "))
        for name, setting in row["settings"].items() if settings else ():
            click.echo(f"      {name} = {setting['default']}  ({setting['type']})")


def _rows() -> list[dict[str, Any]]:
    from synthaudit import registry

    fitted = registry.generators()
    return [_row(name, fitted.get(name)) for name in registry.names("generators")]


def _row(name: str, kind: type[Any] | None) -> dict[str, Any]:
    from synthaudit import registry
    from synthaudit.generators.recipe_settings import setting_types, type_in_words

    row = {"name": name, "what": _first_line(kind or registry.generator_class(name)), "can": [], "leaks": ""}
    if kind is None:
        return {**row, "settings": {}}
    generator: Any = kind.from_spec("")
    types = setting_types(generator.recipe)
    return {
        **row,
        "can": sorted(str(capability) for capability in generator.capabilities()),
        "leaks": getattr(kind, "leaks", "") or UNKNOWN,
        "settings": {
            setting: {"default": _text(getattr(generator.recipe, setting)), "type": type_in_words(types[setting])}
            for setting in types
        },
    }


def _first_line(kind: type[Any]) -> str:
    """What it is: the first line of its module's text, which says more than that of the class."""
    text = inspect.getdoc(inspect.getmodule(kind)) or inspect.getdoc(kind) or ""
    return text.split("\n\n", 1)[0].replace("\n", " ")


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

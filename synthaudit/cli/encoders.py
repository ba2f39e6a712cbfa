"""`synthaudit encoders`: what turns images into vectors here, and the weights that it needs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def encoders() -> None:
    """List what turns images into vectors, and keep its weights."""


@encoders.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def listed(as_json: bool) -> None:
    """List every encoder: what it is, its license, and whether it can be used on this machine."""
    from synthaudit.cli.verdict_text import wrapped

    rows = _rows()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(row["name"])
        click.echo(wrapped(row["what"], "    "))
        if row["license"]:
            size = f"{row['dim']} numbers" if row["dim"] else "as many numbers as the file gives"
            click.echo(wrapped(f"Input {row['input']}; {size}; license: {row['license']}.", "    "))
        if row["says"]:
            click.echo(wrapped(row["says"], "    "))


@encoders.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def verify(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Hash the weights that are kept here again, all or those named; exit code 1 if anything has changed."""
    from synthaudit.encoders import store

    chosen = names or tuple(store.kept())
    found = {name: list(store.problems(name)) for name in chosen}
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not found:
        click.echo("No weights are kept on this machine.")
    else:
        for name, wrong in found.items():
            click.echo(f"{name}: {'; '.join(wrong) or 'as it was added'}")
    ctx.exit(1 if any(found.values()) else 0)


@encoders.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The weight file, or a folder with it.",
)
@click.option("--sha256", metavar="DIGEST", default="", help="SHA-256 that the weight file must have.")
@click.option("--vouch", is_flag=True, help="Vouch for the file where its publisher gives no SHA-256.")
@click.option("--trust-code", is_flag=True, help="Let the program in a TorchScript file run.")
@click.option("--preprocessing", type=FILE, help="JSON with input_size, channels, mean and std.")
@click.option("--license", "license_file", type=FILE, help="License text, kept beside the weights.")
@click.option("--source", "told_source", default="", help="Where the weights come from, kept in the manifest.")
@click.option("--replace", is_flag=True, help="Replace what is kept under the name.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def add(name: str, source: Path, sha256: str, vouch: bool, trust_code: bool, as_json: bool, **more: Any) -> None:
    """Copy weights from a file or folder into the store of this machine; nothing is downloaded.

    NAME is what --encoder takes: rad-dino, timm:resnet18, onnx:my-network.
    """
    from synthaudit import registry
    from synthaudit.encoders import store
    from synthaudit.encoders.weights import WeightsCheck

    about = _about(name)
    if trust_code and not about.runs_code:
        raise click.UsageError(f"--trust-code is for files that hold a program, which those of {name} do not")
    made = store.add(
        name,
        about,
        source,
        sha256=sha256,
        vouched=vouch,
        trusts_code=trust_code,
        load=lambda: registry.encoder(name),
        **more,
    )
    if as_json:
        told = {"name": name, "check": made.check, "sha256": made.weights_sha256, "files": dict(made.files)}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{name} is kept here; weights {made.check}, SHA-256 {made.weights_sha256}")
    if made.check is WeightsCheck.UNVERIFIED:
        click.echo(
            "Nobody said that this is the right file, so an audit with it ends INCONCLUSIVE at best. Add it again with "
            "its publisher's SHA-256 (--sha256), or vouch for it (--vouch).",
            err=True,
        )


def _about(name: str) -> Any:
    """What the encoder that weights are to be added for says of itself."""
    from synthaudit import registry

    kind, colon, own = name.partition(":")
    about = getattr(registry.encoder_class(kind), "about", None)
    if about is None:
        raise click.UsageError(f"encoder {kind} needs no weights, so there is nothing to add")
    if about.takes_any != bool(own) or (colon and not own):
        form = f"{kind}:NAME" if about.takes_any else kind
        raise click.UsageError(f"weights for {kind} are added as {form}, got {name}")
    return about


def _rows() -> list[dict[str, Any]]:
    """Every encoder that is installed or kept, in words, sorted."""
    from synthaudit import registry
    from synthaudit.encoders import store
    from synthaudit.encoders.states import state_of

    rows = []
    for name in sorted({*registry.names("encoders"), *store.kept()}):
        row = {"name": name, "what": "", "license": "", "input": "", "dim": None, "state": "not usable", "says": ""}
        try:
            found = registry.encoder_class(name.partition(":")[0])
            about = getattr(found, "about", None)
            state = state_of(name, about)
        except Exception as error:  # whatever a plug-in's import raises, the others are listed
            rows.append({**row, "what": f"not usable: {type(error).__name__}: {error}"})
            continue
        if about is None:
            what = (sys.modules[found.__module__].__doc__ or "no description").strip().splitlines()[0]
            rows.append({**row, "what": what, "state": state.state})
        else:
            rows.append(
                {
                    **row,
                    **{"what": about.what, "license": about.license, "input": about.input, "dim": about.dim},
                    **{"state": state.state, "says": state.says, "check": state.check, "sha256": state.sha256},
                }
            )
    return rows

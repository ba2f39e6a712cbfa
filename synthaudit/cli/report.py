"""`synthaudit report`: the public reports of an audit, drawn anew from its evidence."""

from __future__ import annotations

from pathlib import Path

import click

from synthaudit.cli.saved_audit import AUDIT, evidence_of, saved_audit


@click.command()
@click.argument("audit", type=AUDIT)
@click.option("--format", "formats", metavar="NAME", multiple=True, required=True, help="May be repeated.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder. [default: that of the audit]")
@click.option("--overwrite", is_flag=True, help="Replace files that differ.")
def report(*, audit: Path, formats: tuple[str, ...], out: Path | None, overwrite: bool) -> None:
    """Draw public reports of an audit anew.

    AUDIT is an output folder or an evidence.json.

    A file that is there already and differs is left alone, since it may be signed; --overwrite replaces it.
    """
    from synthaudit import registry
    from synthaudit.errors import UsageError

    chosen = registry.reports(formats)
    restricted = [one.name for one in chosen if one.restricted]
    if restricted:
        public = ", ".join(one.name for one in registry.reports() if not one.restricted)
        raise UsageError(
            f"format must be one of {public}, got {', '.join(restricted)}: it names patients, whom evidence.json does "
            "not hold, so it is written during the audit only; look below restricted/ in the audit's output folder"
        )
    made = saved_audit(audit)
    folder = evidence_of(audit).parent if out is None else out
    files = {folder / one.filename: one.render(made) for one in chosen}
    _write(files, overwrite)
    for file in files:
        click.echo(click.format_filename(file))


def _write(files: dict[Path, bytes], overwrite: bool) -> None:
    """Write all files or, if one is in the way, none."""
    from synthaudit.errors import OutputError

    try:
        there = [f for f, content in files.items() if f.exists() and (not f.is_file() or f.read_bytes() != content)]
        if there and not overwrite:
            raise OutputError(
                f"{', '.join(file.name for file in there)} must not be there yet or be the same, found another; choose "
                "a folder with --out, or add --overwrite"
            )
        for file, content in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists() or file in there:
                file.write_bytes(content)
    except OSError as error:
        raise OutputError(f"the reports must be written, got {error.strerror}; choose another folder (--out)") from None

"""What the options that name images accept: a folder, an archive, shards, a DICOMDIR, or the address of a PACS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class ImagesType(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """A path; the address of a PACS stays a text, as a path would lose its slashes."""

    name = "IMAGES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """The path or the address; whether anything is there is found out later."""
        del param, ctx
        return value if isinstance(value, Path) or "://" in value else Path(value)


IMAGES = ImagesType()

ACCEPTED_IN_SHORT = (
    "IMAGES is a folder; a .zip, .tar or .tar.gz; a Parquet file with a column `image`; WebDataset shards "
    "(shard-{000..003}.tar, or their folder); a DICOMDIR; or a PACS: "
    "dicomweb+https://HOST/PATH?PatientID=@FILE or dimse://AET@HOST:PORT/?StudyInstanceUID=UID. "
    "Secrets of a PACS come from the environment (SYNTHAUDIT_DICOMWEB_TOKEN), never from the command line."
)

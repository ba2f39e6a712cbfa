"""`synthaudit generate`: fit a reference generator, sample from one, translate with one, make simulated patients."""

from __future__ import annotations

import click

from synthaudit.cli.generate_fit import fit
from synthaudit.cli.generate_list import listed
from synthaudit.cli.generate_samples import sample, translate
from synthaudit.cli.phantoms import phantoms


@click.group()
def generate() -> None:
    """Fit reference generators, sample from them, and make simulated patients."""


for _command in (fit, listed, phantoms, sample, translate):
    generate.add_command(_command)

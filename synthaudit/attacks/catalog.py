"""The attacks that an audit tries, each where the generator can do what it needs."""

from __future__ import annotations

from synthaudit.attacks.attack import Attack
from synthaudit.attacks.denoising import PIA, SECMI
from synthaudit.attacks.discriminator import DISCRIMINATOR
from synthaudit.attacks.gradient import GRADIENT
from synthaudit.attacks.inversion import INVERSION
from synthaudit.attacks.loss import LOSS
from synthaudit.attacks.reconstruction import ENCODING, RECONSTRUCTION

ATTACKS: tuple[Attack, ...] = (LOSS, SECMI, PIA, RECONSTRUCTION, ENCODING, INVERSION, DISCRIMINATOR, GRADIENT)
"""In the order of the report."""

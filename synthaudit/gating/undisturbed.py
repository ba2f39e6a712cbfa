"""Something in between that leaves no trace in the random numbers of what goes on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def undisturbed(seed: int | None = None) -> Iterator[None]:
    """Put the global random states of Python, NumPy and torch (all devices) back afterwards.

    Args:
        seed: Of the three inside; None leaves them as they are.
    """
    import torch

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  (the state that others use)
    try:
        with torch.random.fork_rng():
            if seed is not None:
                random.seed(seed)
                np.random.seed(seed % 2**32)  # noqa: NPY002
                torch.manual_seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002

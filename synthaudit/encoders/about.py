"""What may be said of a pretrained encoder before it is loaded: what it is, its license, how to get its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class About:
    """A pretrained encoder in words, and what its weight file must be.

    Attributes:
        what: One line.
        license: As its publisher states it, to be checked by whoever uses it.
        input: What it is shown, in words.
        dim: Length of its vectors; None if the file decides.
        weights: How to get the weights, as the rest of "get ...".
        suffixes: What the name of a weight file may end with.
        hub: (repository, file) on the Hugging Face hub, where there is a safetensors file.
        published: SHA-256 (hex) of weight files that were seen and run -> what they are. Empty where none could be:
            a digest that nobody here computed would be worth nothing.
        needs: (module, extra) of an optional package.
        runs_code: True if its file holds a program besides numbers.
        takes_any: True if it stands for a family: a file or an architecture follows the colon.
    """

    what: str
    license: str
    input: str
    dim: int | None
    weights: str
    suffixes: tuple[str, ...] = (".safetensors",)
    hub: tuple[str, str] | None = None
    published: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, str] | None = None
    runs_code: bool = False
    takes_any: bool = False

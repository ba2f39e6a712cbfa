"""What stands behind the colon of a generator's URI: `TARGET?option=value&option=value`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from synthaudit.errors import UsageError
from synthaudit.generators.protocol import Generator

_OPTIONS = re.compile(r"(?P<target>.*)\?(?P<options>[a-z_]+=[^&?]*(?:&[a-z_]+=[^&?]*)*)", re.DOTALL)


class Adapter(Protocol):
    """A class that opens a generator from a URI; registered in `synthaudit.generators` under the URI's scheme.

    It is told from a reference generator by this method: a reference generator has `from_spec` and can be fitted.
    """

    @classmethod
    def from_uri(cls, argument: str, *, device: str, trust_code: bool) -> Generator:
        """The generator that `argument` names; it refuses to run code unless `trust_code`."""
        ...


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI taken apart.

    Attributes:
        scheme: The adapter's name, for messages.
        target: A folder, a file, a function or a command.
        options: Name -> value, as given.
    """

    scheme: str
    target: str
    options: Mapping[str, str]

    @classmethod
    def parse(cls, scheme: str, argument: str, known: tuple[str, ...], target: str) -> Uri:
        """`argument` taken apart; a "?" that begins no options belongs to the target.

        Args:
            scheme: The adapter's name.
            argument: What follows the scheme and its colon.
            known: The options there are.
            target: What the target is, in capitals, for messages.

        Raises:
            UsageError: Nothing is named, or an option is unknown or given twice.

        >>> Uri.parse("torchscript", "made.pt?z=64&range=-1,1", ("z", "range"), "FILE").options["range"]
        '-1,1'
        """
        found = _OPTIONS.fullmatch(argument)
        named = found["target"] if found else argument
        options: dict[str, str] = {}
        for pair in found["options"].split("&") if found else ():
            name, _, value = pair.partition("=")
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {close[0]}" if close else ""
                raise UsageError(f"an option of {scheme}: must be one of {', '.join(known)}, got {name}{hint}")
            if name in options:
                raise UsageError(f"option {name} of {scheme}: must be given once, got it twice")
            options[name] = value
        if not named.strip():
            raise UsageError(f"{scheme}: must be given as {scheme}:{target}, got nothing after the colon")
        return cls(scheme, named, options)

    def number(self, name: str, otherwise: float) -> float:
        """The option as a positive, finite number.

        Raises:
            UsageError: It is none.
        """
        text = self.options.get(name, str(otherwise))
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 < value < float("inf"):
            raise UsageError(f"option {name} of {self.scheme}: must be a positive number, got {text!r}")
        return value

    def whole(self, name: str, otherwise: int | None = None) -> int:
        """The option as a positive whole number.

        Raises:
            UsageError: It is none, or it is missing and there is no other.
        """
        text = self.options.get(name, "" if otherwise is None else str(otherwise))
        if not text.isascii() or not text.isdecimal() or int(text) < 1:
            got = repr(text) if text else "nothing"
            raise UsageError(f"option {name} of {self.scheme}: must be a positive whole number, got {got}")
        return int(text)

    def yes(self, name: str, *, otherwise: bool = False) -> bool:
        """The option as yes or no.

        Raises:
            UsageError: It is neither.
        """
        text = self.options.get(name, "yes" if otherwise else "no")
        if text not in {"yes", "no"}:
            raise UsageError(f"option {name} of {self.scheme}: must be yes or no, got {text!r}")
        return text == "yes"

    def value_range(self, otherwise: tuple[float, float] | None = None) -> tuple[float, float] | None:
        """The option `range=LOW,HIGH`; `otherwise` if it is not given.

        Raises:
            UsageError: It is not two finite numbers, the lower one first.
        """
        if "range" not in self.options:
            return otherwise
        text = self.options["range"]
        try:
            low, high = (float(part) for part in text.split(","))
        except ValueError:
            low = high = 0.0
        if not (low < high and abs(low) < float("inf") and high < float("inf")):
            raise UsageError(f"option range of {self.scheme}: must be LOW,HIGH with LOW below HIGH, got {text!r}")
        return low, high


def must_trust(uri: Uri, trust_code: bool, what: str) -> None:
    """Nothing, if code may run.

    Raises:
        UsageError: It may not.
    """
    if not trust_code:
        raise UsageError(
            f"{uri.scheme}: needs your word that {what} may run, as it could do anything that you can; add "
            f"--trust-code (trust_code=True) if you trust who made it"
        )

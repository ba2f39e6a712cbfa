"""The errors of synthaudit, one tree.

    SynthauditError
    |-- UsageError            the call is wrong: unknown name, contradictory options      (exit 2)
    |-- InputError            the input cannot be audited: empty folder, bad table        (exit 2)
    |   |-- UnreadableImage   one file that is not an image we can decode
    |   |-- MetadataError     a table that cannot be joined with the images
    |   `-- PolicyError       a policy file that says something it must not
    |-- OutputError           the output folder is taken or cannot be written             (exit 2)
    |-- EncoderError          weights are missing, unsafe, or not what they claim to be   (exit 2)
    |-- MissingDependency     an optional package is needed                               (exit 2)
    `-- NotEnoughData         a number cannot be measured from so little; never 0.0, never a pass
                              (the engine turns it into INCONCLUSIVE, exit 3)

Messages name what is needed, what was found, and what to do. None carries a patient id, the path of a patient's
file, or a header value: messages end up in logs.
"""

from __future__ import annotations


class SynthauditError(Exception):
    """Root of every error that synthaudit raises on purpose."""


class UsageError(SynthauditError):
    """The call is wrong, whatever the data."""


class InputError(SynthauditError):
    """The input cannot be audited as it is."""


class UnreadableImage(InputError):
    """One file that cannot be decoded as an image; `reason` is a stable code for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class MetadataError(InputError):
    """A table that cannot be read, or cannot be joined with the images."""


class PolicyError(InputError):
    """A policy file that does not say what a policy must say."""


class OutputError(SynthauditError):
    """The output folder is taken, or cannot be written."""


class EncoderError(SynthauditError):
    """An encoder whose weights are missing, unsafe to load, or not what they claim to be."""


class MissingDependency(SynthauditError):
    """An optional package is needed for what was asked."""


class NotEnoughData(SynthauditError):
    """A number cannot be measured from so few patients or images. Never replaced by zero."""

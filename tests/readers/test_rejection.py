"""Errors of decoders become reasons; nothing of their texts is passed on."""

import pytest

from synthaudit.errors import UnreadableImage
from synthaudit.readers.rejection import REASONS, unreadable


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("image file is truncated: /secret/P1.png"), "truncated"),
        (EOFError("/secret/P1.png"), "truncated"),
        (ValueError("cannot identify /secret/P1.png"), "corrupt"),
        (MemoryError("/secret/P1.png"), "too-large"),
        (FileNotFoundError(2, "No such file", "/secret/P1.png"), "cannot-open"),
        (PermissionError(13, "Denied", "/secret/P1.png"), "cannot-open"),
    ],
)
def test_the_reason_of_an_error_without_its_text(error: Exception, reason: str) -> None:
    found = unreadable(error)
    assert found.reason == reason
    assert "secret" not in str(found)
    assert "P1" not in str(found)


def test_a_reason_given_already_is_kept() -> None:
    error = UnreadableImage("too-small", "sides of at least 8 pixels are needed, got 1 x 1")
    assert unreadable(error) is error


def test_every_reason_is_a_sentence() -> None:
    for says in REASONS.values():
        assert says[0].isupper()
        assert says.endswith(".")

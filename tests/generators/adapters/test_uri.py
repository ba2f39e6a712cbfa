"""URIs taken apart, and pixel values taken across."""

from __future__ import annotations

import numpy as np
import pytest

from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adapters.border import Border
from synthaudit.generators.adapters.uri import Uri, must_trust


def parsed(argument: str) -> Uri:
    return Uri.parse("x", argument, ("range", "timeout", "clip", "z"), "FILE")


@pytest.mark.parametrize(
    ("argument", "target", "options"),
    [
        ("a/b.pt", "a/b.pt", {}),
        ("a.pt?z=3", "a.pt", {"z": "3"}),
        ("run --what? --now", "run --what? --now", {}),
        ("run a?b c=d?z=3&range=-1,1", "run a?b c=d", {"z": "3", "range": "-1,1"}),
        ("a?z=", "a", {"z": ""}),
    ],
)
def test_options_follow_the_last_question_mark(argument: str, target: str, options: dict[str, str]) -> None:
    uri = parsed(argument)
    assert (uri.target, dict(uri.options)) == (target, options)


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("", r"^x: must be given as x:FILE, got nothing after the colon$"),
        ("?z=3", r"^x: must be given as x:FILE"),
        ("a?rang=1,2", r"^an option of x: must be one of range, timeout, clip, z, got rang; did you mean range$"),
        ("a?z=1&z=2", r"^option z of x: must be given once, got it twice$"),
    ],
)
def test_uris_that_say_something_else(argument: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parsed(argument)


def test_values_of_options() -> None:
    uri = parsed("a?z=3&timeout=.5&clip=yes&range=-1,1e3")
    assert (uri.whole("z"), uri.number("timeout", 1), uri.yes("clip"), uri.value_range()) == (3, 0.5, True, (-1, 1000))
    bare = parsed("a")
    assert (bare.whole("z", 4), bare.number("timeout", 1), bare.yes("clip"), bare.value_range()) == (4, 1, False, None)
    with pytest.raises(UsageError, match=r"^option z of x: must be a positive whole number, got nothing$"):
        bare.whole("z")


@pytest.mark.parametrize("text", ["", "1", "1,1", "2,1", "0,nan", "nan,1", "0,inf", "0,1,2", "a,b"])
def test_ranges_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="must be LOW,HIGH with LOW below HIGH"):
        parsed(f"a?range={text}").value_range()


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="must be a positive number"):
        parsed(f"a?timeout={text}").number("timeout", 1)
    with pytest.raises(UsageError, match="must be yes or no"):
        parsed(f"a?clip={text}").yes("clip")


def test_trust_is_asked_for() -> None:
    must_trust(parsed("a"), True, "it")
    with pytest.raises(UsageError, match=r"^x: needs your word that it may run, .*; add --trust-code"):
        must_trust(parsed("a"), False, "it")


def test_pixel_values_come_back_as_they_went() -> None:
    border = Border(-1, 3)
    x = np.random.default_rng(0).random((2, 4, 5), dtype=np.float32)
    assert np.allclose(border.inward(border.outward(x)), x, atol=1e-6)
    assert border.outward(x).min() >= -1
    assert border.outward(np.ones((1, 2, 2), np.float32)).max() == 3


def test_color_becomes_gray() -> None:
    red = np.zeros((1, 2, 2, 3), np.float32)
    red[..., 0] = 1
    assert np.allclose(Border().inward(red), 0.299)
    assert Border().inward(red[..., :1]).shape == (1, 2, 2)
    assert Border().inward(np.ones((1, 2, 2, 3), np.float32)).max() <= 1
    for shape in ((2, 2), (1, 2, 2, 2), (1, 1, 2, 2, 3)):
        with pytest.raises(InputError, match=r"^samples must have shape \(n, h, w\) or \(n, h, w, 3\), got"):
            Border().inward(np.zeros(shape))


def test_only_rounding_may_leave_the_range() -> None:
    x = np.full((1, 2, 2), 255.2, np.float32)
    assert Border(0, 255).inward(x).max() == 1
    for wrong in (x + 0.3, -x, np.full_like(x, np.nan), np.full_like(x, np.inf)):
        with pytest.raises(InputError, match=r"^samples must lie in \[0, 255\]"):
            Border(0, 255).inward(wrong)
    assert Border(0, 255, clip=True).inward(x + 300).max() == 1
    with pytest.raises(InputError, match="samples must be finite"):
        Border(0, 255, clip=True).inward(np.full_like(x, np.nan))

"""The last volumes are kept, each is made once, and the budget holds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from synthaudit.readers.kept import Kept


def kept(budget_bytes: int = 10) -> Kept[str]:
    return Kept(size=len, budget_bytes=budget_bytes)


def test_what_was_used_longest_ago_is_let_go() -> None:
    made: list[str] = []
    store = kept()

    def once(text: str) -> None:
        store.once(text, lambda: made.append(text) or text)  # type: ignore[func-returns-value]

    for text in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb"):
        once(text)
    assert made == ["aaaa", "bbbb", "cccc", "bbbb"]


def test_what_is_larger_than_the_budget_is_kept_alone() -> None:
    store = kept()
    store.once(1, lambda: "x" * 50)
    assert store.once(1, lambda: pytest.fail("made twice")) == "x" * 50


def test_threads_that_ask_at_once_wait_for_one_to_make_it() -> None:
    store, calls, all_here = kept(), list[int](), threading.Barrier(4)

    def make() -> str:
        calls.append(1)
        return "made"

    def ask(_: int) -> str:
        all_here.wait()
        return store.once("key", make)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {"made"}
    assert calls == [1]


def test_a_failure_is_not_kept() -> None:
    store = kept()
    with pytest.raises(ZeroDivisionError):
        store.once("key", lambda: str(1 // 0))
    assert store.once("key", lambda: "made") == "made"

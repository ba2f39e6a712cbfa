"""What is said of nobody: small groups, and the groups from which their size would follow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from synthaudit.attributes import SMALLEST_CELL, suppressed


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 40), max_size=8))
def test_the_total_and_what_is_shown_give_no_small_number(sizes: dict[str, int]) -> None:
    hidden = suppressed(sizes)
    shown = [size for value, size in sizes.items() if value not in hidden and size]
    assert all(size >= SMALLEST_CELL for size in shown)
    if hidden and shown:
        assert len(hidden) > 1
        assert sum(sizes[value] for value in hidden) >= SMALLEST_CELL
    if all(size >= SMALLEST_CELL for size in sizes.values()):
        assert not hidden

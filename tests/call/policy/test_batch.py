"""How calls are put together, and their results given back."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.policy import batches, divide

sizes = st.lists(st.integers(0, 9))


@given(sizes, st.integers(1, 12))
def test_every_call_is_in_one_batch_in_order(counts: list[int], most: int) -> None:
    """None is lost, divided or overtaken."""
    found = list(batches(counts, most))
    assert [place for together in found for place in together] == list(range(len(counts)))
    assert all(len(together) > 0 for together in found)


@given(sizes, st.integers(1, 12))
def test_a_batch_is_not_too_large_and_not_too_small(counts: list[int], most: int) -> None:
    """Unless one call alone is; and the next call would not have had room."""
    found = list(batches(counts, most))
    for together in found:
        assert len(together) == 1 or sum(counts[place] for place in together) <= most
    for one, two in itertools.pairwise(found):
        assert sum(counts[place] for place in one) + counts[two[0]] > most


@given(st.lists(st.lists(st.integers(), max_size=4)))
def test_each_call_has_its_own_results(parts: list[list[int]]) -> None:
    """As many as it had items."""
    together = [value for part in parts for value in part]
    assert divide(together, [len(part) for part in parts]) == parts
    assert divide(tuple(together), [len(part) for part in parts]) == [tuple(part) for part in parts]


@pytest.mark.parametrize("count", [0, 2, 4])
def test_there_is_one_result_for_each_item(count: int) -> None:
    """No fewer and no more."""
    with pytest.raises(ValueError, match=f"{count} results for 3 items"):
        divide([0] * count, [1, 2])

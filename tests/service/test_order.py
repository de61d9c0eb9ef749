"""In which order services are started."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.contract import Contract
from freestone.errors import DeclarationError
from freestone.service import order, service

COUNT = 5
_make: Any = type(Contract)
CONTRACTS: list[Any] = [_make(f"Contract{number}", (Contract,), {}) for number in range(COUNT)]


def services_of(needs: dict[int, list[int]]) -> dict[str, type]:
    """Return services ``s0``, ``s1`` … each of which depends on the contracts of those numbers."""
    made: dict[str, type] = {}
    for number, needed in needs.items():
        annotations = {f"need{other}": CONTRACTS[other] for other in needed}
        body = {"__annotations__": annotations, "__module__": __name__}
        made[f"s{number}"] = service(_make(f"Service{number}", (CONTRACTS[number],), body))
    return made


def test_a_service_starts_after_those_that_it_needs() -> None:
    """However they are listed."""
    assert order(services_of({0: [1], 1: [2], 2: []})) == ("s2", "s1", "s0")


def test_where_nothing_decides_the_given_order_holds() -> None:
    """So that two runs are alike."""
    assert order(services_of({2: [], 0: [], 1: []})) == ("s2", "s0", "s1")


def test_a_contract_that_nobody_here_keeps_decides_nothing() -> None:
    """It is served elsewhere."""
    assert order(services_of({0: [4], 1: [0]})) == ("s0", "s1")


def test_there_may_be_no_services() -> None:
    """A process may be a gateway alone."""
    assert order({}) == ()


def test_a_cycle_is_named() -> None:
    """With who needs whom, and with all other cycles."""
    with pytest.raises(DeclarationError) as caught:
        order(services_of({0: [1], 1: [2], 2: [1], 3: [4], 4: [3]}))

    assert [mistake.subject for mistake in caught.value.mistakes] == ["s1 → s2 → s1", "s3 → s4 → s3"]
    assert "none can be started first" in caught.value.mistakes[0].problem
    assert caught.value.mistakes[0].advice


@settings(deadline=None)
@given(needs=st.dictionaries(st.integers(0, COUNT - 1), st.lists(st.integers(0, COUNT - 1), unique=True, max_size=3)))
def test_the_order_is_right_or_there_is_a_cycle(needs: dict[int, list[int]]) -> None:
    """Each service once, after all that it needs; unless one can be reached from itself."""
    sound = {number: [other for other in needed if other != number] for number, needed in needs.items()}
    reach = {number: {other for other in needed if other in sound} for number, needed in sound.items()}
    for _ in range(COUNT):
        reach = {number: found | {far for near in found for far in reach[near]} for number, found in reach.items()}
    cyclic = any(number in found for number, found in reach.items())
    try:
        ordered = order(services_of(sound))
    except DeclarationError:
        assert cyclic
        return
    assert not cyclic
    assert sorted(ordered) == sorted(f"s{number}" for number in sound)
    for number, needed in sound.items():
        assert all(ordered.index(f"s{other}") < ordered.index(f"s{number}") for other in needed if other in sound)

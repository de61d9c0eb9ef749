"""Idempotency keys that follow from one another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freestone.clock import call_key
from freestone.service import derived_key, is_key, is_made

parts = st.lists(st.text(max_size=4) | st.binary(max_size=4), min_size=1, max_size=4)


@given(st.text(max_size=4), parts, st.text(max_size=4), parts)
def test_a_key_follows_from_its_parts_and_from_nothing_else(
    parent: str, of: list[str | bytes], other: str, others: list[str | bytes]
) -> None:
    """Where one part ends and the next begins counts."""

    def spelled(first: str, rest: list[str | bytes]) -> list[bytes]:
        return [it.encode() if isinstance(it, str) else it for it in (first, *rest)]

    same = spelled(parent, of) == spelled(other, others)
    assert (derived_key(parent, *of) == derived_key(other, *others)) == same


@given(st.text(), parts)
def test_what_the_framework_makes_is_known_by_its_form(parent: str, of: list[str | bytes]) -> None:
    for key in (derived_key(parent, *of), call_key()):
        assert is_key(key)
        assert is_made(key)
        assert len(key) == 32
    assert not is_made("order-17")
    assert not is_made("8e03978e40d543dd8c936894a57f9324")

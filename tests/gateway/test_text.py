"""Parameters that are sent as text."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NewType
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.contract import Message
from freestone.gateway.problems import Refused
from freestone.gateway.text import NotConvertible, from_text, is_collection, is_text, parse_query

Slug = NewType("Slug", str)


class Kind(enum.Enum):
    ARTICLE = "article"


class Resource(Message):
    minutes: int


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("5", int, 5),
        ("5", str, "5"),
        ("5", Slug, "5"),
        ("1.50", Decimal, Decimal("1.50")),
        ("true", bool, True),
        ("0", bool, False),
        ("5", int | None, 5),
        ("null", int | None, None),
        ("article", Kind, Kind.ARTICLE),
        ("a", Literal["a", "b"], "a"),
        ("2025-01-02T03:04:05Z", datetime, datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("00000000-0000-0000-0000-000000000001", UUID, UUID(int=1)),
        (["1", "2"], tuple[int, ...], (1, 2)),
        (["b", "a"], frozenset[str], frozenset({"a", "b"})),
    ],
)
def test_text_says_a_value(text: str | list[str], wanted: Any, expected: object) -> None:
    """Numbers, dates and the like are read from text, as the parameter's type asks."""
    assert from_text(text, wanted) == expected


@pytest.mark.parametrize(
    ("text", "wanted", "message", "path"),
    [
        ("x", int, "Expected `int`, got `str`", ()),
        ("c", Literal["a", "b"], "Invalid enum value 'c'", ()),
        (["1", "x"], tuple[int, ...], "Expected `int`, got `str`", ("1",)),
    ],
)
def test_text_that_says_something_else_is_refused(
    text: str | list[str], wanted: Any, message: str, path: tuple[str, ...]
) -> None:
    """The error says what was expected, and which of several texts is wrong."""
    with pytest.raises(NotConvertible) as caught:
        from_text(text, wanted)
    assert (str(caught.value), caught.value.path) == (message, path)


@given(st.integers(-(2**63), 2**64 - 1))
def test_any_integer_survives_as_text(number: int) -> None:
    """What the wire can carry, a query string can too."""
    assert from_text(str(number), int) == number


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))), max_size=20))
def test_a_query_string_gives_back_its_pairs(pairs: list[tuple[str, str]]) -> None:
    """Values keep their order within a name, empty ones too."""
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name, []).append(value)
    assert parse_query(urlencode(pairs).encode()) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"a=%ff", "the query string is not percent-encoded UTF-8"),
        ("a=ä".encode(), "the query string is not percent-encoded UTF-8"),
        (b"&".join([b"a=1"] * 1001), "the query string has more than 1000 parameters"),
    ],
)
def test_a_query_string_that_cant_be_read_is_refused(query: bytes, message: str) -> None:
    """The reason is given."""
    with pytest.raises(Refused) as caught:
        parse_query(query)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("annotation", "alone", "repeated"),
    [
        (str, True, True),
        (int | None, True, True),
        (Slug, True, True),
        (tuple[int, ...], False, True),
        (tuple[int, str], False, True),
        (list[str] | None, False, True),
        (Resource, False, False),
        (Resource | None, False, False),
        (dict[str, int], False, False),
        (tuple[Resource, ...], False, False),
    ],
)
def test_a_type_is_known_to_be_text(annotation: Any, alone: bool, repeated: bool) -> None:
    """A path takes scalars; a query string takes several of them too; neither takes a record."""
    assert is_text(annotation, repeated=False) is alone
    assert is_text(annotation, repeated=True) is repeated


def test_a_collection_is_known() -> None:
    """What may be in a query string several times."""
    assert is_collection(tuple[int, ...])
    assert is_collection(frozenset[str] | None)
    assert not is_collection(str)
    assert not is_collection(dict[str, int])

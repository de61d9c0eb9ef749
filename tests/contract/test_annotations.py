"""How annotations get their meaning."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Generic, TypeVar

import msgspec

from freestone.contract import Message, Unresolved, class_annotations, function_annotations

T = TypeVar("T")
K = TypeVar("K")


class Page(Message, Generic[T]):
    items: tuple[T, ...]


class Pair(Message, Generic[K, T]):
    key: K
    page: Page[T]


class Both(Pair[str, list[int]]):
    more: int


class Diary(Message):
    date: date
    day: datetime.date


@dataclass(frozen=True)
class Point:
    KIND: ClassVar[str] = "point"
    x: int


def test_generics_are_filled_in() -> None:
    """Through arguments, through bases, and through what they are made of."""
    assert class_annotations(Page[int])["items"] == tuple[int, ...]
    assert class_annotations(Pair[str, int])["page"] == Page[int]
    assert class_annotations(Both) | {} == {
        **class_annotations(Message),
        "key": str,
        "page": Page[list[int]],
        "more": int,
    }


def test_a_field_may_have_the_name_of_its_type() -> None:
    """``date: date`` means the type, as it does for msgspec."""
    kinds = class_annotations(Diary)

    assert (kinds["date"], kinds["day"]) == (datetime.date, datetime.date)
    assert msgspec.json.decode(b'{"date":"2026-01-01","day":"2026-01-02"}', type=Diary).date.year == 2026


def test_a_class_variable_is_known_as_one() -> None:
    """It is no field."""
    assert class_annotations(Point) == {"KIND": ClassVar, "x": int}


def test_what_has_no_meaning_is_said() -> None:
    """With the text, and with what Python says of it."""

    def function(a: Nowhere, b: list[Nowhere], c: int) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    found = function_annotations(function, {})

    assert found["a"] == Unresolved("Nowhere", "name 'Nowhere' is not defined")
    assert found["b"] == Unresolved("list[Nowhere]", "name 'Nowhere' is not defined")
    assert (found["c"], found["return"]) == (int, type(None))


def test_names_around_a_function_are_found() -> None:
    """Those that are handed over, before those of the module."""

    def function(a: Diary, b: Inner) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert function_annotations(function, {"Diary": int, "Inner": str}) == {"a": int, "b": str, "return": type(None)}

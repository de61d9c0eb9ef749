"""Which types may cross; those that may not are in the catalogue of mistakes."""

from __future__ import annotations

import datetime
import decimal
import enum
import sys
import types
import uuid
from collections import abc, namedtuple
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import msgspec
import pytest

from freestone.contract import Message, Report
from freestone.contract.place import Place
from freestone.contract.types import Spot, TypeCheck

T = TypeVar("T")
Learner = NewType("Learner", str)


class Level(enum.Enum):
    EASY = "easy"
    HARD = "hard"


@dataclass(frozen=True)
class Point:
    x: float
    y: float


class Pair(NamedTuple):
    first: str
    second: int


class Options(TypedDict, total=False):
    limit: int


class Video(Message, tag=True):
    minutes: int


class Article(Message, tag=True):
    words: int


class Page(Message, Generic[T]):
    items: tuple[T, ...]
    next: str | None = None


class CoursePage(Page[Video]):
    total: int = 0


class Change(Message):
    title: str | msgspec.UnsetType = msgspec.UNSET


class Node(Message):
    children: tuple[Node, ...]
    date: datetime.date
    level: Level = Level.EASY


Untyped = namedtuple("Untyped", ["first"])


def problems(kind: Any) -> list[str]:
    report = Report()
    TypeCheck(report).check(Spot("Catalog.path", "parameter it", kind, Place))
    return [f"{mistake.subject}: {mistake.problem}" for mistake in report.mistakes]


WELCOME: list[Any] = [
    None, bool, int, float, str, bytes, bytearray, decimal.Decimal, uuid.UUID, datetime.datetime, datetime.date,
    datetime.time, datetime.timedelta, Level, Literal["a", "b"], Literal[1, None], Learner,
    Annotated[int, msgspec.Meta(ge=1)], Annotated[str, "anything else"], list[int], dict[str, float], dict[Level, int],
    dict[uuid.UUID, list[str]], dict[int | str, int], set[str], frozenset[Learner], tuple[str, ...], tuple[int, str],
    tuple[()], abc.Sequence[int], abc.Mapping[str, int], abc.Set[str], abc.Collection[int], int | None,
    Video | Article | None, int | str, Point, Pair, Options, Page[str], Page[list[Point]], CoursePage, Change, Node,
    set[Video], dict[Learner, Page[Video]],
]  # fmt: skip


@pytest.mark.parametrize("kind", WELCOME, ids=str)
def test_these_are_welcome(kind: Any) -> None:
    """Whatever means the same on both sides may be declared, and msgspec can carry it."""
    assert problems(kind) == []
    msgspec.msgpack.Decoder(kind)
    msgspec.json.Decoder(kind)


REFUSED: list[tuple[Any, str]] = [
    (Untyped, 'parameter it.first: Any: "Any" can\'t cross a process boundary'),
    (Page[object], 'parameter it.items: tuple[object, ...]: "object" can\'t cross a process boundary'),
    (list[Page[Any]], 'parameter it[].items: tuple[Any, ...]: "Any" can\'t cross a process boundary'),
    (msgspec.UnsetType, "parameter it: UnsetType: only a field can be left unset"),
    (list[msgspec.UnsetType], "parameter it: list[UnsetType]: only a field can be left unset"),
    (complex, 'parameter it: complex: "complex" can\'t cross a process boundary'),
    (type[int], 'parameter it: type[int]: "type[int]" can\'t cross a process boundary'),
    (abc.Iterable[int], 'parameter it: Iterable[int]: "Iterable[int]" can\'t cross a process boundary'),
    (KeyError, 'parameter it: KeyError: "KeyError" can\'t cross a process boundary'),
    (tuple, 'parameter it: tuple: "tuple" does not say of what it is'),
    (abc.Mapping, 'parameter it: Mapping: "Mapping" does not say of what it is'),
    (dict[bool, int], 'parameter it: dict[bool, int]: "bool" can\'t be the key of a dict'),
    (dict[Video, int], 'parameter it: dict[Video, int]: "Video" can\'t be the key of a dict'),
    (set[Page[list[int]]], 'parameter it: set[Page[list[int]]]: a set can\'t hold "Page[list[int]]", which is mutable'),
    (
        list[int] | tuple[int, ...],
        "parameter it: list[int] | tuple[int, ...]: a reader can't tell its members apart: they all travel as lists",
    ),
    (
        dict[str, int] | Video,
        "parameter it: dict[str, int] | Video: a reader can't tell its members apart: they all travel as maps",
    ),
]


@pytest.mark.parametrize(("kind", "problem"), REFUSED, ids=lambda value: str(value)[:40])
def test_these_are_refused(kind: Any, problem: str) -> None:
    """With the path to what is wrong, the type there, and why."""
    assert problems(kind) == [f"Catalog.path, {problem}"]


def test_a_message_is_reported_once() -> None:
    """However many operations use it."""

    class Bad(Message):
        extra: object

    report = Report()
    check = TypeCheck(report)
    for _ in range(3):
        check.check(Spot("Catalog.path", "parameter it", Bad, Place))

    assert len(report) == 1


def test_all_that_is_wrong_in_one_type_is_reported() -> None:
    """Not the first alone."""
    assert len(problems(dict[str, tuple[object, complex]])) == 2


class _Attribute:
    def __init__(self, name: str) -> None:
        self.name = name


def _attrs_like(frozen: bool) -> type:
    """Make a class as attrs makes it; what is looked at is all that is there."""

    def _frozen_setattrs(self: Any, name: str, value: Any) -> None:
        raise AttributeError(name)

    body: dict[str, Any] = {"__attrs_attrs__": (_Attribute("x"),), "__annotations__": {"x": "int"}}
    if frozen:
        body["__setattr__"] = _frozen_setattrs
    return type("Place", (), {**body, "__module__": __name__})


def test_an_attrs_class_must_be_frozen() -> None:
    """As any record."""
    assert problems(_attrs_like(frozen=True)) == []
    assert problems(_attrs_like(frozen=False)) == ['Catalog.path, parameter it: Place: "Place" is mutable']


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the statement is new in Python 3.12")
def test_an_alias_that_is_made_of_itself_is_refused() -> None:
    """Messages can be made of themselves; aliases can't be carried then."""
    module = types.ModuleType("alias")
    exec("type Json = None | list[Json]", vars(module))

    assert problems(module.Json) == ["Catalog.path, parameter it: Json: it is an alias that is made of itself"]

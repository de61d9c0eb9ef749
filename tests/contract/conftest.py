"""Types with values of them, for the properties of the codec and the copier."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, NamedTuple, NewType, TypedDict

import pytest
from hypothesis import strategies as st

from freestone.contract import Message

Learner = NewType("Learner", str)


class Level(enum.Enum):
    EASY = "easy"
    HARD = "hard"


class Count(enum.IntEnum):
    ONE = 1
    TWO = 2


@dataclass(frozen=True)
class Point:
    x: int
    labels: list[str]


@dataclass(frozen=True, slots=True)
class Slotted:
    names: set[str]
    size: int = 0


class Pair(NamedTuple):
    first: str
    rest: list[int]


class Options(TypedDict, total=False):
    limit: int
    levels: list[str]


class Leaf(Message):
    title: str
    minutes: int = 0


class Holder(Message):
    leaf: Leaf
    tags: list[str]
    scores: dict[str, list[int]] = {}


class Node(Message):
    name: str
    children: tuple[Node, ...] = ()
    notes: list[str] = []


texts = st.text(max_size=5)
small = st.integers(min_value=-(2**63), max_value=2**64 - 1)
leaves = st.builds(Leaf, title=texts, minutes=small)
holders = st.builds(
    Holder,
    leaf=leaves,
    tags=st.lists(texts, max_size=3),
    scores=st.dictionaries(texts, st.lists(small, max_size=2), max_size=2),
)
nodes = st.recursive(
    st.builds(Node, name=texts, notes=st.lists(texts, max_size=2)),
    lambda inner: st.builds(
        Node, name=texts, children=st.lists(inner, max_size=2).map(tuple), notes=st.lists(texts, max_size=2)
    ),
    max_leaves=5,
)

ATOMS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (bool, st.booleans()),
    (int, small),
    (float, st.floats(allow_nan=False)),
    (str, texts),
    (bytes, st.binary(max_size=5)),
    (bytearray, st.binary(max_size=5).map(bytearray)),
    (None, st.none()),
    (Learner, texts),
    (Level, st.sampled_from(Level)),
    (Count, st.sampled_from(Count)),
    (uuid.UUID, st.uuids()),
    (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=3)),
    (datetime.datetime, st.datetimes(timezones=st.just(datetime.UTC))),
    (datetime.date, st.dates()),
    (datetime.time, st.times()),
    (datetime.timedelta, st.timedeltas(datetime.timedelta(days=-999), datetime.timedelta(days=999))),
    (Point, st.builds(Point, x=small, labels=st.lists(texts, max_size=3))),
    (Slotted, st.builds(Slotted, names=st.sets(texts, max_size=3), size=small)),
    (Pair, st.builds(Pair, first=texts, rest=st.lists(small, max_size=3))),
    (Options, st.fixed_dictionaries({}, optional={"limit": small, "levels": st.lists(texts, max_size=2)})),
    (Leaf, leaves),
    (Holder, holders),
    (Node, nodes),
]
HASHABLE = (int, str, bytes, Level, uuid.UUID, datetime.date, Leaf)

Typed = tuple[Any, Any]


def _composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a type made of drawn types, with the strategy of its values."""
    compose: list[Callable[[Any], Any]] = [
        lambda p: (GenericAlias(list, (p[0],)), st.lists(p[1], max_size=3)),
        lambda p: (GenericAlias(tuple, (p[0], ...)), st.lists(p[1], max_size=3).map(tuple)),
        lambda p: (GenericAlias(tuple, (p[0], int)), st.tuples(p[1], small)),
        lambda p: (GenericAlias(dict, (str, p[0])), st.dictionaries(texts, p[1], max_size=3)),
        lambda p: (p[0] | None if p[0] is not None else None, p[1] | st.none()),
    ]
    return st.builds(lambda make, pair: make(pair), st.sampled_from(compose), inner)


def _sets() -> list[tuple[Any, st.SearchStrategy[Any]]]:
    found: list[tuple[Any, st.SearchStrategy[Any]]] = []
    for kind, values in ATOMS:
        if kind in HASHABLE:
            found.append((GenericAlias(set, (kind,)), st.sets(values, max_size=3)))
            found.append((GenericAlias(frozenset, (kind,)), st.frozensets(values, max_size=3)))
    return found


@pytest.fixture(scope="session")
def typed_values() -> st.SearchStrategy[Typed]:
    """A type that may cross, and a value of it."""
    kinds = st.recursive(st.sampled_from([*ATOMS, *_sets()]), _composed, max_leaves=4)
    return kinds.flatmap(lambda pair: st.tuples(st.just(pair[0]), pair[1]))

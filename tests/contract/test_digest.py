"""The digest of arguments: alike for what is the same, wherever and in whatever order it came to be."""

from __future__ import annotations

import enum
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.contract import Contract, Message, command, digest, operations
from freestone.errors import InvalidArgument


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Tag(Message):
    name: str
    colours: frozenset[Colour] = frozenset()


@dataclass(frozen=True)
class Place:
    shelf: int
    row: str


class Store(Contract):
    @command
    async def put(self, item: str, count: int = 1, gift: bool = False) -> None:
        """Put."""

    @command
    async def label(
        self, tags: frozenset[Tag], places: Mapping[int, Place], words: frozenset[str | int] = frozenset()
    ) -> None:
        """Label."""


class NewStore(Contract):
    @command
    async def put(self, item: str, count: int = 1, gift: bool = False, note: str = "") -> None:
        """Put, with a parameter that Store does not know."""


PUT, LABEL = operations(Store)["put"], operations(Store)["label"]


@given(st.text(), st.integers(-(2**63), 2**64 - 1), st.booleans(), st.text(), st.integers(0, 99), st.booleans())
def test_it_is_the_same_for_the_same_arguments_alone(
    item: str, count: int, gift: bool, other: str, number: int, flag: bool
) -> None:
    one, two = (item, count, gift), (other, number, flag)
    assert digest(PUT, one) == digest(PUT, (item, count, gift))
    assert (digest(PUT, one) == digest(PUT, two)) == (one == two)
    assert len(digest(PUT, one)) == 16


def test_a_parameter_that_has_its_default_counts_as_not_given() -> None:
    """One that is added later does not make another command of what was sent before."""
    assert digest(PUT, ("tea", 1, False)) == digest(operations(NewStore)["put"], ("tea", 1, False, ""))
    assert digest(PUT, ("tea", 1, False)) != digest(operations(NewStore)["put"], ("tea", 1, False, "x"))


@given(
    st.lists(st.builds(Tag, st.text(max_size=3), st.frozensets(st.sampled_from(Colour)))),
    st.dictionaries(st.integers(0, 50), st.builds(Place, st.integers(0, 3), st.text(max_size=3))),
    st.lists(st.text(max_size=3) | st.integers(0, 9)),
    st.randoms(use_true_random=False),
)
def test_the_order_of_a_set_or_a_dict_does_not_matter(
    tags: list[Tag], places: dict[int, Place], words: list[str | int], random: Any
) -> None:
    first = digest(LABEL, (frozenset(tags), places, frozenset(words)))
    shuffled = list(places.items())
    for it in (tags, shuffled, words):
        random.shuffle(it)
    assert digest(LABEL, (frozenset(tags), dict(shuffled), frozenset(words))) == first


_PROGRAM = """
from tests_digest import LABEL, Colour, Place, Tag, digest
tags = frozenset(Tag(name, frozenset(Colour)) for name in "abcdefg")
print(digest(LABEL, (tags, {n: Place(n, "x") for n in range(9)}, frozenset(["a", "b", 3]))).hex())
"""


def test_another_process_has_the_same(tmp_path: Any) -> None:
    """In which texts are hashed otherwise, and sets are in another order."""
    (tmp_path / "tests_digest.py").symlink_to(__file__)
    told = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in "123"
    }
    assert len(told) == 1


def test_what_can_not_cross_is_refused_as_it_is_at_the_boundary() -> None:
    with pytest.raises(InvalidArgument):
        digest(PUT, (object(), 1, False))

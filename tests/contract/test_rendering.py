"""A contract as a text for people."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

from freestone.contract import Contract, Message, command, fingerprint, query, render
from freestone.errors import FailedPrecondition


class Level(enum.Enum):
    EASY = "easy"
    HARD = "hard"


class Pair(NamedTuple):
    first: str
    second: int = 2


@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0


class Enrolment(Message):
    """One learner in one path."""

    learner: str
    level: Level
    done: tuple[str, ...] = ()
    notes: list[str] = []


class Locked(FailedPrecondition):
    """Another resource comes first."""

    needs: tuple[str, ...]


class Progress(Contract):
    """How far each learner is."""

    @command(raises=[Locked])
    async def complete(self, learner: str, limit: int = 3) -> Enrolment | None:
        """Record a resource as done.

        And more.
        """

    @query
    def watch(self, near: Point) -> AsyncIterator[Pair]:
        """Follow everybody."""


def test_a_contract_reads_as_it_was_declared() -> None:
    """Operations first, then their messages and enums, each once, by name."""
    assert (
        render(Progress)
        == f"""\
contract Progress    {fingerprint(Progress)}
    How far each learner is.

command complete(learner: str, limit: int = 3) → Enrolment | None
    Record a resource as done.

    And more.
    raises Locked(needs: tuple[str, ...]), FAILED_PRECONDITION

query watch(near: Point) → stream of Pair
    Follow everybody.

message Enrolment
    One learner in one path.
    learner: str
    level: Level
    done: tuple[str, ...] = ()
    notes: list[str] = list()

message Pair
    first: str
    second: int = 2

message Point
    x: float
    y: float = 0.0

enum Level
    EASY = 'easy', HARD = 'hard'
"""
    )


class Archive(Contract):
    """Keeps things."""

    @command
    async def upload(self, name: str, parts: AsyncIterator[Pair], note: str = "") -> int:
        """Keep what comes."""


def test_a_stream_of_the_caller_is_shown_in_its_place() -> None:
    """With the type of its items, which is described too."""
    shown = render(Archive)
    assert "command upload(name: str, parts: stream of Pair, note: str = '') → int" in shown
    assert "message Pair" in shown

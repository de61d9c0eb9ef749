"""What is wrong with a document: a line and a reason for each thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that can't be read."""

    file: str
    line: int
    """1 for the first line."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@final
class UnreadableDocument(Exception):
    """A document has problems. Holds all of them, in the order of their lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


@final
class Problems:
    """Collects what is wrong with one file, so that its author hears of everything at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Problem] = []

    def add(self, line: int, reason: str) -> None:
        """Note a problem."""
        self._found.append(Problem(self.file, line, reason))

    def check(self) -> None:
        """Raise UnreadableDocument if there are any."""
        if self._found:
            raise UnreadableDocument(self._found)

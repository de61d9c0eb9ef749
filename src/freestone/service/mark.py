"""Methods of a service that no contract promises, and that the framework calls: those of schedules and of events.

The room that calls them leaves a mark on the method. ``@service`` finds the marks and has each of them say what is
wrong with its declaration, so that all mistakes of a class are reported together; the room finds its own again with
``marked``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from freestone.contract import Report

M = TypeVar("M", bound="Mark")

_MARKS = "__freestone_marks__"


class Mark(Protocol):
    """What a decorator leaves on a method."""

    def check(self, cls: type, attribute: Any, name: str, scope: Mapping[str, Any], report: Report) -> None:
        """Report what is wrong. ``attribute`` is what the class has under the name: a function, if all is well."""
        ...


def leave_mark(method: Any, mark: Mark) -> None:
    """Leave a mark on a method of a service that is being declared, beside those that it has."""
    setattr(method, _MARKS, (*marks_on(method), mark))


def marks_on(method: Any) -> tuple[Mark, ...]:
    """Return the marks on an attribute of a class."""
    found: tuple[Mark, ...] = getattr(method, _MARKS, ())
    return found


def marked(cls: type, kind: type[M]) -> list[tuple[str, M]]:
    """Return the attributes of a service that have a mark of that kind, each with the mark, in their order."""
    return [(name, mark) for name, mark in _marks(cls) if isinstance(mark, kind)]


def is_marked(cls: type) -> bool:
    """Whether a service has methods that the framework calls."""
    return bool(_marks(cls))


def check_marks(cls: type, scope: Mapping[str, Any], report: Report) -> None:
    """Report what is wrong with the methods of a service that have a mark."""
    for name, mark in _marks(cls):
        mark.check(cls, attributes_of(cls)[name], name, scope, report)


def _marks(cls: type) -> list[tuple[str, Mark]]:
    return [(name, mark) for name, attribute in attributes_of(cls).items() for mark in marks_on(attribute)]


def attributes_of(cls: type) -> dict[str, Any]:
    """Return what a class and its bases define, the nearest definition of each name."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        found.update(vars(base))
    return found

"""The table of routes: from a method and the segments of a path to what was declared for them.

The routes form a tree, one level a segment. Text is preferred to a parameter at each level, whatever the order of
declaration, and a branch that leads nowhere is left again: ``DELETE /paths/new`` finds ``/paths/{path}`` if
``/paths/new`` has no DELETE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, final

from .pattern import Pattern

T = TypeVar("T")


@final
class _Node(Generic[T]):
    __slots__ = ("methods", "parameter", "texts")

    def __init__(self) -> None:
        self.texts: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        self.methods: dict[str, T] = {}


@final
@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A route, and the values of its pattern's parameters from left to right."""

    route: T
    values: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The path is known, but not with this method; with these."""

    methods: tuple[str, ...]


@final
class Table(Generic[T]):
    """Finds routes. ``add`` fills it."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self.routes: list[T] = []
        """All of them, in the order in which they were added."""

    def add(self, method: str, pattern: Pattern, route: T) -> T | None:
        """Add a route. Returns the one that has the method and the paths already, and then adds nothing."""
        node = self._root
        for segment in pattern.segments:
            if segment.is_parameter:
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.texts.setdefault(segment.text, _Node())
        if method in node.methods:
            return node.methods[method]
        node.methods[method] = route
        self.routes.append(route)
        return None

    def find(self, method: str, segments: Sequence[str]) -> Found[T] | NotAllowed | None:
        """Return the route for a request, or why there is none: None if nothing has this path."""
        allowed: set[str] = set()
        for methods, values in _leaves(self._root, segments, 0):
            if method in methods:
                return Found(methods[method], values)
            allowed.update(methods)
        return NotAllowed(tuple(sorted(allowed))) if allowed else None


def _leaves(node: _Node[T], segments: Sequence[str], depth: int) -> Iterator[tuple[dict[str, T], tuple[str, ...]]]:
    """Yield what lies at the path, the most specific first."""
    if depth == len(segments):
        if node.methods:
            yield node.methods, ()
        return
    segment = segments[depth]
    branch = node.texts.get(segment)
    if branch is not None:
        yield from _leaves(branch, segments, depth + 1)
    if node.parameter is not None and segment:
        for methods, values in _leaves(node.parameter, segments, depth + 1):
            yield methods, (segment, *values)

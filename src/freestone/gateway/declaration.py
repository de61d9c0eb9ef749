"""The lines of a gateway, checked: what they mean, or everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

from freestone.contract import Contract, Kind, Operation
from freestone.errors import DeclarationError, Mistake

from .binding import Binding
from .pattern import Pattern
from .routes import Mount, Route
from .table import Table
from .text import is_text

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_FOR_QUERIES = frozenset({"GET", "POST"})


@final
@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A route, and how it fills the parameters of its operation."""

    route: Route
    pattern: Pattern
    binding: Binding


@final
@dataclass(frozen=True, slots=True)
class Declared:
    """A gateway without mistakes."""

    table: Table[Bound]
    mounts: tuple[Mount, ...]
    """The one with the longest path first."""
    needs: tuple[type[Any], ...]
    """The contracts of all routes and mounts, in the order in which they are named."""


def declare(lines: Sequence[Route | Mount]) -> Declared:
    """Check all lines. Raises DeclarationError with every mistake."""
    table: Table[Bound] = Table()
    mounts: dict[str, Mount] = {}
    needs: dict[type[Any], None] = {}
    mistakes: list[Mistake] = []
    for line in lines:
        if isinstance(line, Mount):
            mistakes += _mount_mistakes(line, mounts)
            mounts.setdefault(line.path.rstrip("/"), line)
            needs.update(dict.fromkeys(line.needs))
            continue
        bound = _bind(line, mistakes)
        if bound is None:
            continue
        needs[bound.binding.operation.contract] = None
        other = table.add(line.method, bound.pattern, bound)
        if other is not None:
            where = f"{other.route.file}:{other.route.line}"
            mistakes.append(_mistake(line, f"{where} routes the same requests", "remove one of the two"))
    if mistakes:
        raise DeclarationError(mistakes)
    longest_first = tuple(mounts[path] for path in sorted(mounts, key=len, reverse=True))
    return Declared(table, longest_first, tuple(needs))


def _mistake(line: Route | Mount, problem: str, advice: str) -> Mistake:
    return Mistake(str(line), problem, advice, line.file, line.line)


def _mount_mistakes(mount: Mount, others: dict[str, Mount]) -> Iterator[Mistake]:
    try:
        pattern = Pattern.parse(mount.path.rstrip("/") or "/")
    except ValueError as error:
        yield _mistake(mount, f"the path is wrong: {error}", "write it as /shop")
        return
    if pattern.parameters:
        yield _mistake(mount, "a mount's path has no parameters", "write it as /shop")
    other = others.get(mount.path.rstrip("/"))
    if other is not None:
        yield _mistake(mount, f"{other.file}:{other.line} mounts at the same path", "remove one of the two")
    for need in mount.needs:
        if Contract not in getattr(need, "__bases__", ()):
            name = getattr(need, "__name__", repr(need))
            yield _mistake(mount, f"needs {name}, which is no contract", "name classes that derive from Contract")


def _bind(route: Route, mistakes: list[Mistake]) -> Bound | None:
    """Return what a route means; None, with mistakes added, if it means nothing."""
    pattern: Pattern | None = None
    try:
        pattern = Pattern.parse(route.path)
    except ValueError as error:
        mistakes.append(_mistake(route, f"the path is wrong: {error}", "write it as /paths/{path}"))
    operation = getattr(route.target, "__operation__", None)
    if not isinstance(operation, Operation):
        name = getattr(route.target, "__qualname__", repr(route.target))
        advice = "name a contract's method that is decorated with @query or @command"
        mistakes.append(_mistake(route, f"{name} is no operation", advice))
        return None
    found = [*_kind_mistakes(route, operation), *_option_mistakes(route)]
    if pattern is not None:
        found += _parameter_mistakes(route, pattern, operation)
    mistakes += found
    if found or pattern is None:
        return None
    has_body = route.method in _WITH_BODY
    return Bound(route, pattern, Binding(operation, pattern.parameters, route.subject, route.body, has_body))


def _named(operation: Operation) -> str:
    return f"{operation.contract.__name__}.{operation.name}"


def _kind_mistakes(route: Route, operation: Operation) -> Iterator[Mistake]:
    name = _named(operation)
    if operation.kind is Kind.COMMAND and route.method == "GET":
        advice = "a GET may be repeated, prefetched and cached; route it with post, put, patch or delete"
        yield _mistake(route, f"{name} is a command, and changes something", advice)
    if operation.kind is Kind.QUERY and route.method not in _FOR_QUERIES:
        advice = f"{route.method} says that something changes; route it with get, or with post if it needs a body"
        yield _mistake(route, f"{name} is a query, and changes nothing", advice)
    if operation.streams and route.status != 200:
        advice = "leave status out: the answer has begun before the stream is known to be whole"
        yield _mistake(route, f"{name} streams, and can't be answered with {route.status}", advice)
    if operation.takes is not None:
        advice = "route an operation that takes a tuple, or mount an application that calls this one"
        yield _mistake(route, f"{name} takes a stream, {operation.takes.name}, and a request has none", advice)


def _option_mistakes(route: Route) -> Iterator[Mistake]:
    if not 200 <= route.status <= 299:
        yield _mistake(route, f"status {route.status} does not mean success", "give one from 200 to 299")
    if route.deadline is not None and not route.deadline > 0:
        yield _mistake(route, f"a deadline of {route.deadline} seconds is over at once", "give more than 0")
    if route.subject is not None and route.auth is None:
        advice = "add auth=, which tells who asks"
        yield _mistake(route, f"the parameter {route.subject} is the subject of nobody", advice)


def _parameter_mistakes(route: Route, pattern: Pattern, operation: Operation) -> Iterator[Mistake]:
    name, parameters = _named(operation), {parameter.name: parameter for parameter in operation.parameters}
    offer = f"it takes {', '.join(parameters)}" if parameters else "it takes none"
    sources = [("path", it) for it in pattern.parameters]
    sources += [(word, it) for word, it in (("subject", route.subject), ("body", route.body)) if it is not None]
    taken: dict[str, str] = {}
    for source, parameter in sources:
        if parameter not in parameters:
            yield _mistake(route, f"{name} has no parameter {parameter}, which the {source} names", offer)
        elif parameter in taken:
            advice = "name it once"
            yield _mistake(route, f"the parameter {parameter} is both {taken[parameter]} and {source}", advice)
        elif source == "path" and not is_text(parameters[parameter].type, repeated=False):
            advice = "a path has text and numbers; send it in the body, or in the query string"
            yield _mistake(route, f"the parameter {parameter} of {name} can't be part of a path", advice)
        taken.setdefault(parameter, source)
    if route.method in _WITH_BODY and route.body not in parameters:
        return
    for it in operation.parameters:
        # An optional one can only not be given: a contract that gains it does not break its gateways.
        if it.required and it.name not in taken and not is_text(it.type, repeated=True):
            advice = "route it with post, or make another parameter the body"
            yield _mistake(route, f"the parameter {it.name} of {name} can't be sent in a query string", advice)

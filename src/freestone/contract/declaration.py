"""The decorators that make a method of a contract an operation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from types import FunctionType
from typing import Any, TypeVar, final, overload

import msgspec

from freestone.errors import ServiceError

from .message import Event
from .parameter import Kind

_F = TypeVar("_F", bound=Callable[..., Any])


@final
class Declaration(msgspec.Struct, frozen=True):
    """What a decorator says of a method, until the contract is made of it."""

    kind: Kind
    raises: Any
    options: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """What else it was given, by name; what was left out is not there."""


@final
class Misapplied(msgspec.Struct, frozen=True):
    """Stands where a decorator was put on something that is no function, until the contract reports it."""

    target: Any
    declaration: Declaration


@overload
def query(function: _F, /) -> _F: ...
@overload
def query(
    *,
    raises: Sequence[type[ServiceError]] = (),
    batch: bool | int = False,
    cache: str | float | None = None,
    key: str | Sequence[str] | None = None,
    shared: bool = False,
    until: type[Event] | Sequence[type[Event]] | None = None,
    route_by: str | None = None,
) -> Callable[[_F], _F]: ...
def query(function: Any = None, /, *, raises: Sequence[type[ServiceError]] = (), **options: Any) -> Any:
    """Declare an operation that reads. It may be repeated, by the framework too.

    A plain ``def`` that returns ``AsyncIterator[T]`` is a stream.

    Args:
        raises: The errors of the domain that callers may expect, besides the canonical ones; they arrive as
            themselves, with their fields.
        batch: Put the calls of one turn of the loop together into one. The method takes one sequence, and returns one
            result for each of its items. A number is the most items that one call carries; 100 if it is True.
        cache: For how long a client may keep a result: seconds, or text such as ``"30s"``.
        key: The parameters on which a kept result depends; by default all of them.
        shared: A kept result is the same whoever asks; by default each identity has its own.
        until: The events of the same contract that make a kept result old before its time is over. If the key of an
            event is a parameter on which results depend, by its name and type, it is about those with its value; and
            about all otherwise. The events are declared above, in the contract's body or before it.
        route_by: The parameter that decides which replica serves the call: calls with the same value go to the same
            replica, as long as it is there and takes them.
    """
    _refuse_unknown("query", options, ("batch", "cache", "key", "shared", "until", "route_by"))
    return _declare(function, Declaration(Kind.QUERY, raises, options))


@overload
def command(function: _F, /) -> _F: ...
@overload
def command(
    *, raises: Sequence[type[ServiceError]] = (), idempotent: bool = False, route_by: str | None = None
) -> Callable[[_F], _F]: ...
def command(function: Any = None, /, *, raises: Sequence[type[ServiceError]] = (), **options: Any) -> Any:
    """Declare an operation that changes state, once.

    Args:
        raises: As for ``query``.
        idempotent: It has one effect however often it is made, as to set a value has. So it is repeated when its
            connection is lost, and nobody knows whether it happened.
        route_by: As for ``query``.
    """
    _refuse_unknown("command", options, ("idempotent", "route_by"))
    return _declare(function, Declaration(Kind.COMMAND, raises, options))


def declaration_of(attribute: object) -> Declaration | None:
    """Return what a decorator said of an attribute of a class, also where another one is around it."""
    if isinstance(attribute, Misapplied):
        return attribute.declaration
    function = attribute.fget if isinstance(attribute, property) else getattr(attribute, "__func__", attribute)
    found = vars(function).get("__declaration__") if isinstance(function, FunctionType) else None
    return found if isinstance(found, Declaration) else None


def _refuse_unknown(decorator: str, options: Mapping[str, Any], known: Collection[str]) -> None:
    for name in options:
        if name not in known:
            raise TypeError(f"{decorator}() got an unexpected keyword argument {name!r}")


def _declare(function: Any, declaration: Declaration) -> Any:
    if function is None:
        return functools.partial(_declare, declaration=declaration)
    if not isinstance(function, FunctionType):
        return Misapplied(function, declaration)
    function.__declaration__ = declaration  # type: ignore[attr-defined]
    return function

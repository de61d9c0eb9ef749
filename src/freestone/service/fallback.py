"""What a service does when one of its dependencies is not available.

It is declared beside the dependency, and typed by the operation that it stands in for::

    @service
    class ProgressService(Progress):
        catalog: Catalog

        @fallback(Catalog.path)
        async def path_as_last_seen(self, slug: str) -> Path:
            return self.seen[slug]

        no_recommendations = fallback(Catalog.recommended).value(())

It is taken for errors of availability alone. What a dependency answers, be it an error, is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, final

import msgspec

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

_MARK = "__fallback_for__"


@final
class FallbackValue(msgspec.Struct, frozen=True):
    """A value that stands in for the result of an operation. It is made by ``fallback(…).value(…)``."""

    operation: Any
    value: Any


@final
class Fallback(Generic[P, R]):
    """Stands for an operation until it is told what to do in its place."""

    def __init__(self, operation: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> None:
        self._operation = operation

    def __call__(
        self, method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]], /
    ) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
        """Call that method of the service in its place, with the same arguments."""
        setattr(method, _MARK, self._operation)
        return method

    def value(self, value: R, /) -> FallbackValue:
        """Take that value in its place."""
        return FallbackValue(self._operation, value)


def fallback(operation: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]], /) -> Fallback[P, R]:
    """Declare what a service does when an operation of a dependency is not available.

    ``operation`` is a method of the dependency's contract, as ``Catalog.path``. Decorate a method of the service
    with it that takes the same arguments, or give it a ``value``. It is taken when the call ends with Unavailable,
    ConnectionLost, DeadlineExceeded or ResourceExhausted, after whatever the policy has tried, in every placement. For
    a command it is taken too when nobody knows whether the command took effect.

    >>> class Shop:
    ...     no_path = fallback(Catalog.path).value("a path that is not known now")
    """
    return Fallback(operation)


def declared_fallback(attribute: Any) -> Any:
    """Return the function of the contract that an attribute of a service stands in for, or None."""
    return attribute.operation if isinstance(attribute, FallbackValue) else getattr(attribute, _MARK, None)

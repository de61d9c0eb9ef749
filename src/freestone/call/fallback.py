"""Calls whose result a service can do without: what it declared is taken in place of an error of availability."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, final

from freestone.contract import Operation
from freestone.errors import ConnectionLost, DeadlineExceeded, ResourceExhausted, ServiceError, Unavailable
from freestone.service import FallbackValue
from freestone.signals import SIGNALS, FallbackUsed

from .layers import layered
from .transport import Transport

_OF_AVAILABILITY: Final = frozenset({Unavailable, ConnectionLost, DeadlineExceeded, ResourceExhausted})
"""Themselves, not what derives from them: an error of the domain is an answer."""


@final
class FallbackTransport:
    """Carries the calls of one service to one that it depends on.

    ``fallbacks`` has what is called, with the same arguments, in place of operations that are not available.
    """

    def __init__(
        self, transport: Transport, service: str, fallbacks: Mapping[Operation, Callable[..., Awaitable[Any]]]
    ) -> None:
        self._transport = transport
        self._layered = layered(transport)
        """Above it, a cache would keep what stands in for a result."""
        self._service = service
        self._fallbacks = fallbacks

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        way = self._layered if operation.options.layered else self._transport
        call = way.invoke(operation, arguments)
        instead = self._fallbacks.get(operation)
        return call if instead is None else self._invoke(operation, arguments, call, instead)

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        return self._transport.stream(operation, arguments)

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        # What was taken from the caller's items is gone, so that nothing else can be called with them.
        return self._transport.exchange(operation, arguments, items)

    async def _invoke(
        self,
        operation: Operation,
        arguments: tuple[Any, ...],
        call: Awaitable[Any],
        instead: Callable[..., Awaitable[Any]],
    ) -> Any:
        try:
            return await call
        except ServiceError as error:
            if type(error) not in _OF_AVAILABILITY:
                raise
            if SIGNALS.observed:
                name = f"{operation.contract.__name__}.{operation.name}"
                SIGNALS.announce(FallbackUsed(self._service, name, error))
            return await instead(*arguments)


def stand_in(operation: Operation, attribute: Any) -> Callable[..., Awaitable[Any]]:
    """Return what is called in place of an operation, for an attribute of a service: a method, or a value."""
    if not isinstance(attribute, FallbackValue):
        method: Callable[..., Awaitable[Any]] = attribute
        return method

    async def value(*arguments: Any) -> Any:
        copy = operation.copy_result  # each caller has its own, as from a service
        return attribute.value if copy is None else copy(attribute.value)

    return value

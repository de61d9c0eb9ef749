"""The seam under every client: something that takes an operation to the service that performs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

from freestone.contract import Operation


class Transport(Protocol):
    """Carries calls to one service. ``freestone.testing.conformance`` has the suite that each one passes."""

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        """Perform the operation. ``arguments`` has one value for each parameter, in order.

        Awaiting it returns the result, or raises a ServiceError.
        """
        ...

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        """Perform an operation that streams. Nothing happens before the first item is asked for."""
        ...

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        """Perform an operation that takes a stream. Return what ``stream`` or ``invoke`` would, as it streams or not.

        An item is asked of ``items`` when the callee asks for one, or a little earlier. What they raise ends the call,
        and is raised to whoever made it. When the call is over, they are closed if they were begun.
        """


@runtime_checkable
class Routing(Protocol):
    """A transport that can be asked once for what is the same in every call of an operation."""

    def route(self, operation: Operation) -> Callable[[tuple[Any, ...]], Awaitable[Any]]:
        """Return what ``invoke`` does for that operation."""
        ...

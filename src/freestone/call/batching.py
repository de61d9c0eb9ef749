"""Calls of one turn of the loop, sent as one: a transport in front of a transport.

A call waits until the loop has gone round; those that came meanwhile, for the same operation, on behalf of the same,
with the same arguments but the items, go with it. Each caller has its own part of the result, its own deadline and its
own cancellation; the call has the latest deadline among them, and is cancelled when nobody waits any more. An error
goes to all of them, but one of the arguments: then each call is made alone, so that it reaches whoever is at fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, TypeAlias, cast, final

from freestone.clock import trace_id as new_trace_id
from freestone.contract import Form, Operation, identity_of, shape_of
from freestone.errors import Internal, InvalidArgument, ServiceError
from freestone.service import CURRENT, Context
from freestone.signals import SIGNALS, CallsBatched

from .policy import batches, divide
from .shared_call import SharedCall, on_behalf, own_copy, own_deadline, title
from .transport import Transport

_Group: TypeAlias = tuple[Operation, bytes, bytes]


@final
class BatchingTransport:
    """Puts together the calls of operations that are declared so, and passes on all others."""

    __slots__ = ("_transport", "_waiting")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._waiting: dict[_Group, list[_Waiting]] = {}

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        if not operation.options.batch:
            return self._transport.invoke(operation, arguments)
        # The arguments are taken now, not when the call is awaited: what the caller does to them later is its own.
        copy = operation.copy_arguments
        return self._invoke(operation, arguments if copy is None else copy(arguments))

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        return self._transport.stream(operation, arguments)

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        return self._transport.exchange(operation, arguments, items)

    async def _invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        place = operation.options.batched
        items: Any = arguments[place]
        if not isinstance(items, list | tuple):
            return await self._transport.invoke(operation, arguments)  # which says what is wrong with it
        outer = CURRENT.get()
        others = identity_of(arguments[:place] + arguments[place + 1 :])
        async with own_deadline(outer, title(operation)):
            group = (operation, on_behalf(), others)
            waiting = _Waiting(arguments, len(cast(Sequence[Any], items)), outer)
            if group not in self._waiting:
                asyncio.get_running_loop().call_soon(self._send, group)
            self._waiting.setdefault(group, []).append(waiting)
            try:
                return await waiting.result()
            except InvalidArgument:
                if not waiting.alone:
                    return await self._transport.invoke(operation, arguments)
                raise
            except ServiceError as error:
                raise own_copy(operation, error) from error.__cause__

    def _send(self, group: _Group) -> None:
        """Send what came during the last turn of the loop; who was cancelled meanwhile is not among it any more."""
        operation = group[0]
        waiting = [one for one in self._waiting.pop(group) if not one.over.done()]
        for places in batches([one.size for one in waiting], operation.options.batch):
            together = [waiting[place] for place in places]
            call = SharedCall[list[Any]]().start(self._call(operation, together))
            for part, one in enumerate(together):
                one.call, one.part, one.alone = call, part, len(together) == 1
                call.join(one.over)

    async def _call(self, operation: Operation, together: Sequence[_Waiting]) -> list[Any]:
        """Make one call for several callers, and return the part of each."""
        sizes = [one.size for one in together]
        if SIGNALS.observed:
            SIGNALS.announce(CallsBatched(title(operation), len(together), sum(sizes)))
        CURRENT.set(_context([one.outer for one in together]))
        results = await self._transport.invoke(operation, _merged(operation, together))
        try:
            return list(divide(results, sizes))
        except ValueError as error:
            raise Internal(
                f"{title(operation)} returned {error}; it is declared with batch, and returns one for each, in order"
            ) from None


@final
class _Waiting:
    """A caller, and what it has for the batch."""

    __slots__ = ("alone", "arguments", "call", "outer", "over", "part", "size")

    part: int
    """Its place among those who share the call."""

    def __init__(self, arguments: tuple[Any, ...], size: int, outer: Context | None) -> None:
        self.arguments = arguments
        self.size = size
        self.outer = outer
        self.alone = True
        self.call: SharedCall[list[Any]] | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def result(self) -> Any:
        """Wait for the call, and return this caller's part of what it returned."""
        try:
            await self.over
        finally:
            if self.call is not None:
                self.call.leave(self.over)
        assert self.call is not None
        return self.call.value()[self.part]


def _merged(operation: Operation, together: Sequence[_Waiting]) -> tuple[Any, ...]:
    """Return the arguments of all: those of the first, with everybody's items."""
    place = operation.options.batched
    first = together[0].arguments
    items = [item for one in together for item in one.arguments[place]]
    as_list = shape_of(operation.parameters[place].type).form is Form.LIST
    return (*first[:place], items if as_list else tuple(items), *first[place + 1 :])


def _context(outers: Sequence[Context | None]) -> Context | None:
    """Return the context in which the call is made: the first caller's, with the latest deadline of all."""
    first = outers[0]
    given = [outer.deadline for outer in outers if outer is not None and outer.deadline is not None]
    latest = max(given) if len(given) == len(outers) else None  # who has none has the operation's own
    if first is None:
        return None if latest is None else Context(None, latest, None, None, new_trace_id())
    return first.derive(latest, None, first.identity)

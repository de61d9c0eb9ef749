"""Results that a client keeps: a transport in front of a transport.

What is kept belongs to one client, of a service or of a gateway, wherever the callee runs: a co-located one is
asked as seldom. Callers of the same at the same time make one call, which none of them cancels for the others. An
error is never kept. A result that can change is copied for each caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, final

from freestone.contract import Operation, identity_of
from freestone.errors import DeadlineExceeded, ServiceError
from freestone.service import CURRENT, note_replica, note_result
from freestone.signals import SIGNALS, CacheAnswered, CacheEvicted, CallShared

from .invalidation import Key, Results, add_cache
from .policy import Cache
from .shared_call import SharedCall, on_behalf, own_copy, own_deadline, title
from .transport import Transport

MOST: Final = 1000
"""Results of one operation that a client keeps."""


@final
class CachingTransport:
    """Keeps the results of operations that are declared so, and passes on all other calls."""

    __slots__ = ("_caches", "_transport")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._caches: dict[Operation, Results] = {}

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        if operation.options.cache is None:
            return self._transport.invoke(operation, arguments)
        # The arguments are taken now, not when the call is awaited: what the caller does to them later is its own.
        copy = operation.copy_arguments
        return self._invoke(operation, arguments if copy is None else copy(arguments))

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        return self._transport.stream(operation, arguments)

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        return self._transport.exchange(operation, arguments, items)

    async def _invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        outer = CURRENT.get()
        cache = self._caches.get(operation)
        if cache is None:
            cache = self._make(operation)
        key = _key(operation, arguments)
        async with own_deadline(outer, title(operation)):
            result = await self._served(operation, arguments, cache, key)
        copy = operation.copy_result
        return result if copy is None else copy(result)

    async def _served(self, operation: Operation, arguments: tuple[Any, ...], cache: Results, key: Key) -> Any:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            kept = cache.look(key, now)
            if kept is not None:
                if SIGNALS.observed:
                    SIGNALS.announce(CacheAnswered(title(operation), now - kept.since))
                note_result(now - kept.since)
                result, replica = kept.value
                note_replica(replica)
                return result
            call = cache.under_way(key)
            mine = call is None or call.left
            if call is None or mine:
                call = self._begin(operation, arguments, cache, key)
            elif SIGNALS.observed:
                SIGNALS.announce(CallShared(title(operation)))
            try:
                result = await call.result()
            except DeadlineExceeded as error:
                if mine:
                    raise own_copy(operation, error) from error.__cause__
                # It had the deadline of who came first, and we are not over ours yet.
            except ServiceError as error:
                raise own_copy(operation, error) from error.__cause__
            else:
                return result

    def _begin(self, operation: Operation, arguments: tuple[Any, ...], cache: Results, key: Key) -> SharedCall[Any]:
        since = asyncio.get_running_loop().time()
        call = SharedCall[Any]()
        cache.begin(key, call)

        async def fetch() -> Any:
            try:
                result = await self._transport.invoke(operation, arguments)
            except BaseException:
                cache.end(key, call)
                raise
            if cache.end(key, call) and cache.keep(key, (result, call.replica), since) and SIGNALS.observed:
                SIGNALS.announce(CacheEvicted(title(operation), len(cache)))
            return result

        return call.start(fetch())

    def _make(self, operation: Operation) -> Results:
        assert operation.options.cache is not None
        made: Results = Cache(operation.options.cache, MOST)
        self._caches[operation] = made
        add_cache(operation, made)
        return made


def _key(operation: Operation, arguments: tuple[Any, ...]) -> Key:
    """Return on whom and on what a result depends. Raises InvalidArgument for arguments that can't cross."""
    options = operation.options
    parts = [
        identity_of(argument)
        for parameter, argument in zip(operation.parameters, arguments, strict=True)
        if parameter.name in options.key
    ]
    return (on_behalf(shared=options.shared), *parts)

"""The items of a stream that another process makes, as an iterator in this one.

Nothing is sent before the first item is asked for. The caller grants as its own consumer takes, so that what is under
way and what waits here are bounded together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, final

from freestone.service import CURRENT

from .connection import ENDED, PeerConnection
from .exchange import check_version
from .feed import Feed
from .inflow import Inflow
from .policy import Replica
from .source import Source

if TYPE_CHECKING:
    from .remote import Route

WINDOW: Final = 32
"""Items of a stream that may be under way; half of it taken, as much is granted again."""


@final
class RemoteStream:
    """The items of a stream of another process. The deadline that was set when it was opened holds for all of it."""

    __slots__ = (
        "_arguments", "_at", "_call_id", "_connection", "_feed", "_home", "_inflow", "_over", "_replica", "_route",
        "_slot", "_source", "_taken",
    )  # fmt: skip

    def __init__(self, route: Route, arguments: bytes, source: Source | None = None, *, home: object = None) -> None:
        self._route = route
        self._home = home
        self._arguments = arguments
        self._at: float | None = None
        self._connection: PeerConnection | None = None
        self._call_id = 0
        self._inflow: Inflow | None = None
        self._replica: Replica[PeerConnection] | None = None
        self._slot: set[Any] | None = None
        self._taken = 0
        self._over = False
        self._source = source
        self._feed: Feed | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._over:
            raise StopAsyncIteration
        try:
            item = await self._next()
        except BaseException:
            await self.aclose()
            raise
        return self._route.operation.decode_result(item)

    async def aclose(self) -> None:
        """Stop early: the callee's generator is closed, and so are the items that the caller sends."""
        feed = self._feed
        self._stop()
        if feed is not None:
            await feed.stop()
        if self._source is not None:
            await self._source.close()

    def __del__(self) -> None:
        # A loop that was left with ``break`` lets go of the stream without closing it.
        self._stop()

    async def _next(self) -> bytes:
        sent = 0
        while True:
            if self._inflow is None:
                await self._open()
            assert self._inflow is not None
            item = await self._inflow.take()
            if self._replica is not None and not self._taken:
                self._route.tell(self._replica, item)
            if isinstance(item, bytes):
                self._count()
                return item
            if self._source is not None and self._source.failure is not None:
                raise self._source.failure
            if item is ENDED:
                raise StopAsyncIteration
            sent += 1
            if self._taken or self._at is None or (self._source is not None and self._source.taken):
                raise self._route.failure(item)
            leaving = self._replica is None or self._replica.connection is not self._connection
            self._leave()
            outer = CURRENT.get()
            await self._route.again(item, sent, self._at, leaving, "" if outer is None else outer.trace_id)

    async def _open(self) -> None:
        route, loop = self._route, self._route.pool.loop
        outer = CURRENT.get()
        if self._at is None:
            self._at = route.end(loop.time(), outer)
            route.known().budget.calls += 1
        when = self._at
        balancer, home = route.known().balancer, self._home
        replica = balancer.pick_for_stream(loop.time()) if home is None else balancer.home(home, loop.time())
        replica = replica or await route.reach(when, home)
        inflow, connection = Inflow(loop), replica.connection
        assert connection is not None
        if self._source is not None:
            check_version(route.name, connection)
        self._call_id = route.send(connection, loop.time(), outer, when, self._arguments, inflow)
        self._connection, self._inflow, self._replica = connection, inflow, replica
        replica.streams += 1
        self._slot = route.pool.wheel.arm(when, inflow)
        if self._source is not None:
            self._feed = Feed(connection, self._call_id, route.operation, self._source, inflow, loop)

    def _count(self) -> None:
        """Grant what was taken, when it is half of the window: few frames, and the callee is never idle for long."""
        self._taken += 1
        if self._taken % (WINDOW // 2) == 0 and self._connection is not None:
            self._connection.grant(self._call_id, WINDOW // 2)

    def _leave(self) -> None:
        if self._slot is not None:
            self._slot.discard(self._inflow)
            self._slot = None
        if self._feed is not None:
            self._feed.cancel()
            self._feed = None
        if self._connection is not None:
            self._connection.cancel(self._call_id)
            self._connection = None
        if self._replica is not None:
            self._replica.streams -= 1
            self._replica = None
        self._inflow = None

    def _stop(self) -> None:
        self._over = True
        self._leave()

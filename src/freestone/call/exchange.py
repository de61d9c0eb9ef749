"""A call over the wire whose caller sends items, and which has one answer.

It is sent again as another call would be, as long as nothing was taken from its source: what was taken is gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from freestone.errors import ServiceError, Unimplemented
from freestone.service import CURRENT

from .connection import Answer, PeerConnection
from .feed import Feed
from .policy import Safety, Stop
from .source import Source

if TYPE_CHECKING:
    from .remote import Route


def check_version(name: str, connection: PeerConnection) -> None:
    """Raise Unimplemented if the peer speaks a version of the protocol in which callers send no items."""
    wire = connection.wire
    if wire.version < 2 and wire.peer is not None:
        raise Unimplemented(
            f"{name} was not called: it takes a stream, and {wire.peer.process} speaks version {wire.version} of the "
            "wire protocol, which has none; bring it up to date"
        )


async def exchange(route: Route, arguments: bytes, source: Source, home: object = None, key: str | None = None) -> Any:
    """Make the call, at the home of that value if one is given. Raises ServiceError, or what the source raised.

    ``key`` is the idempotency key, for a command.
    """
    loop, outer = route.pool.loop, CURRENT.get()
    now = loop.time()
    when = route.end(now, outer)
    destination = route.known()
    balancer = destination.balancer
    destination.budget.calls += 1
    before = 0 if key is None or outer is None else outer.handler.before
    doubt: ServiceError | None = None
    sent = 0
    try:
        while True:
            replica = balancer.pick(now) if home is None else balancer.home(home, now)
            replica = replica or await route.reach(when, home)
            now = loop.time()
            connection = replica.connection
            assert connection is not None
            if doubt is not None and route.safety is Safety.COMMAND and not route.keeps(connection):
                raise route.given_up(Stop.UNSAFE.value, doubt)
            check_version(route.name, connection)
            future: asyncio.Future[Answer] = loop.create_future()
            call_id = route.send(connection, now, outer, when, arguments, future, key, before + sent)
            sent += 1
            feed = Feed(connection, call_id, route.operation, source, future, loop)
            replica.begin(now)
            slot = route.pool.wheel.arm(when, future)
            try:
                answer = await future
            except BaseException:
                ended = loop.time()
                balancer.ended(replica, now, ended, blamed=ended >= when)
                connection.cancel(call_id)
                raise
            finally:
                slot.discard(future)
                await feed.stop()
            if source.failure is not None:
                balancer.ended(replica, now, loop.time(), blamed=False)
                raise source.failure
            route.judge(replica, answer, now, loop.time())
            route.tell(replica, answer)
            if isinstance(answer, bytes):
                return await route.decode(answer)
            connection.cancel(call_id)
            if source.taken:
                raise route.failure(answer)
            leaving = replica.connection is not connection
            trace = "" if outer is None else outer.trace_id
            doubt = await route.again(answer, sent, when, leaving, trace, connection, doubt)
            now = loop.time()
    finally:
        await source.close()

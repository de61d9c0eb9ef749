"""Processes of one application find each other through NATS.

::

    freestone.APPLICATION.here   an announcement, every two seconds, and at once when somebody asks
    freestone.APPLICATION.gone   the same, when a process ends in order
    freestone.APPLICATION.who    asks everybody to announce itself

Nothing is kept in NATS: whoever comes or comes back asks who is there. So there is nothing to lose when a server
restarts, and no time-out of a server that is to be understood.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast, final

from freestone.call import Address
from freestone.clock import Clock, SystemClock
from freestone.errors import Unavailable
from freestone.signals import SIGNALS, ReplicaFound, ReplicaGone

from .announcement import Announcement, decode, encode
from .connection import NatsConnection
from .roster import BEAT, TICK, Roster

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

_log = logging.getLogger("freestone.cluster")

_ROLL_CALL = 0.5
"""Seconds for which a start waits for those who are there to say so."""


@final
class NatsResolver:
    """A ``Resolver`` of the processes of an application, and the place where this one announces itself.

    It uses a connection that somebody else starts and closes, around it.
    """

    def __init__(self, connection: NatsConnection, application: str, clock: Clock | None = None) -> None:
        self._connection = connection
        self._subject = f"freestone.{application}"
        self._clock = clock or SystemClock()
        self._roster = Roster()
        self._watchers: list[Callable[[], None]] = []
        self._own: Callable[[], Announcement] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_on: Client | None = None
        self._wanted = asyncio.Event()

    def resolve(self, process: str) -> tuple[Address, ...]:
        return self._roster.addresses(process)

    def trouble(self, process: str) -> str:
        if not self._connection.is_connected:
            return "NATS can't be reached, which knows where processes are"
        return f"{process} is not there now" if self._roster.has_known(process) else ""

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)

    async def start(self) -> None:
        """Listen, ask who is there, and wait a moment for the answers."""
        self._connection.watch(self._wanted.set)
        self._wanted.set()
        self._tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._look())]
        if self._connection.is_connected:
            await self._clock.sleep(_ROLL_CALL)

    async def announce(self, own: Callable[[], Announcement]) -> None:
        """Tell the others where this process is, from now on until ``leave``; later, if there is no connection yet.

        ``own`` is asked anew each time, for the address of this machine may change.
        """
        self._own = own
        with contextlib.suppress(Unavailable):
            await self._publish("here", encode(own()))

    async def leave(self) -> None:
        """Tell the others that this process goes, so that they stop calling it. Does nothing if NATS is away."""
        own, self._own = self._own, None
        if own is not None:
            with contextlib.suppress(Exception):  # it would have been a courtesy: silence says it too
                await self._publish("gone", encode(own()))
                async with asyncio.timeout(1):
                    await self._connection.client.flush()

    async def close(self) -> None:
        """Leave, and listen no more."""
        self._watchers.clear()
        await self.leave()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _speak(self) -> None:
        """Announce this process every two seconds, and at once after something has happened."""
        while True:
            try:
                if self._wanted.is_set() and self._connection.is_connected:
                    self._wanted.clear()
                    await self._greet()
                if self._own is not None:
                    await self._publish("here", encode(self._own()))
            except Unavailable:
                pass  # it is tried again with the next beat, or when there is a connection
            except Exception as error:
                _log.warning("this process could not be announced: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._wanted.wait()

    async def _greet(self) -> None:
        """Listen, and ask who is there: after the first connection, and after each later one."""
        client = self._connection.client
        if client is not self._heard_on:  # one that was lost and made again keeps its subscriptions
            await cast("Any", client).subscribe(f"{self._subject}.*", cb=self._hear)
            self._heard_on = client
        self._roster.forgive()
        await self._publish("who", b"")

    async def _hear(self, message: Msg) -> None:
        what = message.subject.rpartition(".")[2]
        if what == "who":
            if self._own is not None:
                with contextlib.suppress(Unavailable):
                    await self._publish("here", encode(self._own()))
            return
        announcement = decode(message.data)
        if announcement is None:
            _log.warning("what came on %s is no announcement", message.subject)
        elif what == "here" and self._roster.hear(announcement):
            if SIGNALS.observed:
                SIGNALS.announce(ReplicaFound(announcement.process, announcement.addresses))
            self._changed()
        elif what == "gone" and self._roster.leave(announcement.instance):
            self._gone(announcement, "it said so")
            self._changed()

    async def _look(self) -> None:
        """Give up those who are not heard any more."""
        while True:
            await self._clock.sleep(TICK)
            gone = self._roster.tick(self._clock.monotonic(), self._connection.is_connected)
            for announcement in gone:
                self._gone(announcement, "it was not heard any more")
            if gone:
                self._changed()

    def _gone(self, announcement: Announcement, reason: str) -> None:
        if SIGNALS.observed:
            SIGNALS.announce(ReplicaGone(announcement.process, announcement.addresses, reason))

    def _changed(self) -> None:
        for watcher in self._watchers:
            watcher()

    async def _publish(self, what: str, data: bytes) -> None:
        await self._connection.client.publish(f"{self._subject}.{what}", data)

"""Notices: whoever uses a database tells all others that use it that something is there to be looked at.

A notice is a topic, as "outbox", and says nothing else: who hears it looks. So one too many does no harm, and one that
is lost costs the time until somebody looks anyway. In this process it is heard at once. Where the engine can carry it,
there is a connection for that alone, on which this process hears the others and tells them. What was told while that
was lost is told again when it is back, and what others have told meanwhile is supposed to have been told.

It is told *after* the commit, and not in the transaction. There PostgreSQL would tell it by itself, also if the process
dies between the two; but a transaction that notifies takes one lock of the whole server, and has it while its commit is
written to the disk, so that all such commits of all databases are written one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from typing import Final, Protocol, final

from freestone.clock import Random
from freestone.signals import SIGNALS, NoticesHeard, NoticesLost

_log = logging.getLogger("freestone.data")

_QUIET: Final = 30.0
"""Seconds without a notice after which it is asked whether the connection is still there."""
_PATIENCE: Final = 10.0
"""Seconds that the server has to take a notice."""
_APART: Final = 0.005
"""Seconds between a notice and the next. The first after a quiet moment goes at once."""
_LEAVE: Final = 1.0
"""Seconds in which what was told last is passed on when the database is closed."""
_FIRST, _LONGEST = 0.1, 5.0
"""Seconds between two tries to connect, at first and at most."""


class Line(Protocol):
    """A connection that carries notices between processes."""

    async def tell(self, topics: Collection[str]) -> None:
        """Pass notices on; without any, ask whether the connection is there. Raises whatever the driver does."""
        ...

    async def close(self) -> None:
        """End it. Does nothing if it has ended."""
        ...


class Exchange(Protocol):
    """Where lines are made."""

    @property
    def carries(self) -> bool:
        """Whether there are any: where not, a process hears its own notices only, and has to look for others'."""
        ...

    async def connect(self, heard: Callable[[str], None], lost: Callable[[], None]) -> Line:
        """Return a line, once it is proven that notices come through.

        ``heard`` is called for each of another process, ``lost`` when the connection ends. Raises Unavailable.
        """
        ...


@final
class Within:
    """The exchange of an engine that carries no notices."""

    carries = False

    async def connect(self, heard: Callable[[str], None], lost: Callable[[], None]) -> Line:
        raise NotImplementedError


@final
class Notices:
    """The notices of one database in one process."""

    def __init__(self, name: str, exchange: Exchange, random: Random) -> None:
        """``name`` is what messages call the database."""
        self._name = name
        self._exchange = exchange
        self._random = random
        self._hearing: dict[str, list[Callable[[], None]]] = {}
        self._untold: set[str] = set()
        self._stirred = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._open = False
        self._closing = False
        self._connected = False

    @property
    def is_connected(self) -> bool:
        """Whether others' notices are heard now. Who depends on them looks more often while they are not."""
        return self._connected

    def hear(self, topic: str, callback: Callable[[], None]) -> None:
        """Have the callback called for each notice of that topic, and when some may have been missed."""
        callbacks = self._hearing.setdefault(topic, [])
        if callback not in callbacks:
            callbacks.append(callback)
        self._begin()

    def tell(self, topic: str) -> None:
        """Wake those who hear that topic, here and elsewhere. Call it when what they look for is committed."""
        self._ring(topic)
        if self._exchange.carries:
            self._untold.add(topic)
            self._stirred.set()
            self._begin()

    def start(self) -> None:
        """Note that the database is open."""
        self._open, self._closing = True, False
        self._stirred = asyncio.Event()
        if self._hearing or self._untold:
            self._begin()

    async def close(self) -> None:
        """Pass on what was told last, if that is possible at once, and end. ``start`` begins again."""
        self._open, self._closing = False, True
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            self._stirred.set()
            await asyncio.wait([keeping], timeout=_LEAVE if self._untold or self._connected else 0)
            keeping.cancel()
            await asyncio.wait([keeping])

    def _begin(self) -> None:
        if self._open and self._keeping is None and self._exchange.carries:
            self._keeping = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        """Have a line, and another when it is lost, until the database is closed."""
        failures, said = 0, ""
        while True:
            try:
                line = await self._exchange.connect(self._ring, self._stirred.set)
                try:
                    failures = 0
                    self._note_connected()
                    await self._use(line)
                    return
                finally:
                    self._connected = False
                    await line.close()
            except Exception as error:  # whatever it is: without notices everybody looks for themselves
                if self._closing:
                    return
                failures += 1
                seconds = min(_LONGEST, _FIRST * 2.0 ** (failures - 1)) * (0.5 + self._random.random() / 2)
                level = logging.DEBUG if str(error) == said else logging.WARNING
                said = str(error)
                _log.log(level, "what others tell in the database %s is not heard for now: %s", self._name, error)
                if SIGNALS.observed:
                    SIGNALS.announce(NoticesLost(self._name, seconds, error))
            await asyncio.sleep(seconds)

    def _note_connected(self) -> None:
        self._connected = True
        if SIGNALS.observed:
            SIGNALS.announce(NoticesHeard(self._name))
        for topic in self._hearing:  # some may have been missed
            self._ring(topic)

    async def _use(self, line: Line) -> None:
        """Pass on what is told here, until the database is closed. Raises what ends the line.

        While a notice is under way, and for a moment after it, others gather behind it, and go together: each is a
        transaction of the server, and a busy process shall not make one for each that it commits.
        """
        while True:
            self._stirred.clear()
            topics, self._untold = self._untold, set()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await line.tell(topics)
            except BaseException:
                self._untold |= topics
                raise
            if self._closing and not self._untold:
                return
            if topics:
                await asyncio.sleep(_APART)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_QUIET):
                    await self._stirred.wait()

    def _ring(self, topic: str) -> None:
        for callback in self._hearing.get(topic, ()):
            callback()

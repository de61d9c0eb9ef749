"""The broker of one process: the outboxes of its services are the logs.

Nothing is published anywhere, for what is committed is in the log. A reader is woken in the turn of the loop in which a
transaction commits; a slow look beside it is the net for what other processes write.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta
from typing import Final, final

from freestone.clock import Clock, SystemClock
from freestone.errors import ServiceError
from freestone.signals import SIGNALS, EventsRemoved

from .bell import rung_within
from .broker import Cursor, Recorded, Source
from .envelope import Envelope
from .log import Log

_log = logging.getLogger("freestone.events")

KEEP: Final = 14 * 86400.0
"""Seconds for which an event is kept."""
POLL: Final = 5.0
"""Seconds after which a reader looks though nobody has rung."""
_AGAIN: Final = 1.0
"""Seconds after which a reader tries again that could not read."""
_FIRST: Final = 60.0
"""Seconds after the start until old events are removed: the subscriptions have begun to read, and keep what they have
not read; and a process that does not live for an hour removes some all the same."""
_OFTEN: Final = 3600.0
"""The most seconds between two times that old events are removed."""


@final
class EmbeddedBroker:
    """A ``Broker`` for the services of this process, on their own databases.

    >>> async def example(publisher, ids):
    ...     broker = EmbeddedBroker([Log(publisher.outbox, ids)])
    ...     await broker.start()
    """

    def __init__(
        self, logs: Sequence[Log], *, keep: float = KEEP, poll: float = POLL, clock: Clock | None = None
    ) -> None:
        """``keep`` and ``poll`` are seconds: how long events are kept, and how often is looked for them in any case."""
        self._logs: Mapping[Source, Log] = {log.outbox.source: log for log in logs}
        self._keep = keep
        self._poll = poll
        self._clock = clock or SystemClock()
        self._removing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for log in self._logs.values():
            await log.start()
        self._removing = asyncio.create_task(self._remove())

    async def close(self) -> None:
        if self._removing is not None:
            self._removing.cancel()
            await asyncio.wait([self._removing])

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Do nothing: what is committed is there."""

    async def read(
        self, source: Source, types: frozenset[str], partitions: frozenset[int], after: Cursor | None
    ) -> AsyncGenerator[Sequence[Recorded]]:
        log, reader = self._log(source), object()
        position = await log.check(after)
        try:
            while True:
                log.enter(reader, position)
                rung = log.outbox.bell.listen()
                try:
                    found = await log.after(position, types, partitions)
                except ServiceError as error:
                    _log.warning("the events of %s can't be read just now: %s", source.service, error)
                    await asyncio.sleep(_AGAIN)
                    continue
                if found:
                    yield found
                    position = found[-1].cursor.position
                elif not await rung_within(rung, self._poll):
                    log.look_again()
        finally:
            log.leave(reader)

    async def end(self, source: Source) -> Cursor:
        return await self._log(source).end()

    def _log(self, source: Source) -> Log:
        log = self._logs.get(source)
        if log is None:
            raise LookupError(f"{source.service} of {source.application} is not in this process, nor are its events")
        return log

    async def _remove(self) -> None:
        """Remove events that are old enough, now and then, for ever."""
        wait = _FIRST
        while True:
            await self._clock.sleep(min(wait, self._keep / 10))
            wait = _OFTEN
            before = self._clock.now() - timedelta(seconds=self._keep)
            for source, log in self._logs.items():
                with contextlib.suppress(ServiceError):  # the next time is soon enough
                    removed = await log.trim(before)
                    if removed and SIGNALS.observed:
                        SIGNALS.announce(EventsRemoved(source.service, removed))

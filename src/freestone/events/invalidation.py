"""Has the results that clients of this process keep forgotten when an event says that they are old.

Theory of operation. A client may keep what a service has answered until one of its events comes (``@query(until=…)``).
So each process that keeps something reads the service's log: all of it, from now on, and by itself. No place is written
down, for what is kept does not outlast the process either. Reading begins when something is first kept.

An event is in the log when its transaction has committed. So a call that is made after the event was read brings what
is true since; what was asked for before, and what is under way, is forgotten. The same holds for the place at which
reading begins: whatever was asked for before it was known may be older than an event that is never read, and is
forgotten too. That is so at the start, and wherever the log does not go on after the last event that was read. A broker
that is away for a while breaks nothing: reading goes on where it was, and until then results are kept for their time.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, final

from freestone.call import Backoff, forget, when_kept
from freestone.clock import Clock, Random
from freestone.contract import Event, Operation, type_name

from .broker import Broker, LogLost, LogTrimmed, Source
from .decoding import decoder
from .envelope import Envelope, Malformed

_log = logging.getLogger("freestone.events")

_AGAIN: Final = Backoff(0.1, 5.0)
"""Waits before it is tried again to read, where the broker is away when reading is to begin."""


@final
class Invalidation:
    """Reads the events of one service that make results old. A ``Worker`` of the host."""

    def __init__(
        self,
        source: Source,
        operations: Sequence[Operation],
        *,
        broker: Broker,
        partitions: int,
        clock: Clock,
        random: Random,
    ) -> None:
        """``operations`` are those of the service whose results are kept until events come.

        ``partitions`` is into how many the broker's log is divided.
        """
        self._source = source
        self._operations = [operation for operation in operations if operation.options.until]
        self._broker = broker
        self._partitions = frozenset(range(partitions))
        self._clock = clock
        self._random = random
        self._effects: dict[str, list[_Effect]] = {}
        for operation in self._operations:
            for event in operation.options.until:
                self._effects.setdefault(type_name(source.service, event), []).append(_Effect(operation, event))
        self._unwatch: list[Callable[[], None]] = []
        self._reading: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Invalidation by {', '.join(sorted(self._effects))}>"

    async def start(self) -> None:
        """Read from the moment at which a client of this process keeps something, or now if one does."""
        self._unwatch = [when_kept(operation, self._begin) for operation in self._operations]

    async def stop(self, seconds: float) -> None:
        """Read no more. What is kept is not known to be true from here on, and is forgotten."""
        for end in self._unwatch:
            end()
        self._unwatch.clear()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            self._forget("events are not heard any more")

    def _begin(self) -> None:
        if self._reading is None:
            # Not on behalf of the call that keeps something first, nor in its transaction.
            self._reading = asyncio.create_task(self._live(), context=contextvars.Context())

    async def _live(self) -> None:
        """Read as long as this process does, through whatever fails."""
        failures, why = 0, "events are heard from now on"
        while True:
            try:
                after = await self._broker.end(self._source)
                self._forget(why)
                failures = 0
                types = frozenset(self._effects)
                reading = self._broker.read(self._source, types, self._partitions, after)
                async with contextlib.aclosing(reading) as batches:
                    async for batch in batches:
                        for recorded in batch:
                            if recorded.envelope is not None:
                                self._take(recorded.envelope)
            except (LogLost, LogTrimmed) as error:
                why = f"events were missed: {error}"
            except Exception as error:
                failures += 1
                delay = _AGAIN.delay(failures, self._random)
                why = f"events were not heard: {error}"
                level = logging.WARNING if failures == 1 else logging.DEBUG
                _log.log(
                    level, "the events of %s that make results old are not heard now: %s", self._source.service, error
                )
                await self._clock.sleep(delay)

    def _forget(self, why: str) -> None:
        for operation in self._operations:
            forget(operation, {}, why)

    def _take(self, envelope: Envelope) -> None:
        for effect in self._effects.get(envelope.type, ()):
            effect.take(envelope)


@final
class _Effect:
    """What one kind of event does to the results of one operation."""

    def __init__(self, operation: Operation, event: type[Event]) -> None:
        self._operation = operation
        self._key = operation.narrowed_by(event)
        self._decode = decoder(event)

    def take(self, envelope: Envelope) -> None:
        """Forget what the event has made old; everything, if it can't be read."""
        forget(self._operation, self._concerned(envelope), f"{envelope.type} of {envelope.subject}")

    def _concerned(self, envelope: Envelope) -> Mapping[str, Any]:
        if self._key is None:
            return {}
        try:
            return {self._key: getattr(self._decode(envelope), self._key)}
        except Malformed as error:
            _log.warning("the results that %s makes old are all forgotten: %s", envelope.id, error)
            return {}

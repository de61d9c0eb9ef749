"""NATS JetStream as a broker: one stream an application, appended to by its relays and read by whoever may.

Nothing of a reader is kept in NATS. Each keeps its own cursor; a consumer in NATS is a means to read, and thrown away
at the first doubt. See ``consumer``, ``reading`` and ``appending`` for the three halves of it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Sequence
from typing import Final, final

from freestone.clock import Clock, Ids, SystemClock, SystemIds, system_random
from freestone.cluster import NatsConnection
from freestone.contract import shown
from freestone.errors import ConfigurationError, Mistake, Unavailable
from freestone.events.broker import Cursor, Recorded, Source
from freestone.events.envelope import Envelope
from freestone.signals import SIGNALS, EventsAppended

from .api import NAME_TAKEN, NO_SUCH_STREAM, NOT_CLUSTERED, Api, Json, Refused
from .appending import Message, append, batches
from .reading import Reading
from .stream import Stream, StreamSettings, created, misfit, updated
from .subjects import stream_name

_log = logging.getLogger("freestone.events")

PATIENCE: Final = 30.0
"""Seconds for which events are sent again and again. A cluster elects a leader in 5 to 6."""
_ACKNOWLEDGED: Final = 2.0
"""Seconds for the first acknowledgement; later ones have two and four times as long, for a server may be slow."""
_FIRST, _MOST = 0.05, 1.0
"""Seconds between two tries, at first and at most."""
_AT_ONCE: Final = 8
"""Batches on their way at the same time; the server has room for 50 in a stream."""
_ATOMIC_SINCE: Final = (2, 12)
"""The version of the server that knows batches."""


@final
class JetStreamBroker:
    """A ``Broker`` in NATS JetStream.

    It uses a connection that somebody else starts and closes, around it.

    >>> async def example(connection, envelopes):
    ...     broker = JetStreamBroker(connection, "shop")
    ...     await broker.publish(envelopes)
    """

    def __init__(
        self,
        connection: NatsConnection,
        application: str,
        settings: StreamSettings | None = None,
        *,
        partitions: int = 8,
        announces: bool = True,
        remember: float = math.inf,
        patience: float = PATIENCE,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        """``application`` is the one that publishes here, and whose stream is made; any one's can be read.

        ``partitions`` is into how many parts the readers of this process have sorted the keys: a number that divides
        64; ``announces`` is whether the stream is made when this starts, and not only when it is needed; ``remember``
        for how many seconds readers remember an event that they had; ``patience`` for how many a publish is tried.
        """
        self._connection = connection
        self._application = application
        self._settings = settings or StreamSettings()
        self._partitions = partitions
        self._announces = announces
        self._remember = remember
        self._forgetful: set[str] = set()
        """Applications that keep their events for longer than readers remember them, of which that was said."""
        self._patience = patience
        self._clock = clock or SystemClock()
        self._ids = ids or SystemIds(self._clock, system_random())
        self._api = Api(connection)
        self._own: Stream | None = None
        self._making = asyncio.Lock()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._unwatch = connection.watch(self._forget)

    async def start(self) -> None:
        """Make the stream or bring it up to date, if this announces and NATS answers; otherwise when it is needed.

        Raises ConfigurationError if the stream can't become what it is to be.
        """
        if self._announces and self._connection.is_connected:
            try:
                await self._stream_to_append()
            except Unavailable as error:
                _log.warning("the stream of %s is made later: %s", self._application, error)

    async def close(self) -> None:
        self._unwatch()

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Append the events. Their order holds for each key, and for all of them where the server knows batches.

        Raises Unavailable after 30 s in which not all were acknowledged, InvalidArgument for an event that is too large
        for the server: then others of the same call may have been stored.
        """
        messages = [Message.of(self._application, envelope) for envelope in envelopes]
        until = asyncio.get_running_loop().time() + self._patience
        async with self._room:
            for batch in batches(messages):
                await self._append(batch, until)

    async def read(
        self, source: Source, types: frozenset[str], partitions: frozenset[int], after: Cursor | None
    ) -> AsyncGenerator[Sequence[Recorded]]:
        async def stream() -> Stream:
            return await self._stream_to_read(source.application)

        reading = Reading(self._connection, stream, source.application, self._ids, self._partitions, self._clock)
        found = reading.batches(types, partitions, after)
        try:
            async for recorded in found:
                yield recorded
        finally:
            await found.aclose()

    async def end(self, source: Source) -> Cursor:
        try:
            stream = await self._stream_to_read(source.application)
            if stream.last == 0:
                return Cursor(stream.identity, 0)
            id_ = await self._api.message_id(stream.name, stream.last)
        except Refused as error:
            raise Unavailable(f"NATS does not say where the events of {source.application} end: {error}") from error
        return Cursor(stream.identity, stream.last, id_ or "")

    async def _append(self, batch: Sequence[Message], until: float) -> None:
        loop = asyncio.get_running_loop()
        began, attempts, wait = loop.time(), 0, _FIRST
        while True:
            attempts += 1
            try:
                async with asyncio.timeout_at(until):
                    client = await self._connection.connected()
                stream = await self._stream_to_append()
                seconds = min(_ACKNOWLEDGED * 2 ** min(attempts - 1, 2), max(0.1, until - loop.time()))
                known = await append(client, stream, batch, self._ids.new(), seconds)
            except (Unavailable, TimeoutError) as error:
                self._own = None
                if loop.time() + wait >= until:
                    why = str(error) or f"there was no connection for {self._patience:g} s"
                    raise Unavailable(f"{len(batch)} events are not known to be in NATS: {why}") from error
            else:
                if SIGNALS.observed:
                    SIGNALS.announce(EventsAppended(stream.name, len(batch), known, attempts, loop.time() - began))
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, _MOST)

    def _forget(self) -> None:
        """Look at the stream again before it is used: it may be another server, or one that has lost it."""
        self._own = None

    async def _stream_to_read(self, application: str) -> Stream:
        """Return what a stream is now. That of this application is made; raises Refused if another's is not there."""
        try:
            stream = Stream.of(await self._api.ask(f"STREAM.INFO.{stream_name(application)}"))
            self._tell_if_kept_for_longer(stream, application)
            return stream
        except Refused as error:
            if error.code != NO_SUCH_STREAM or application != self._application:
                raise
        return await self._stream_to_append()

    def _tell_if_kept_for_longer(self, stream: Stream, application: str) -> None:
        """Say once of another's stream what is refused of one's own: that it keeps what is not remembered any more."""
        if application == self._application or stream.keep <= self._remember or application in self._forgetful:
            return
        self._forgetful.add(application)
        kept = "without end" if stream.keep == math.inf else f"for {shown(stream.keep)}"
        _log.error(
            "%s keeps its events %s, and %s remembers for %s which it had: one that is read again later could take "
            "effect twice; set [events] remember to no less",
            application, kept, self._application, shown(self._remember),
        )  # fmt: skip

    async def _stream_to_append(self) -> Stream:
        """Return this application's stream, which is made and brought up to date when it has not been looked at yet."""
        async with self._making:
            if self._own is None:
                self._own = await self._made()
            return self._own

    async def _made(self) -> Stream:
        name, version = stream_name(self._application), self._connection.client.connected_server_version
        atomic = self._settings.atomic and (version.major, version.minor) >= _ATOMIC_SINCE
        try:
            info = await self._api.ask(f"STREAM.INFO.{name}")
        except Refused as error:
            if error.code != NO_SUCH_STREAM:
                raise Unavailable(f"NATS does not tell of the stream {name}: {error}") from error
            return await self._create(name, created(self._application, self._settings, atomic=atomic))
        config = info["config"]
        if problem := misfit(config, self._settings):
            advice = f"set storage back, or remove the stream with its events: nats stream rm {name}"
            raise ConfigurationError([Mistake("events.storage", problem, advice)])
        changed = updated(config, self._application, self._settings, atomic=atomic)
        return Stream.of(info if changed is None else await self._update(name, changed, info))

    async def _create(self, name: str, config: Json) -> Stream:
        try:
            made = Stream.of(await self._api.ask(f"STREAM.CREATE.{name}", config))
        except Refused as error:
            if error.code == NAME_TAKEN:  # another process was quicker, and its settings are not these
                raise Unavailable(f"the stream {name} was made by somebody else just now") from error
            raise self._unmade(name, error) from error
        _log.info("the stream %s was made", name)
        return made

    async def _update(self, name: str, config: Json, before: Json) -> Json:
        try:
            info = await self._api.ask(f"STREAM.UPDATE.{name}", config)
        except Refused as error:
            if error.code == NOT_CLUSTERED:
                raise self._unmade(name, error) from error
            # A server may be down that would have to help. What is there keeps its events meanwhile.
            _log.warning("the stream %s stays as it is, and is not as [events] says: %s", name, error)
            return before
        _log.info("the stream %s was brought up to date", name)
        return info

    def _unmade(self, name: str, error: Refused) -> Exception:
        """Return what is to be raised when a stream can't be what it is to be."""
        if error.code == NOT_CLUSTERED:
            problem = f"{self._settings.replicas} servers are to keep each event, and this NATS server is alone"
            return ConfigurationError([Mistake("events.replicas", problem, "leave replicas out, or use a cluster")])
        return Unavailable(f"NATS did not make the stream {name}: {error}")

"""Reads an application's stream: from a cursor on, for ever, whatever happens to the server meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, final

from msgspec.structs import replace

from freestone.clock import Clock, Ids
from freestone.cluster import NatsConnection
from freestone.errors import Unavailable
from freestone.events.broker import Cursor, LogLost, LogTrimmed, Recorded, is_stream
from freestone.events.envelope import Envelope, Malformed, from_json, from_msgpack
from freestone.signals import SIGNALS, ReadingResumed

from .api import Api, Refused
from .consumer import Arrived, Consumer, sequences
from .stream import Stream
from .subjects import bucket_in, filters, type_in

if TYPE_CHECKING:
    from nats.aio.msg import Msg

_log = logging.getLogger("freestone.events")

MARKS: Final = 30.0
"""Seconds between two marks for one reader, at least."""
HISTORY: Final = timedelta(hours=1)
"""How old an event is of which a reader looks whether it is the next one that was kept, or the next that is left."""
_FIRST, _MOST = 0.05, 1.0
"""Seconds between two tries, at first and at most."""
UNKNOWN: Final = "application/octet-stream"
"""The content type of what is no envelope."""


@final
class Reading:
    """One reader's way through a stream."""

    def __init__(
        self,
        connection: NatsConnection,
        stream: Callable[[], Awaitable[Stream]],
        application: str,
        ids: Ids,
        partitions: int,
        clock: Clock,
    ) -> None:
        """``stream`` returns the stream as it is now, and raises Unavailable or Refused."""
        self._connection = connection
        self._api = Api(connection)
        self._stream = stream
        self._application = application
        self._ids = ids
        self._partitions = partitions
        self._clock = clock
        self._told = ""

    async def batches(
        self, types: frozenset[str], partitions: frozenset[int], after: Cursor | None
    ) -> AsyncGenerator[Sequence[Recorded]]:
        """Yield what follows the cursor. Raises LogLost and LogTrimmed."""
        subjects = filters(self._application, types, partitions, self._partitions)
        place, wait = after, _FIRST
        while True:
            consumer = None
            try:
                await self._connection.connected()
                stream = await self._stream()
                place = await self._verified(stream, place)
                consumer = Consumer(self._connection, stream.name, f"freestone-{self._ids.new()}")
                await consumer.open(place.position + 1, subjects)
                self._resumed(stream, place)
                marked = 0.0
                while arrived := await consumer.next():
                    wait = _FIRST
                    await self._pursued(place, arrived[0])
                    found, marked = await self._recorded(stream, arrived, marked)
                    if found:
                        place = found[-1].cursor
                        yield found
                self._told = consumer.over
            except (Unavailable, Refused) as error:
                self._tell(str(error))
            finally:
                if consumer is not None:
                    await consumer.close()
            await asyncio.sleep(wait)
            wait = min(wait * 2, _MOST)

    async def _recorded(
        self, stream: Stream, arrived: Sequence[Arrived], marked: float
    ) -> tuple[list[Recorded], float]:
        """Return what arrived, and when the last mark was made."""
        found = [
            Recorded(
                envelope_of(it.message, self._partitions), Cursor(stream.identity, it.sequence, _id_of(it.message))
            )
            for it in arrived
            if it.message is not None
        ]
        now, last = asyncio.get_running_loop().time(), arrived[-1]
        if last.message is None and (now - marked >= MARKS or not marked):
            with contextlib.suppress(Unavailable, Refused):
                id_ = await self._api.message_id(stream.name, last.sequence)
                if id_ is not None:
                    found.append(Recorded(None, Cursor(stream.identity, last.sequence, id_)))
                    marked = now
        return found, marked

    async def _verified(self, stream: Stream, after: Cursor | None) -> Cursor:
        """Return where to go on, after it was made sure that the cursor is of this log, and that nothing is missing."""
        if after is None:
            return Cursor(stream.identity, stream.first - 1)
        if not is_stream(after.log):
            raise LogLost(f"NATS carries them now, in the stream {stream.name}, and nobody did before", moved=True)
        if after.log != stream.identity:
            raise LogLost(f"the stream {stream.name} was made anew: that of {after.log} is gone")
        if after.position > stream.last:
            rolled = f"it ends with {stream.last}, and had been read up to {after.position}"
            raise LogLost(f"the stream {stream.name} has lost its end: {rolled}")
        if after.id and after.position >= stream.first:
            found = await self._api.message_id(stream.name, after.position)
            if found is None:
                stream = await self._stream()  # it may have been removed in this moment, as others before it
            if found != after.id and after.position >= stream.first:
                instead = "is nothing" if found is None else f"is {found}"
                raise LogLost(
                    f"the stream {stream.name} has another past: at {after.position} was {after.id}, and now {instead}"
                )
        if after.position + 1 < stream.first:
            raise _trimmed(stream, after)
        return after

    async def _pursued(self, place: Cursor, next_: Arrived) -> None:
        """Raise LogTrimmed if retention has caught up with a reader that is far behind."""
        if next_.message is None or time_of(next_.message) > self._clock.now() - HISTORY:
            return
        stream = await self._stream()
        if place.position + 1 < stream.first <= next_.sequence:
            raise _trimmed(stream, place)

    def _resumed(self, stream: Stream, place: Cursor) -> None:
        if self._told:
            _log.info("the stream %s is read on from %d", stream.name, place.position + 1)
            if SIGNALS.observed:
                SIGNALS.announce(ReadingResumed(stream.name, place.position, self._told))
        self._told = ""

    def _tell(self, trouble: str) -> None:
        """Say once that there is nothing to read from."""
        level = logging.DEBUG if self._told else logging.WARNING
        _log.log(level, "the events of %s can't be read now: %s", self._application, trouble)
        self._told = trouble


def _trimmed(stream: Stream, after: Cursor) -> LogTrimmed:
    gone = f"{after.position + 1} to {stream.first - 1}"
    return LogTrimmed(
        f"the stream {stream.name} does not keep what follows the cursor any more: {gone} are gone",
        Cursor(stream.identity, stream.first - 1),
    )


def time_of(message: Msg) -> datetime:
    """Return when the stream has stored a message."""
    timestamp: datetime = message.metadata.timestamp
    return timestamp


def _id_of(message: Msg) -> str:
    return (message.headers or {}).get("Nats-Msg-Id", "")


def envelope_of(message: Msg, partitions: int) -> Envelope:
    """Return the envelope in a message. What is none becomes one with data that nobody decodes, to be looked at."""
    headers = message.headers or {}
    read = from_msgpack if "msgpack" in headers.get("Content-Type", "") else from_json
    partition = bucket_in(message.subject) % partitions
    try:
        envelope = read(message.data, partitions)
    except Malformed as error:
        _log.warning("the message %s is no event: %s", message.reply, error)
    else:
        # Another sender may have sorted it otherwise. It is only read by whoever has the partition that it is in.
        return envelope if envelope.partition == partition else replace(envelope, partition=partition)
    sequence, _ = sequences(message.reply)
    given = headers.get("Nats-Msg-Id", "")
    id_ = given if given.isascii() and given.isprintable() and given else f"unknown-{sequence}"
    return Envelope(
        id=id_,
        type=type_in(message.subject),
        source="/",
        subject=id_,
        time=time_of(message),
        version=0,
        data=message.data,
        content_type=UNKNOWN,
        partition=partition,
    )

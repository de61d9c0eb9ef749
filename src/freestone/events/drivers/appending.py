"""Events, appended to a stream: many at a time, each key in its order, each acknowledged.

A server from version 2.12 on takes a batch: all of it or nothing, in its order, for one acknowledgement and one write
to the disk. That is what is used where it can be. Otherwise, and when a part of a batch is in the stream already, the
events go one by one: as many keys as there are at the same time, but of each key only one. A second one could be stored
although the first was lost, in the moment in which a cluster elects a leader.

What was not acknowledged is sent again, with the same ``Nats-Msg-Id``. If the first had arrived after all, the stream
absorbs the second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, final

import msgspec

from freestone.errors import InvalidArgument, Unavailable
from freestone.events.envelope import MSGPACK, Envelope, partition_of, to_json, to_msgpack
from freestone.signals import SIGNALS, EventsSent

from .api import DUPLICATE_IN_BATCH, NO_ROOM, TOO_LARGE, Json, Refused, answered, heard
from .stream import Stream
from .subjects import BUCKETS, subject_for

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

MOST_EVENTS: Final = 500
"""Of one batch; the server takes 1000."""
_TURNS: Final = 50
"""Turns of the loop in which a message leaves that can."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one batch, and of what is on its way for it."""


@final
class Message(msgspec.Struct, frozen=True):
    """An event as it goes to NATS."""

    subject: str
    id: str
    key: str
    payload: bytes
    content_type: str

    @classmethod
    def of(cls, application: str, envelope: Envelope) -> Message:
        """Return the message that carries an envelope."""
        packed = envelope.content_type == MSGPACK
        return cls(
            subject=subject_for(application, envelope.type, partition_of(envelope.subject, BUCKETS)),
            id=envelope.id,
            key=envelope.subject,
            payload=to_msgpack(envelope) if packed else to_json(envelope),
            content_type=f"application/cloudevents+{'msgpack' if packed else 'json'}",
        )

    def headers(self, stream: str) -> dict[str, str]:
        """Return the headers with which it goes to a stream."""
        return {"Nats-Msg-Id": self.id, "Nats-Expected-Stream": stream, "Content-Type": self.content_type}


def batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Yield the messages in their order, in batches that are not too large. One that is, is a batch of its own."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == MOST_EVENTS or size + len(message.payload) > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.payload)
    if batch:
        yield batch


async def append(client: Client, stream: Stream, messages: Sequence[Message], batch: str, seconds: float) -> int:
    """Append a batch, and return how many of its events were in the stream already.

    ``batch`` is an id that no other has, ``seconds`` how long an acknowledgement may take. Raises Unavailable if some
    of it may not have been stored, InvalidArgument if an event is too large for the server.
    """
    for message in messages:
        if len(message.payload) > client.max_payload:
            raise _too_large(message, f"the server takes {client.max_payload}")
    if stream.atomic and len(messages) > 1:
        try:
            await _append_at_once(client, stream, messages, batch, seconds)
        except Refused as error:
            if error.code != DUPLICATE_IN_BATCH:
                raise _untaken(error, stream, messages[0]) from error
        else:
            return 0
    return await _append_singly(client, stream, messages, seconds)


async def _append_at_once(
    client: Client, stream: Stream, messages: Sequence[Message], batch: str, seconds: float
) -> None:
    """Append all of them or none. Only the last one is answered."""
    last = len(messages)
    for number, message in enumerate(messages, 1):
        headers = {**message.headers(stream.name), "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
        if number < last:
            await heard(client.publish(message.subject, message.payload, headers=headers))
            continue
        headers["Nats-Batch-Commit"] = "1"
        request = client.request(message.subject, message.payload, timeout=seconds, headers=headers)
        acknowledged = await _acknowledged(client, stream, last, request)
        if acknowledged.get("count", last) != last:  # pragma: no cover - a server would have to be wrong
            raise Unavailable(f"the stream took {acknowledged['count']} of {last} events")


async def _append_singly(client: Client, stream: Stream, messages: Sequence[Message], seconds: float) -> int:
    """Append each by itself: those of one key one after the other, the keys side by side."""
    keys: dict[str, list[Message]] = {}
    for message in messages:
        keys.setdefault(message.key, []).append(message)

    async def in_order(those: Sequence[Message]) -> int:
        known = 0
        for message in those:
            request = client.request(
                message.subject, message.payload, timeout=seconds, headers=message.headers(stream.name)
            )
            try:
                known += bool((await _acknowledged(client, stream, 1, request)).get("duplicate"))
            except Refused as error:
                raise _untaken(error, stream, message) from error
        return known

    done = await asyncio.gather(*map(in_order, keys.values()), return_exceptions=True)
    for found in done:
        if isinstance(found, BaseException):
            raise found
    return sum(found for found in done if isinstance(found, int))


async def _acknowledged(client: Client, stream: Stream, count: int, request: Coroutine[Any, Any, Msg]) -> Json:
    """Return the answer to a request that carries the last, or only one, of so many events."""
    if SIGNALS.observed:
        return answered((await heard(_announced(client, stream, count, request))).data)
    return answered((await heard(request)).data)


async def _announced(client: Client, stream: Stream, count: int, request: Coroutine[Any, Any, Msg]) -> Msg:
    """Make a request, and announce when it has left, if that is before its answer."""
    before = client.stats["out_msgs"]
    asking = asyncio.ensure_future(request)
    try:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
            if asking.done():
                break
            if client.stats["out_msgs"] > before and not client.pending_data_size:
                SIGNALS.announce(EventsSent(stream.name, count))
                break
        return await asking
    finally:
        asking.cancel()


def _untaken(error: Refused, stream: Stream, message: Message) -> Exception:
    if error.code in NO_ROOM:
        return Unavailable(f"the stream {stream.name} is full, and keeps what it has: {error}")
    if error.code == TOO_LARGE:
        return _too_large(message, str(error))
    return Unavailable(f"the stream {stream.name} did not take the events: {error}")


def _too_large(message: Message, limit: str) -> InvalidArgument:
    return InvalidArgument(f"the event {message.id} has {len(message.payload)} bytes, and {limit}")

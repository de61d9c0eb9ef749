"""An ordered consumer of a stream: messages from a sequence on, each once, in order, or word that it is over.

The server's consumer is thrown away at the first doubt (a gap, a silence, a new connection), and its reader makes
another one from where it is. So nothing depends on what the server remembers of its readers.

Messages are pulled: the server sends no more than was asked for, so that a slow reader holds what it asked for and no
more. While there is nothing, heartbeats say that somebody is there, and up to where he has looked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast, final

import msgspec

from freestone.cluster import NatsConnection, heeding
from freestone.errors import Unavailable

from .api import ANSWER, answered, heard

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

BATCH: Final = 256
"""Messages that are asked for at a time. No more than one and a half as many are held."""
_BYTES: Final = 4 * 1024 * 1024
"""Of one request, unless the server takes larger messages."""
_EXPIRES: Final = 30.0
"""Seconds for which a request waits for messages."""
_BEAT: Final = 1.5
"""Seconds between heartbeats."""
SILENCE: Final = 4.0
"""Seconds after which somebody who said nothing is not there."""
_FORGOTTEN: Final = 60.0
"""Seconds after which the server forgets a consumer that asks for nothing."""
_NANOSECONDS: Final = 10**9
_ENDS_WELL: Final = ("Request Timeout", "Message Size Exceeds MaxBytes", "Batch Completed", "No Messages")


@final
class Arrived(msgspec.Struct, frozen=True):
    """A message of the stream, or (``message`` None) word that there was none for this reader up to a sequence."""

    sequence: int
    message: Msg | None = None


@final
class Consumer:
    """One consumer, from when it is opened until it is over."""

    def __init__(self, connection: NatsConnection, stream: str, name: str) -> None:
        self._connection = connection
        self._stream = stream
        self._name = name
        self._arrived: deque[Arrived] = deque()
        self._stirred = asyncio.Event()
        self._wanted = 0
        """Messages that were asked for and have not come."""
        self._delivered = 0
        """Messages that have come."""
        self._looked = 0
        """The sequence up to which everything has come that there was."""
        self._over = ""
        self._client: Client | None = None
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._unwatch = self._connection.watch(lambda: self._end("the connection was made anew"))

    @property
    def over(self) -> str:
        """Why it is of no more use; empty while it is."""
        return self._over

    async def open(self, first: int, subjects: Sequence[str]) -> None:
        """Begin with that sequence. Raises Unavailable, and Refused if the server does not make a consumer."""
        self._looked = first - 1
        self._client = client = self._connection.client
        self._inbox = client.new_inbox()
        self._subscription = await heard(cast("Any", client).subscribe(self._inbox, cb=self._hear))
        config = {
            "name": self._name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": max(first, 1),
            "filter_subjects": list(subjects),
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "inactive_threshold": int(_FORGOTTEN * _NANOSECONDS),
            "num_replicas": 1,
            "mem_storage": True,
        }
        question = json.dumps({"stream_name": self._stream, "config": config}).encode()
        verb = f"$JS.API.CONSUMER.CREATE.{self._stream}.{self._name}"
        answered((await heard(client.request(verb, question, timeout=ANSWER))).data)

    async def next(self) -> Sequence[Arrived]:
        """Wait for what comes next. Nothing is that it is over."""
        while not self._arrived and not self._over:
            self._stirred.clear()
            try:
                await self._ask_for_more()
                async with asyncio.timeout(SILENCE):
                    await self._stirred.wait()
            except TimeoutError:
                self._end(f"nothing was heard for {SILENCE:g} s")
            except Unavailable as error:
                self._end(str(error))
        arrived = tuple(self._arrived)
        self._arrived.clear()
        if not self._over:
            with contextlib.suppress(Unavailable):  # it is noticed when there is nothing left
                await self._ask_for_more()
        return arrived

    async def close(self) -> None:
        """Leave. The server is told, and if it does not hear it, it forgets by itself."""
        self._unwatch()
        self._end("it was closed")
        client, subscription = self._client, self._subscription
        if client is None or subscription is None or client.is_closed:
            return
        with contextlib.suppress(Exception):  # a courtesy
            await heeding(subscription.unsubscribe())
            if client.is_connected:
                await heeding(client.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}"))

    async def _ask_for_more(self) -> None:
        """Have so many messages on their way that the reader need not wait for a round trip."""
        client = self._client
        if client is None or self._wanted > BATCH // 2:
            return
        request = {
            "batch": BATCH,
            "max_bytes": max(_BYTES, 2 * client.max_payload),
            "expires": int(_EXPIRES * _NANOSECONDS),
            "idle_heartbeat": int(_BEAT * _NANOSECONDS),
        }
        self._wanted += BATCH
        verb = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        await heard(client.publish(verb, json.dumps(request).encode(), reply=self._inbox))

    async def _hear(self, message: Msg) -> None:
        if self._over:
            return
        headers: dict[str, Any] = message.headers or {}
        if not message.reply.startswith("$JS.ACK.") or "Status" in headers:
            self._hear_status(headers)
        else:
            sequence, delivered = sequences(message.reply)
            if delivered != self._delivered + 1:
                self._end(f"message {delivered} came after message {self._delivered}")
                return
            self._delivered = delivered
            self._looked = sequence
            self._wanted -= 1
            self._arrived.append(Arrived(sequence, message))
        self._stirred.set()

    def _hear_status(self, headers: dict[str, Any]) -> None:
        status = str(headers.get("Status", ""))
        if status == "100":
            self._hear_beat(headers)
            return
        text = str(headers.get("Description", "")).strip()
        if status == "503" or not text.startswith(_ENDS_WELL):
            self._end(f"the server said {status} {text}".rstrip())
            return
        self._wanted -= int(headers.get("Nats-Pending-Messages", 0))

    def _hear_beat(self, headers: dict[str, Any]) -> None:
        delivered = int(headers.get("Nats-Last-Consumer", self._delivered))
        looked = int(headers.get("Nats-Last-Stream", self._looked))
        if delivered != self._delivered:
            self._end(f"{delivered} messages were sent, and {self._delivered} have come")
        elif looked > self._looked:
            self._looked = looked
            self._arrived.append(Arrived(looked))

    def _end(self, reason: str) -> None:
        self._over = self._over or reason
        self._stirred.set()


def sequences(reply: str) -> tuple[int, int]:
    """Return a message's sequence in its stream, and its number among those that the consumer was sent.

    >>> sequences("$JS.ACK.freestone_shop.r1.1.5.2.1795622369332465030.1")
    (5, 2)
    """
    parts = reply.split(".")
    # Between $JS.ACK and the stream's name, newer servers put a domain and an account.
    at = 5 if len(parts) == 9 else 7
    return int(parts[at]), int(parts[at + 1])

"""JetStream's JSON API, asked over a connection to NATS.

nats-py has classes for it. They leave out what they do not know, and a configuration that is read and written back
would lose it; so the JSON is passed on as it is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Mapping
from typing import Any, Final, TypeVar, final

from freestone.cluster import NatsConnection, heeding
from freestone.errors import FreestoneError, Unavailable

T = TypeVar("T")
Json = dict[str, Any]

ANSWER: Final = 3.0
"""Seconds in which the API answers, or does not. The leader of a cluster may be about to be elected: whoever asks, asks
again."""

NO_SUCH_MESSAGE: Final = 10037
NO_SUCH_STREAM: Final = 10059
NAME_TAKEN: Final = 10058
NOT_CLUSTERED: Final = 10074
DUPLICATE_IN_BATCH: Final = 10201
TOO_LARGE: Final = 10054
NO_ROOM: Final = frozenset({10023, 10028, 10047, 10077})
"""The stream, or the server, has no room for more."""


@final
class Refused(FreestoneError):
    """The server has understood, and will not."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@final
class Api:
    """Asks the server about streams and consumers."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection

    async def ask(self, verb: str, question: Mapping[str, Any] | None = None) -> Json:
        """Ask once, as ``STREAM.INFO.orders``. Raises Unavailable if nobody answers, Refused if the server will not."""
        payload = b"" if question is None else json.dumps(question).encode()
        answer = await heard(self._connection.client.request(f"$JS.API.{verb}", payload, timeout=ANSWER))
        return answered(answer.data)

    async def message_id(self, stream: str, sequence: int) -> str | None:
        """Return the ``Nats-Msg-Id`` of a message, empty if it has none; None if there is no such message."""
        try:
            found = await self.ask(f"STREAM.MSG.GET.{stream}", {"seq": sequence})
        except Refused as error:
            if error.code == NO_SUCH_MESSAGE:
                return None
            raise
        for line in base64.b64decode(found["message"].get("hdrs", "")).decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            if name == "Nats-Msg-Id":
                return value.strip()
        return ""


def answered(data: bytes) -> Json:
    """Return what an answer says. Raises Unavailable or Refused if it is an error, and Unavailable if it is nothing."""
    try:
        answer: Json = json.loads(data)
    except ValueError as error:
        raise Unavailable(f"JetStream gave an answer that is none: {data[:80]!r}") from error
    refusal = answer.get("error")
    if refusal is None:
        return answer
    text = str(refusal.get("description", "it gave no reason"))
    if int(refusal.get("code", 0)) == 503 and refusal.get("err_code") not in NO_ROOM:
        raise Unavailable(f"JetStream is not there: {text}")
    raise Refused(int(refusal.get("err_code", 0)), text)


async def heard(work: Awaitable[T]) -> T:
    """Do something with nats-py. Raises Unavailable, in Freestone's words, if it does not succeed."""
    from nats.errors import Error, NoRespondersError

    try:
        return await heeding(work)
    except NoRespondersError as error:
        raise Unavailable("nobody in NATS answers for the stream") from error
    except (TimeoutError, Error, OSError) as error:
        raise Unavailable(f"NATS does not answer: {str(error) or type(error).__name__}") from error

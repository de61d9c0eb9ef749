"""What a unit test sees of the events that a service publishes."""

from __future__ import annotations

from freestone.contract import Contract, Event
from freestone.data import Database
from freestone.events import MSGPACK, Publisher
from freestone.testing import announced


class Letters(Contract):
    class Sent(Event, key="to"):
        to: str

    class Returned(Event, key="to"):
        to: str


async def test_a_test_sees_what_was_published() -> None:
    """As events, of the kinds that it asks for, in their order, however they were encoded."""
    async with Database.temporary() as db:
        assert await announced(db, Letters.Sent) == []
        await Publisher(db).send(Letters.Sent("ada"))
        await Publisher(db, content_type=MSGPACK).send(Letters.Returned("ada"))
        assert await announced(db, Letters.Returned) == [Letters.Returned("ada")]
        assert await announced(db, Letters.Sent, Letters.Returned) == [Letters.Sent("ada"), Letters.Returned("ada")]

"""What is published is in the outbox if, and only if, its transaction has committed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from freestone.contract import Contract, Event
from freestone.data import Database, ReadOnlyTransaction, TransactionRequired
from freestone.errors import InvalidArgument, ResourceExhausted
from freestone.events import JSON, MSGPACK, Envelope, ForeignEvent, Publisher, Source
from freestone.testing import FakeClock, FakeIds


class Payments(Contract):
    class Paid(Event, key="order"):
        order: str


async def written(publisher: Publisher) -> list[Envelope]:
    """Return what the outbox has, in its order."""
    return await publisher.outbox.written()


async def test_an_event_is_written_with_what_its_command_writes(
    db: Database, publisher: Publisher, handler: Any, placed: Any, order: Any
) -> None:
    """In one transaction, once the handler has returned, in the order in which it published."""
    async with handler("place"):
        publisher.publish(placed("a"))
        db.add(order(id="a"))
        publisher.publish(placed("b", 2))
        publisher.publish(placed("a", 3))
    envelopes = await written(publisher)
    assert [msgspec.json.decode(it.data, type=placed) for it in envelopes] == [
        placed("a"),
        placed("b", 2),
        placed("a", 3),
    ]
    async with db.transaction():
        assert await db.get(order, "a") is not None


async def test_p09_a_handler_that_fails_announces_nothing(
    db: Database, publisher: Publisher, handler: Any, placed: Any, order: Any
) -> None:
    """Neither when it raises, nor when what it wrote is refused at the commit."""
    async with handler("place"):
        db.add(order(id="a"))
    with pytest.raises(LookupError):
        async with handler("place"):
            publisher.publish(placed("a"))
            raise LookupError("no")
    with pytest.raises(Exception, match="has such a row already"):
        async with handler("place"):
            publisher.publish(placed("a"))
            db.add(order(id="a"))
    assert await written(publisher) == []


async def test_an_event_is_in_an_envelope_with_what_it_came_from(db: Database, handler: Any, placed: Any) -> None:
    """Who announced it and when, under which key, and in which trace."""
    clock = FakeClock()
    publisher = Publisher(db, source=Source("shop", "orders"), partitions=8, clock=clock, ids=FakeIds())
    async with handler("place") as context:
        publisher.publish(placed("a"))
    (envelope,) = await written(publisher)
    assert envelope == Envelope(
        id="00000000000000000000000000000001", type="orders.Placed", source="/shop/orders", subject="a",
        time=clock.now(), version=1, data=b'{"order":"a","count":1}', content_type=JSON,
        traceparent=envelope.traceparent, partition=3,
    )  # fmt: skip
    assert envelope.traceparent is not None
    assert envelope.traceparent.startswith(f"00-{context.trace_id}-")


async def test_fields_may_be_written_in_messagepack(db: Database, placed: Any) -> None:
    """As the file says."""
    publisher = Publisher(db, content_type=MSGPACK)
    await publisher.send(placed("a"))
    (envelope,) = await written(publisher)
    assert (envelope.content_type, msgspec.msgpack.decode(envelope.data)) == (MSGPACK, {"order": "a", "count": 1})


async def test_send_opens_a_transaction_where_there_is_none(publisher: Publisher, handler: Any, placed: Any) -> None:
    """And is part of the one that is open."""
    await publisher.send(placed("a"))
    assert len(await written(publisher)) == 1
    with pytest.raises(LookupError):
        async with handler("place"):
            await publisher.send(placed("b"))
            raise LookupError("no")
    assert len(await written(publisher)) == 1


async def test_an_event_needs_a_transaction(publisher: Publisher, placed: Any) -> None:
    """Elsewhere nothing tells whether it happened; the error says what to do."""
    with pytest.raises(
        TransactionRequired, match=r"Placed was published where no transaction is open.*await publisher.send"
    ):
        publisher.publish(placed("a"))


async def test_a_query_announces_nothing(publisher: Publisher, handler: Any, placed: Any) -> None:
    """It only reads."""
    async with handler("count"):
        with pytest.raises(
            ReadOnlyTransaction, match=r"count is a query, which only reads: publish\(Placed\) is refused"
        ):
            publisher.publish(placed("a"))


async def test_a_service_announces_what_its_own_contract_has(publisher: Publisher, handler: Any) -> None:
    """An event of another contract is refused, with who may publish it."""
    async with handler("place"):
        with pytest.raises(
            ForeignEvent,
            match="orders announces events of Orders, and Paid belongs to Payments; let the service publish it that",
        ):
            publisher.publish(Payments.Paid("a"))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("x" * 1001, "Placed can't be published: its key order has 1001 bytes, and one has 1000 at most"),
        ("a\x00", "Placed can't be published: its key order is .*, and control characters can't be in one"),
        ("\ud800", "Placed can't be published: its key order is"),
    ],
)
async def test_what_no_envelope_can_carry_is_refused(
    publisher: Publisher, handler: Any, placed: Any, name: str, problem: str
) -> None:
    """When it is published, where the line is that did it; the rest of the transaction stands."""
    async with handler("place"):
        with pytest.raises(InvalidArgument, match=problem):
            publisher.publish(placed(name))
        publisher.publish(placed("fits"))
    assert [it.subject for it in await written(publisher)] == ["fits"]


class Essays(Contract):
    class Written(Event, key="title"):
        title: str
        text: str


async def test_an_event_that_is_too_large_is_refused(db: Database) -> None:
    """It is for facts, and the message says where the rest belongs."""
    publisher = Publisher(db)
    problem = "Written has 2621[0-9]+ bytes, and an event has 262144 at most: put what is large elsewhere"
    with pytest.raises(InvalidArgument, match=problem):
        await publisher.send(Essays.Written("long", "x" * 256 * 1024))
    await publisher.send(Essays.Written("fits", "x" * 255 * 1024))
    assert [it.subject for it in await written(publisher)] == ["fits"]


async def test_a_full_outbox_refuses_more(publisher: Publisher, handler: Any, placed: Any) -> None:
    """Its service can't go on for ever without the broker; the caller is told when to try again."""
    publisher.outbox.full = 12
    async with handler("place"):
        with pytest.raises(ResourceExhausted, match="12 events of orders wait in its outbox for the broker") as caught:
            publisher.publish(placed("a"))
    assert caught.value.retry_after == 5


async def test_what_is_published_before_the_commit_itself_is_written_too(
    db: Database, publisher: Publisher, placed: Any
) -> None:
    """As by something that waits for the commit as the outbox does."""

    async def late(_: object) -> None:
        publisher.publish(placed("late"))

    async with db.transaction():
        publisher.publish(placed("early"))
        db.before_commit(late)
    assert [it.subject for it in await written(publisher)] == ["early", "late"]


async def test_who_listens_is_woken_by_the_commit(publisher: Publisher, db: Database, placed: Any) -> None:
    """Not before it, and not by a transaction without events."""
    rung = publisher.outbox.bell.listen()
    async with db.transaction():
        await db.execute(text("SELECT 1"))
    assert not rung.is_set()
    async with db.transaction():
        publisher.publish(placed("a"))
        await db.flush()
        assert not rung.is_set()
    assert rung.is_set()


async def test_an_event_is_taken_as_it_was_when_it_was_published(db: Database) -> None:
    """What is changed in it later changes nothing."""

    class Tagged(Event, key="name"):
        name: str
        tags: list[str]

    publisher, event = Publisher(db), Tagged("a", ["x"])
    async with db.transaction():
        publisher.publish(event)
        event.tags.append("y")
    assert msgspec.json.decode((await written(publisher))[0].data) == {"name": "a", "tags": ["x"]}

"""What a service has announced, for its tests."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from freestone.contract import Event
from freestone.data import Database
from freestone.events import JSON, Outbox, Source

E = TypeVar("E", bound=Event)


async def announced(database: Database, *kinds: type[E]) -> list[E]:
    """Return the events of those kinds that were published with a database, and committed, in their order.

    >>> from freestone import Contract, Publisher
    >>> class Letters(Contract):
    ...     class Sent(Event, key="to"):
    ...         to: str
    >>> async def test_a_letter_is_announced():
    ...     async with Database.temporary() as db:
    ...         await Publisher(db).send(Letters.Sent("ada"))
    ...         assert await announced(db, Letters.Sent) == [Letters.Sent("ada")]
    """
    known = {(kind.__event_name__, kind.__event_version__): kind for kind in kinds}
    found: list[E] = []
    for envelope in await Outbox(database, Source("", database.name)).written():
        kind = known.get((envelope.type.rpartition(".")[2], envelope.version))
        if kind is not None:
            decode = msgspec.json.decode if envelope.content_type == JSON else msgspec.msgpack.decode
            found.append(decode(envelope.data, type=kind))
    return found

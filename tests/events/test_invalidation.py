"""Results that a client keeps until an event comes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from freestone.call import Dispatcher, LocalTransport, client
from freestone.clock import SystemClock, system_random
from freestone.contract import Contract, Event, operations, query
from freestone.errors import Unavailable
from freestone.events import JSON, Cursor, Envelope, Invalidation, Recorded, Source
from freestone.service import current, received
from freestone.signals import SIGNALS, CacheDropped, Signal
from freestone.testing.broker import MemoryBroker

CATALOG = Source("shop", "catalog")
PATIENCE = 20.0
_ids = itertools.count(1)


class Catalog(Contract):
    """Learning paths."""

    class Renamed(Event, key="path"):
        path: str

    class Moved(Event, key="shelf"):
        shelf: str

    class Counted(Event, key="number"):
        number: int

    @query(cache="1h", key="path", until=Renamed)
    async def title(self, path: str, hint: int = 0) -> str:
        """Return a title."""
        ...

    @query(cache="1h", until=[Renamed, Moved])
    async def titles(self) -> tuple[str, ...]:
        """Return all titles."""
        ...

    @query(cache="1h", key=["number", "path"], until=Counted)
    async def entry(self, number: str, path: str = "") -> str:
        """Return an entry; the number is a text here."""
        ...

    @query(cache="1h")
    async def motto(self) -> str:
        """Return what no event makes old."""
        ...


class CatalogService(Catalog):
    def __init__(self) -> None:
        self.calls = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    def _told(self) -> str:
        self.calls += 1
        return f"{self.calls}"

    async def title(self, path: str, hint: int = 0) -> str:
        told = self._told()
        if path == "slow":
            self.begun.set()
            await self.go.wait()
        return told

    async def titles(self) -> tuple[str, ...]:
        return (self._told(),)

    async def entry(self, number: str, path: str = "") -> str:
        return self._told()

    async def motto(self) -> str:
        return self._told()


class Broker:
    """A broker in memory that is away while it is told so, and tells how often it was asked where the log ends."""

    def __init__(self) -> None:
        self.log = MemoryBroker(partitions=4)
        self.fails: Exception | None = None
        self.asked = 0
        self.context: object = "nobody has asked"

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        await self.log.publish(envelopes)

    async def read(
        self, source: Source, types: frozenset[str], partitions: frozenset[int], after: Cursor | None
    ) -> AsyncGenerator[Sequence[Recorded]]:
        async with contextlib.aclosing(self.log.read(source, types, partitions, after)) as batches:
            async for batch in batches:
                yield batch

    async def end(self, source: Source) -> Cursor:
        self.asked += 1
        self.context = current()
        if self.fails is not None:
            raise self.fails
        return await self.log.end(source)


class World:
    """A client of the catalog, and what hears the catalog's events for it."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.service = CatalogService()
        self.catalog = client(Catalog, LocalTransport(Dispatcher({"catalog": self.service}), "catalog"))
        self.signals: list[Signal] = []
        self.invalidation = Invalidation(
            CATALOG,
            tuple(operations(Catalog).values()),
            broker=self.broker,
            partitions=4,
            clock=SystemClock(),
            random=system_random(),
        )

    async def announce(self, event: Event, data: bytes | None = None) -> None:
        number = next(_ids)
        key: Any = getattr(event, event.__event_key__ or "")
        await self.broker.publish(
            [
                Envelope(
                    id=f"e{number}",
                    type=f"catalog.{event.__event_name__}",
                    source="/shop/catalog",
                    subject=str(key),
                    time=datetime.now(UTC),
                    version=1,
                    data=msgspec.json.encode(event) if data is None else data,
                    content_type=JSON,
                    partition=0,
                )
            ]
        )

    async def heard(self, text: str, count: int = 1) -> None:
        """Wait until results were dropped so often for a reason that has the text."""
        async with asyncio.timeout(PATIENCE):
            while len(self.dropped(text)) < count:  # noqa: ASYNC110 - a signal is no event of asyncio
                await asyncio.sleep(0.005)

    def dropped(self, text: str) -> list[CacheDropped]:
        return [it for it in self.signals if isinstance(it, CacheDropped) and text in it.reason]

    async def kept(self) -> dict[str, str]:
        """Ask for everything, and return what there was; it is heard from then on."""
        catalog = self.catalog
        return {
            "a": await catalog.title("a"),
            "b": await catalog.title("b"),
            "titles": (await catalog.titles())[0],
            "entry": await catalog.entry("7"),
            "motto": await catalog.motto(),
        }

    async def changed(self, before: dict[str, str]) -> set[str]:
        """Ask again, and return what was asked of the service."""
        return {name for name, value in (await self.kept()).items() if before[name] != value}


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    it = World()
    SIGNALS.subscribe(it.signals.append)
    await it.invalidation.start()
    yield it
    await it.invalidation.stop(1)
    SIGNALS.unsubscribe(it.signals.append)


async def hearing(world: World) -> dict[str, str]:
    """Return what is kept, once events are heard."""
    await world.catalog.title("first")
    await world.heard("heard from now on", 3)
    return await world.kept()


async def test_an_event_makes_those_results_old_that_its_key_names(world: World) -> None:
    """And all of a query that does not depend on it; what no event makes old is kept."""
    before = await hearing(world)
    await world.announce(Catalog.Renamed("a"))
    await world.heard("catalog.Renamed of a", 2)
    assert await world.changed(before) == {"a", "titles"}
    assert {it.operation for it in world.dropped("catalog.Renamed of a")} == {"Catalog.title", "Catalog.titles"}


async def test_a_key_of_another_name_or_type_is_about_all_results(world: World) -> None:
    """An entry's number is a text, and that of the event is none: nobody can tell which ones are meant."""
    before = await hearing(world)
    await world.announce(Catalog.Counted(8))
    await world.announce(Catalog.Moved("top"))
    await world.heard("catalog.Moved of top")
    assert await world.changed(before) == {"entry", "titles"}


async def test_an_event_that_does_not_decode_is_about_all_results(world: World) -> None:
    """It says that something is old, and not what."""
    before = await hearing(world)
    await world.announce(Catalog.Renamed("a"), data=b"{}")
    await world.heard("catalog.Renamed of a", 2)
    assert await world.changed(before) == {"a", "b", "titles"}


async def test_a_call_that_is_under_way_is_not_kept(world: World) -> None:
    """What it brings may be from before the event."""
    await hearing(world)
    call = asyncio.create_task(world.catalog.title("slow"))
    await world.service.begun.wait()
    await world.announce(Catalog.Renamed("slow"))
    await world.heard("catalog.Renamed of slow")
    world.service.go.set()
    old = await call
    assert await world.catalog.title("slow") != old


async def test_what_was_asked_for_before_events_were_heard_is_forgotten(world: World) -> None:
    """Nobody knows what was announced between; with a broker that is away at first too."""
    world.broker.fails = Unavailable("NATS is away")
    before = await world.kept()
    assert await world.changed(before) == set()
    async with asyncio.timeout(PATIENCE):
        while world.broker.asked < 3:  # noqa: ASYNC110 - it is tried again by itself
            await asyncio.sleep(0.005)
    await world.announce(Catalog.Renamed("a"))
    world.broker.fails = None
    await world.heard("events were not heard: NATS is away", 3)
    assert await world.changed(before) == {"a", "b", "titles", "entry"}


@pytest.mark.parametrize("how", ["lost", "trimmed"])
async def test_a_log_that_does_not_go_on_makes_all_results_old(world: World, how: str) -> None:
    """There may have been an event that nobody can read any more; what follows is heard."""
    await hearing(world)
    await world.announce(Catalog.Moved("top"))
    await world.heard("catalog.Moved of top")
    before = await world.kept()
    if how == "lost":
        world.broker.log.lose()
    else:
        log = world.broker.log
        news, log._news = log._news, asyncio.Event()  # it is not told before retention was quicker
        await world.announce(Catalog.Renamed("nobody has read this"))
        log.trim(await log.end(CATALOG))
        news.set()
    await world.heard("events were missed", 3)
    assert await world.changed(before) == {"a", "b", "titles", "entry"}
    before = await world.kept()
    await world.announce(Catalog.Renamed("b"))
    await world.heard("catalog.Renamed of b", 2)
    assert await world.changed(before) == {"b", "titles"}


async def test_nothing_is_read_before_something_is_kept() -> None:
    """And it is read by the process, not on behalf of the call that keeps something first."""

    class Window(Contract):
        """Shows titles."""

        @query
        async def look(self) -> str:
            """Return a title."""
            ...

    world = World()

    class WindowService(Window):
        async def look(self) -> str:
            return await world.catalog.titles() and "seen"

    await world.invalidation.start()
    await asyncio.sleep(0)
    assert world.broker.asked == 0
    window = client(Window, LocalTransport(Dispatcher({"window": WindowService()}), "window"))
    await window.look()
    async with asyncio.timeout(PATIENCE):
        while not world.broker.asked:  # noqa: ASYNC110 - it is read by itself
            await asyncio.sleep(0.005)
    assert world.broker.context is None
    await world.invalidation.stop(1)


async def test_nothing_is_kept_after_the_last_event_was_heard(world: World) -> None:
    """A process that stops lets no other client of it live on old results."""
    before = await hearing(world)
    await world.invalidation.stop(1)
    assert await world.changed(before) == {"a", "b", "titles", "entry"}
    with received() as seen:
        await world.catalog.motto()
    assert seen.cached


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Nobody is left who waits for what is kept."""
    yield
    from freestone.call import invalidation

    assert not any(operation.contract is Catalog for operation in invalidation._WAITING)

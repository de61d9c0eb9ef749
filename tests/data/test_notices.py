"""Who uses a database is told by others that use it, whatever happens to the connection that it hears them by."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, TypeVar

import pytest

from freestone.data import Database, Share
from freestone.data import postgres_notices as module
from freestone.data.notices import Line, Notices
from freestone.data.postgres_notices import channel_of
from freestone.signals import SIGNALS, NoticesHeard, NoticesLost, Signal
from freestone.testing import PostgresServer, fake_random, postgres_server

S = TypeVar("S", bound=Signal)


class Ear:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.count = 0
        self._rung = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._rung.set()

    async def more_than(self, count: int) -> None:
        async with asyncio.timeout(30):
            while self.count <= count:
                self._rung.clear()
                await self._rung.wait()


class Announced:
    """The signals that were announced."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self._more = asyncio.Event()

    def __call__(self, signal: Signal) -> None:
        self.signals.append(signal)
        self._more.set()

    async def of(self, kind: type[S], count: int) -> list[S]:
        """Wait until there were so many of that kind."""
        async with asyncio.timeout(60):
            while len(found := [it for it in self.signals if isinstance(it, kind)]) < count:
                self._more.clear()
                await self._more.wait()
        return found


@pytest.fixture
async def announced() -> Any:
    heard = Announced()
    SIGNALS.subscribe(heard)
    yield heard
    SIGNALS.unsubscribe(heard)


@contextlib.asynccontextmanager
async def opened(url: str, *ears: Ear, **options: Any) -> AsyncIterator[Database]:
    """Open a database as one process does, which hears "outbox"."""
    database = Database.open(url, **{"name": "bank", "connections": 4, **options})
    for ear in ears:
        database.notices.hear("outbox", ear)
    await database.start()
    try:
        for ear in ears:
            await ear.more_than(0)  # as each is rung when the connection is there
        yield database
    finally:
        await database.close()


async def test_this_process_hears_what_it_tells_in_every_database(db: Database) -> None:
    """At once, those that hear the topic, and those alone."""
    outbox, aside = Ear(), Ear()
    db.notices.hear("outbox", outbox)
    db.notices.hear("outbox", outbox)  # once is enough
    db.notices.hear("aside", aside)
    before = aside.count
    db.notices.tell("outbox")
    assert (outbox.count, aside.count) == (1, before)


async def test_another_process_hears_it_too(postgres_url: str) -> None:
    """And who has told it hears it once, and not again by way of the server."""
    here, there = Ear(), Ear()
    async with opened(postgres_url, here) as first, opened(postgres_url, there) as second:
        mine, theirs = here.count, there.count
        first.notices.tell("outbox")
        await there.more_than(theirs)
        second.notices.tell("outbox")
        await here.more_than(mine + 1)
        assert (here.count, there.count) == (mine + 2, theirs + 2)


async def test_a_process_that_only_tells_is_heard_though_it_ends_at_once(postgres_url: str) -> None:
    """As a command of a person does."""
    ear = Ear()
    async with opened(postgres_url, ear):
        before = ear.count
        async with opened(postgres_url) as other:
            other.notices.tell("outbox")
        await ear.more_than(before)


async def test_a_service_hears_its_own_schema_alone(postgres_url: str) -> None:
    """As its own role, which may do little: the database is the same, and the other one is told all the same."""
    catalog, search = Ear(), Ear()
    async with (
        opened(postgres_url, catalog, share=Share("catalog", makes_role=True)) as database,
        opened(postgres_url, search, share=Share("search", makes_role=True)),
        opened(postgres_url, share=Share("catalog", makes_role=True)) as replica,
    ):
        before, others = catalog.count, search.count
        replica.notices.tell("outbox")
        await catalog.more_than(before)
        database.notices.tell("outbox")
        assert search.count == others


async def test_a_connection_that_is_ended_is_replaced_and_nothing_is_missed(
    postgres: PostgresServer, postgres_url: str, announced: Announced
) -> None:
    """It is announced, everybody looks when it is back, and what was told meanwhile is told then."""
    here, there = Ear(), Ear()
    async with opened(postgres_url, here) as first, opened(postgres_url, there) as second, postgres.admin() as admin:
        await announced.of(NoticesHeard, 2)
        mine, theirs = here.count, there.count
        ended = await admin.fetchval(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
            "WHERE application_name = 'freestone bank, listening' AND datname = $1",
            str(first.place).rpartition("/")[2],
        )
        assert ended == 2
        first.notices.tell("outbox")
        second.notices.tell("outbox")
        await announced.of(NoticesLost, 2)
        await announced.of(NoticesHeard, 4)
        await here.more_than(mine + 1)
        await there.more_than(theirs + 1)
        mine = here.count
        second.notices.tell("outbox")
        await here.more_than(mine)


async def test_a_server_that_is_killed_and_started_again_is_listened_to_again(announced: Announced) -> None:
    """Meanwhile whoever depends on it is told that nothing is heard; what was told then arrives afterwards."""
    ear = Ear()
    async with postgres_server() as server:
        url = await server.create_database()
        async with opened(url, ear) as first, opened(url, Ear()) as second:
            await server.kill()
            await announced.of(NoticesLost, 2)
            assert not first.notices.is_connected
            second.notices.tell("outbox")
            before = ear.count
            await server.start()
            await announced.of(NoticesHeard, 4)
            await ear.more_than(before)
            assert first.notices.is_connected


async def test_what_passes_no_notices_on_is_found_out(
    postgres_url: str, announced: Announced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a pooler that gives another connection to each transaction. Who depends on it looks for itself then."""

    async def swallow(*_: str) -> None: ...

    monkeypatch.setattr(module, "_ECHO", 0.1)
    async with opened(postgres_url) as database:
        monkeypatch.setattr(database.store.exchange, "_tell", swallow)
        database.notices.hear("outbox", Ear())
        (lost, *_) = await announced.of(NoticesLost, 1)
        assert "PgBouncer with pool_mode = transaction, passes no notices on" in str(lost.error)
        assert not database.notices.is_connected


class Slow:
    """A line that passes on what it is told when it is let."""

    def __init__(self) -> None:
        self.told: list[frozenset[str]] = []
        self.let = asyncio.Semaphore(0)
        self.failing = False

    async def tell(self, topics: Collection[str]) -> None:
        await self.let.acquire()
        if self.failing:
            self.failing = False
            raise ConnectionResetError("gone")
        self.told.append(frozenset(topics))

    async def close(self) -> None: ...


class Memory:
    """Where slow lines are made."""

    carries = True

    def __init__(self) -> None:
        self.line = Slow()

    async def connect(self, heard: Callable[[str], None], lost: Callable[[], None]) -> Line:
        return self.line


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


async def test_what_is_told_while_a_notice_is_under_way_goes_together() -> None:
    """However much is committed: a topic that was told a thousand times goes once."""
    exchange = Memory()
    notices = Notices("bank", exchange, fake_random())
    notices.start()
    notices.tell("outbox")
    await until(lambda: notices.is_connected)
    for _ in range(1000):
        notices.tell("outbox")
    notices.tell("aside")
    for _ in range(3):
        exchange.line.let.release()
    await until(lambda: len(exchange.line.told) == 2)
    assert exchange.line.told == [{"outbox"}, {"outbox", "aside"}]
    await notices.close()


async def test_what_could_not_be_told_is_told_again() -> None:
    """On the next connection, once."""
    exchange = Memory()
    exchange.line.failing = True
    notices = Notices("bank", exchange, fake_random())
    notices.start()
    notices.tell("outbox")
    exchange.line.let.release()
    exchange.line.let.release()
    await until(lambda: exchange.line.told)
    assert exchange.line.told == [{"outbox"}]
    exchange.line.let.release()
    await notices.close()


def test_the_channel_of_a_schema_fits_into_a_name() -> None:
    """Two long names that begin alike have two."""
    first, second = channel_of("s" * 62 + "a"), channel_of("s" * 62 + "b")
    assert first != second
    assert max(len(first), len(second)) <= 63

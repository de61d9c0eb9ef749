"""The post, running: on either engine, with either broker, in one process or cut, beside real servers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

from freestone import deadline, errors
from freestone.app import databases, load
from freestone.data import Database
from freestone.events import (
    Choice,
    Kept,
    Outbox,
    Source,
    State,
    Waiting,
    Written,
    drop_kept,
    find_kept,
    latest_events,
    retry_kept,
    subscriptions,
    waiting_events,
)
from freestone.events.inbox import CURSOR, began
from freestone.testing import Processes
from freestone.testing.nats import NatsServer, nats_server
from freestone.testing.postgres import PostgresServer
from parcels.depot.contract import Depot
from parcels.folder import FOLDER, note, noted
from parcels.porch.contract import Porch

HERE = Path(__file__).parent / "post"
PATIENCE = 60.0
"""Seconds in which what must come has come, on a machine that has other things to do."""
MOST_WAITING = 300
"""Events that may wait for the broker here."""
WINDOW = 0.5
"""Seconds in which the broker absorbs an event that it has already."""

AWAY = (errors.Aborted, errors.ConnectionLost, errors.DeadlineExceeded, errors.Unavailable, errors.Unknown)
"""What callers are told while something is away."""
_FILES = {
    "embedded": '\n[events]\nbroker = "embedded"\n',
    "nats": '\n[nats]\nurl = "{url}"\n\n[events]\nbroker = "nats"\nduplicate_window = 0.5\nmost_waiting = 300\n',
}


@dataclass(frozen=True)
class Place:
    """One of the placements in which everything is the same."""

    engine: str
    """``sqlite`` or ``postgresql``."""
    broker: str
    """``embedded`` or ``nats``."""
    topology: str
    """``whole`` in one process, or ``cut``, with two replicas of the porch."""

    def __str__(self) -> str:
        return f"{self.engine}-{self.broker}-{self.topology}"


PLACES = tuple(
    Place(engine, broker, topology)
    for engine in ("sqlite", "postgresql")
    for broker, topology in (("embedded", "whole"), ("nats", "whole"), ("nats", "cut"))
)


class Post:
    """The application, what it stands on, and what a person can do to it."""

    def __init__(
        self, place: Place, directory: Path, *, nats: NatsServer | None, postgres: PostgresServer | None, url: str = ""
    ) -> None:
        self.place = place
        self.nats = nats
        self.postgres = postgres
        self._directory = directory
        self._variables = {"FREESTONE_DATABASE_URL": url} if url else {}
        self._running: Processes | None = None

    @property
    def depot(self) -> Depot:
        """A client of the depot."""
        return self.running.client(Depot)

    @property
    def porch(self) -> Porch:
        """A client of the porch."""
        return self.running.client(Porch)

    @property
    def running(self) -> Processes:
        """What runs now."""
        assert self._running is not None
        return self._running

    async def start(self, file: str = "freestone.toml") -> None:
        """Start all processes, of the application as that file has it, at once."""
        home = self._directory / "home"
        self._app = load(self._directory / "post" / file, home=home, variables=self._variables)
        self._running = Processes(self._app, self.place.topology, home)
        await self._running.start()

    async def stop(self) -> None:
        """Drain, and stop all processes."""
        running, self._running = self._running, None
        if running is not None:
            await running.stop()
            with (self._directory / "output").open("a") as file:
                file.writelines(f"{line}\n" for line in running.output)

    async def kill(self) -> None:
        """Kill all processes with SIGKILL, and wait until there are none."""
        pids = [it.pid for it in self.running.record().replicas if it.pid]
        self.running.kill()
        await self.until(lambda: _none(pids))
        await self.stop()

    async def taken(self, street: str, count: int, by: str = "take_in") -> list[int]:
        """Return the numbers of a street that the porch has taken in, in that order, once they are so many."""
        return await self._numbers(lambda: self.porch.taken(street, by), count)

    async def confirmed(self, street: str, count: int) -> list[int]:
        """Return the numbers of a street that the depot has confirmed, in that order, once they are so many."""
        return await self._numbers(lambda: self.depot.confirmed(street), count)

    async def kept(self, street: str, by: str, *states: str) -> Sequence[Kept]:
        """Return what a subscription keeps of a street, once it is in those states, in the order in which it came."""
        choice = Choice(subscription=by, key=street)
        found: Sequence[Kept] = ()

        async def is_so() -> bool:
            nonlocal found
            found = await find_kept(database, choice, tuple(State))
            return [it.state.value for it in found] == list(states)

        async with self.database("porch") as database:
            await self.until(is_so)
        return found

    async def mend(self, street: str) -> None:
        """Make that parcels of a street can be taken in."""
        note(f"{street} mended")

    async def retry(self, street: str) -> int:
        """Have what is aside tried again, as ``freestone events retry`` does."""
        async with self.database("porch") as database:
            return await retry_kept(database, Choice(key=street), datetime.now(UTC))

    async def drop(self, street: str) -> int:
        """Have what is aside forgotten, as ``freestone events drop`` does."""
        async with self.database("porch") as database:
            known = subscriptions(self._app.services["porch"].cls)
            return await drop_kept(database, Choice(key=street), (State.ASIDE,), known, datetime.now(UTC))

    async def announced(self, street: str) -> Sequence[Written]:
        """Return the events of a street that the depot has announced, as ``freestone events tail`` does."""
        async with self.outbox() as outbox:
            return await latest_events(outbox, Choice(key=street), 1000)

    async def waiting(self) -> int:
        """Return how many events of the depot wait for the broker, as ``freestone events pending`` does."""
        async with self.outbox() as outbox:
            return (await waiting_events(outbox, Choice(), 0))[0]

    async def all_sent(self) -> None:
        """Wait until the broker has what the depot has announced; an embedded one has it at once."""

        async def has_it() -> bool:
            return await self.waiting() == 0

        if self.place.broker == "nats":
            await self.until(has_it)

    async def republish(self) -> int:
        """Have everything sent again, as ``freestone events republish`` does."""
        async with self.outbox() as outbox:
            return await Waiting(outbox).again(datetime(2000, 1, 1, tzinfo=UTC))

    async def ship(self, street: str) -> int | None:
        """Ship a parcel, or return None if nobody answers or it lost all its races: then it may be shipped, or not."""
        try:
            async with deadline(5):
                return await self.depot.ship(street)
        except AWAY:
            await asyncio.sleep(0.05)
            return None

    async def forget_place(self, service: str, subscription: str) -> None:
        """Remove the cursors of a subscription, so that it reads everything again."""

        async with self.database(service) as database, database.separate("the test") as transaction:
            statement = delete(CURSOR).where(CURSOR.c.subscription == subscription)
            await transaction.run(lambda session: session.execute(statement))

    @asynccontextmanager
    async def database(self, service: str) -> AsyncGenerator[Database]:
        """Give the database of a service, as the command line opens it beside the processes."""
        [database] = databases(self._app, [service]).values()
        await database.start(migrate=False)
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def outbox(self) -> AsyncGenerator[Outbox]:
        """Give the outbox of the depot, as the command line opens it."""
        async with self.database("depot") as database:
            yield Outbox(database, Source(self._app.name, "depot"))

    async def happened(self, name: str) -> None:
        """Wait until something of that name has happened in a process."""

        async def has() -> bool:
            return noted(name) > 0

        await self.until(has)

    async def begun(self, service: str, subscription: str) -> None:
        """Wait until a new subscription has begun."""

        async def has() -> bool:
            return subscription in await began(database)

        async with self.database(service) as database:
            await self.until(has)

    async def lose_broker(self) -> None:
        """Kill the broker, and start it again with nothing of what it had."""
        assert self.nats is not None
        await self.nats.kill()
        shutil.rmtree(self.nats.directory)
        await self.nats.start()

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something is so in processes that nobody hears from; what is away meanwhile is asked again."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    if await condition():
                        return
                except AWAY:
                    pass
                await asyncio.sleep(0.03)

    async def _numbers(self, ask: Callable[[], Awaitable[Sequence[int]]], count: int) -> list[int]:
        found: Sequence[int] = ()

        async def are_there() -> bool:
            nonlocal found
            found = await ask()
            return len(found) >= count

        try:
            await self.until(are_there)
        except TimeoutError:
            raise AssertionError(f"{count} were to come, and {list(found)} have") from None
        return list(found)


async def _none(pids: Sequence[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@asynccontextmanager
async def post(place: Place, directory: Path, server: Callable[[], Awaitable[PostgresServer]]) -> AsyncGenerator[Post]:
    """Run the application for a block. ``server`` gives the PostgreSQL server, if one is needed."""
    async with AsyncExitStack() as stack:
        monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
        (directory / "folder").mkdir()
        monkeypatch.setenv(FOLDER, str(directory / "folder"))
        nats = postgres = None
        url = ""
        if place.broker == "nats":
            nats = await stack.enter_async_context(nats_server(directory / "nats"))
        if place.engine == "postgresql":
            postgres = await server()
            url = await postgres.create_database()
        for file in shutil.copytree(HERE, directory / "post").glob("*.toml"):
            with file.open("a") as more:
                more.write(_FILES[place.broker].replace("{url}", nats.url if nats else ""))
        it = Post(place, directory, nats=nats, postgres=postgres, url=url)
        stack.push_async_callback(it.stop)
        await it.start()
        yield it

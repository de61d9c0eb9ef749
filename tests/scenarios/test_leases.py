"""Services that take leases: one body, whether these are in the services' databases or in NATS."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from freestone.app import App, Host, load, monolith
from freestone.cluster import NatsSettings
from freestone.data import TransactionRequired
from freestone.lease import Lease, LeaseTaken, StaleToken
from freestone.testing import Placement, running
from freestone.testing.nats import nats_server

FILE = """
name = "office"

[services]
reports = "office_leases:ReportsService"
letters = "office_leases:LettersService"

[leases]
store = "{store}"
"""
CODE = '''
import asyncio

from freestone import Contract, Database, Leases, command, query, service
from freestone.data import TransactionRequired


class Reports(Contract):
    @command
    async def take(self) -> str:
        """Take a lease where none is to be taken, and return what was said."""

    @query
    async def leads(self) -> int:
        """Return the token under which this replica leads, 0 if another does."""


class Letters(Contract):
    @query
    async def leads(self) -> int:
        """Return the token under which this replica leads, 0 if another does."""


class Leading:
    async def start(self):
        self.token = 0
        self.task = asyncio.create_task(self.leases.lead("nightly", self.work, seconds=2))

    async def stop(self):
        self.task.cancel()
        await asyncio.wait([self.task])

    async def work(self, lease):
        self.token = lease.token
        await asyncio.Event().wait()

    async def leads(self):
        return self.token


@service
class ReportsService(Leading, Reports):
    db: Database
    leases: Leases

    async def take(self):
        try:
            async with self.leases.lease("weekly"):
                return "it was given"
        except TransactionRequired as error:
            return str(error)


@service
class LettersService(Leading, Letters):
    leases: Leases
'''
PATIENCE = 30


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Callable[[str], App]]:
    path = list(sys.path)

    def office(store: str) -> App:
        folder = tmp_path / "office"
        folder.mkdir()
        (folder / "freestone.toml").write_text(FILE.format(store=store), "utf-8")
        (folder / "office_leases.py").write_text(CODE, "utf-8")
        return load(folder)

    yield office
    sys.path[:] = path
    sys.modules.pop("office_leases", None)


Replica = Callable[[], Awaitable[Host]]


@pytest.fixture(params=["database", "nats"])
async def replica(
    request: pytest.FixtureRequest, office: Callable[[str], App], tmp_path: Path
) -> AsyncIterator[Replica]:
    """Start a process that has both services; each time another one, on the same data."""
    hosts: list[Host] = []
    app = replace(office(request.param), data=tmp_path / "data")
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "nats":
            server = await stack.enter_async_context(nats_server(tmp_path / "nats"))
            app = replace(app, nats=NatsSettings((server.url,)))

        async def start() -> Host:
            host = Host(monolith(app), "app")
            hosts.append(host)
            await host.start()
            return host

        yield start
        for host in hosts:
            await host.stop(5)


def service(host: Host, name: str) -> Any:
    return host._binder.instances[name]


async def leading(host: Host, name: str) -> int:
    """Wait until a service leads here, and return its token."""
    client: Any = host.client(host.plan.app.services[name].contract)
    async with asyncio.timeout(PATIENCE):
        while not (token := await client.leads()):  # noqa: ASYNC110 - a service leads by itself
            await asyncio.sleep(0.01)
    return int(token)


async def test_one_replica_leads_and_another_follows(replica: Replica) -> None:
    """Of each service by itself: both have a lease of one name, and neither waits for the other's."""
    first = await replica()
    tokens = {name: await leading(first, name) for name in ("reports", "letters")}
    second = await replica()
    with pytest.raises(LeaseTaken, match="the lease nightly is held by process "):
        async with service(second, "reports").leases.lease("nightly"):
            pass
    assert service(second, "letters").token == 0
    await first.stop(5)
    for name, token in tokens.items():
        assert await leading(second, name) > token


async def test_who_led_before_writes_nothing(replica: Replica) -> None:
    """The database of the service refuses an older token, wherever the lease is."""
    host = await replica()
    reports = service(host, "reports")
    held: list[Lease] = []
    for _ in range(2):
        async with reports.leases.lease("weekly") as lease, reports.db.transaction():
            await reports.db.fence(lease)
            held.append(lease)
    with pytest.raises(StaleToken, match=f"the token {held[0].token} of the lease weekly is stale"):
        async with reports.db.transaction():
            await reports.db.fence(held[0])


async def test_a_handler_takes_none(replica: Replica) -> None:
    """It is one transaction, and its block would end before that: the same error, wherever leases are."""
    host = await replica()
    client: Any = host.client(host.plan.app.services["reports"].contract)
    assert (await client.take()).startswith("the lease weekly is taken inside a transaction")
    reports = service(host, "reports")
    with pytest.raises(TransactionRequired, match="take it outside, in a task of its own"):
        async with reports.db.transaction(), reports.leases.lease("weekly"):
            pass


async def test_a_test_of_one_process_needs_no_nats(office: Callable[[str], App], tmp_path: Path) -> None:
    """Its leases are in the databases, whatever the file says."""
    app = office("nats")
    async with running(app, Placement.LOCAL, directory=tmp_path) as application:
        client: Any = application.client(app.services["letters"].contract)
        async with asyncio.timeout(PATIENCE):
            while not await client.leads():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)


@pytest.mark.timeout(120)
async def test_a_run_brings_a_server_for_leases(office: Callable[[str], App], tmp_path: Path) -> None:
    """Where the file names none, also if no events go between the processes."""
    app = office("nats")
    async with running(app, Placement.PROCESSES, directory=tmp_path) as application:
        for name in ("reports", "letters"):
            client: Any = application.client(app.services[name].contract)
            async with asyncio.timeout(PATIENCE):
                while not await client.leads():  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)

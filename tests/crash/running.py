"""The bank, running: on either engine, beside real servers."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from freestone.app import load
from freestone.testing import Processes, processes
from freestone.testing.nats import nats_server
from freestone.testing.postgres import PostgresServer, postgres_server

from .chaos import ReplicaVictim, ServerVictim, Victim

BANK = Path(__file__).parent / "bank"


@dataclass
class Bank:
    """What a test needs of it."""

    application: Processes
    victims: Sequence[Victim]
    """What there is to kill."""
    directory: Path
    waiting: Callable[[], Awaitable[int]]
    """Return how many events of the accounts are not known to be in NATS."""

    def announced(self) -> Counter[str]:
        """Return how often each signal was announced, by its name, in all the processes that there ever were."""
        return Counter(line.partition(" ")[2].partition("(")[0] for line in self.said)

    @property
    def said(self) -> Sequence[str]:
        """The signals that were announced in any process: the process, and the record."""
        return (self.directory / "witness").read_text().splitlines()


@asynccontextmanager
async def bank(
    engine: str,
    directory: Path,
    chance: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    crash_at: Sequence[str] = (),
) -> AsyncGenerator[Bank]:
    """Run the bank on that engine and a NATS server; its processes die at those points."""
    monkeypatch.setenv("LEDGER_WITNESS", str(directory / "witness"))
    file = shutil.copytree(BANK, directory / "bank") / "freestone.toml"
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(nats_server(directory / "nats"))
        servers: list[Victim] = [ServerVictim("nats", nats, chance)]
        with file.open("a") as more:
            more.write(f'\n[nats]\nurl = "{nats.url}"\n')
        variables: dict[str, str] = {}
        waiting = partial(_waiting_in_file, directory / "home" / "data" / "accounts.db")
        if engine == "postgresql":
            postgres = await stack.enter_async_context(postgres_server())
            servers.append(ServerVictim("postgresql", postgres, chance))
            url = variables["FREESTONE_DATABASE_URL"] = await postgres.create_database()
            waiting = partial(_waiting_in, postgres, url.rpartition("/")[2])
        app, output = load(file, variables=variables), list[str]()
        stack.callback(lambda: (directory / "log").write_text("\n".join(output)))  # when it has ended, and said all
        running = await stack.enter_async_context(processes(app, "split", directory / "home", crash_at=crash_at))
        running.output = output
        replicas = [ReplicaVictim(running, process, n) for process in ("accounts", "journal") for n in (0, 1)]
        yield Bank(running, [*servers, *replicas], directory, waiting)


async def _waiting_in_file(file: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        [count] = connection.execute("SELECT count(*) FROM freestone_outbox WHERE published IS NULL").fetchone()
        return int(count)


async def _waiting_in(server: PostgresServer, database: str) -> int:
    async with server.admin(database) as connection:
        statement = "SELECT count(*) FROM accounts.freestone_outbox WHERE published IS NULL"
        return int(await connection.fetchval(statement))

"""The server of PostgreSQL is killed under a running service, and comes back."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from freestone import deadline, errors
from freestone.app import App, load
from freestone.testing import PostgresServer, postgres_server, running

FILE = """
name = "shop"

[services]
till    = "tilling:TillService"
journal = "tilling:JournalService"

[data]
connections = 5
"""

CODE = """
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone import Contract, Database, Event, Publisher, command, query, service, subscribe


class Base(DeclarativeBase):
    pass


class PaymentRow(Base):
    __tablename__ = "payment"
    id: Mapped[int] = mapped_column(primary_key=True)
    payee: Mapped[str]
    number: Mapped[int]


class Till(Contract):
    class Paid(Event, key="payee"):
        payee: str
        number: int

    @command
    async def pay(self, payee: str, number: int) -> None: ...

    @query
    async def payments(self) -> tuple[tuple[str, int], ...]: ...


class Journal(Contract):
    @query
    async def payments(self) -> tuple[tuple[str, int], ...]: ...


class Tables:
    async def start(self) -> None:
        async with self.db.transaction() as transaction:
            await transaction.run(
                lambda it: it.run_sync(lambda session: Base.metadata.create_all(session.connection()))
            )

    async def payments(self):
        rows = await self.db.execute(select(PaymentRow.payee, PaymentRow.number).order_by(PaymentRow.id))
        return tuple((payee, number) for payee, number in rows)


@service
class TillService(Tables, Till):
    db: Database
    events: Publisher

    async def pay(self, payee, number):
        self.db.add(PaymentRow(payee=payee, number=number))
        self.events.publish(Till.Paid(payee, number))


@service
class JournalService(Tables, Journal):
    db: Database

    @subscribe(Till.Paid, start="beginning")
    async def note(self, event: Till.Paid) -> None:
        self.db.add(PaymentRow(payee=event.payee, number=event.number))
"""

CALLERS, EACH = 50, 5


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    (tmp_path / "tilling.py").write_text(CODE)
    (tmp_path / "freestone.toml").write_text(FILE)
    yield load(tmp_path / "freestone.toml")
    sys.modules.pop("tilling", None)


@pytest.fixture
async def server() -> AsyncIterator[PostgresServer]:
    async with postgres_server() as it:
        yield it


async def connections(server: PostgresServer) -> Counter[str]:
    """Return how many connections there are, by what they say of themselves."""
    async with server.admin() as admin:
        rows = await admin.fetch("SELECT application_name AS name FROM pg_stat_activity WHERE datname LIKE 'test-%'")
    return Counter(row["name"] for row in rows)


async def test_fifty_callers_outlast_the_server_of_a_service_with_five_connections(
    app: App, server: PostgresServer
) -> None:
    """What was answered is there, once, and announced; what is said not to have happened did not; and all goes on."""
    answered: list[tuple[str, int]] = []
    failed: dict[tuple[str, int], Exception] = {}
    half, noticed = asyncio.Event(), asyncio.Event()

    async def pay(till: Any, payee: str) -> None:
        for number in range(EACH):
            try:
                async with deadline(20.0):
                    await till.pay(payee, number)
            except errors.FreestoneError as error:
                failed[payee, number] = error
                noticed.set()
                await asyncio.sleep(0.1)
            else:
                answered.append((payee, number))
            if len(answered) >= CALLERS:
                half.set()

    async with running(app, data=await server.create_database()) as application:
        module = importlib.import_module("tilling")
        till, journal = application.client(module.Till), application.client(module.Journal)
        callers = [asyncio.create_task(pay(till, f"payee {number}")) for number in range(CALLERS)]
        async with asyncio.timeout(60):
            await half.wait()
        open_ = await connections(server)
        await server.kill()
        async with asyncio.timeout(60):
            await noticed.wait()
        await server.start()
        await asyncio.gather(*callers)
        async with asyncio.timeout(60):
            while True:
                paid, noted = await till.payments(), await journal.payments()
                if len(noted) >= len(paid):
                    break
                await asyncio.sleep(0.05)
        last = await connections(server)
    assert len(set(paid)) == len(paid)
    assert set(answered) <= set(paid)
    assert not {it for it, error in failed.items() if isinstance(error, errors.DidNotHappen)} & set(paid)
    assert {type(error) for error in failed.values()} <= {errors.Unavailable, errors.Unknown}
    assert sorted(noted) == sorted(paid)
    for payee in {payee for payee, _ in noted}:
        numbers = [number for it, number in noted if it == payee]
        assert numbers == sorted(numbers)
    for name in ("till", "journal"):
        for counted in (open_, last):
            assert 1 <= counted[f"freestone {name}"] <= 5
            assert counted[f"freestone {name}, listening"] <= 1

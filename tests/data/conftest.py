"""A database with two tables, and handlers as dispatch runs them."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ForeignKey, TextClause, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.contract import Contract, command, query
from freestone.data import Database
from freestone.service import Context
from freestone.testing import PostgresServer


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(unique=True)
    balance: Mapped[int] = mapped_column(default=0)


class Entry(Base):
    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[int] = mapped_column(ForeignKey("account.id"))
    text: Mapped[str] = mapped_column(default="")


class Bank(Contract):
    """Holds the accounts."""

    @query
    async def balance(self, owner: str) -> int:
        """Return the balance."""
        raise NotImplementedError

    @command
    async def deposit(self, owner: str, amount: int) -> int:
        """Return the new balance."""
        raise NotImplementedError


Handler = Callable[[str], AbstractAsyncContextManager[Context]]


@pytest.fixture
def handler(handling: Callable[..., AbstractAsyncContextManager[Context]]) -> Handler:
    """Runs a block as the handler of that operation of Bank."""
    return partial(handling, Bank)


Opener = Callable[[], Database]


@pytest.fixture
async def opener(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
    """Opens the database of this test, as one process has it."""
    if engine == "sqlite":
        return lambda: Database.open(tmp_path / "bank.db", readers=2)
    server: PostgresServer = request.getfixturevalue("postgres")
    url = await server.create_database()
    return lambda: Database.open(url, name="bank", connections=6)


@pytest.fixture
async def db(opener: Opener) -> AsyncIterator[Database]:
    database = opener()
    await database.start()
    async with database.transaction() as transaction:
        await transaction.run(lambda session: session.run_sync(lambda it: Base.metadata.create_all(it.connection())))
    yield database
    await database.close()


@pytest.fixture
def endless(engine: str) -> TextClause:
    """A statement that does not end by itself."""
    if engine == "postgresql":
        return text("SELECT pg_sleep(600)")
    return text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n")


@pytest.fixture
def account() -> type[Account]:
    return Account


@pytest.fixture
def entry() -> type[Entry]:
    return Entry


@types.coroutine
def _cancelled_at(step: int, delay: float, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, bool]:
    """Await the work, and have the task cancelled when it waits for the nth time, that many seconds later.

    Returns whether the work came to its end before.
    """
    task = asyncio.current_task()
    assert task is not None
    thrown: BaseException | None = None
    for count in range(1, 10_000):
        try:
            waits_for = work.send(None) if thrown is None else work.throw(thrown)
        except StopIteration:
            return count <= step
        if count == step:
            asyncio.get_running_loop().call_later(delay, task.cancel)
        try:
            yield waits_for
            thrown = None
        except BaseException as error:
            thrown = error
    raise AssertionError("it does not end")


@pytest.fixture
def cancelled_at() -> Callable[[int, float, Coroutine[Any, Any, Any]], Generator[Any, Any, bool]]:
    return _cancelled_at

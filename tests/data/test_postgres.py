"""PostgreSQL: what its transactions see and exclude, and what happens when a connection or the server is gone."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from sqlalchemy import TextClause, func, insert, select, text, update

from freestone.data import Database, Prepared
from freestone.errors import Aborted, ConfigurationError, ResourceExhausted, Unavailable, Unknown
from freestone.service import Context, deadline
from freestone.testing import PostgresServer

Handler = Callable[..., AbstractAsyncContextManager[Context]]

SETTINGS = ("transaction_isolation", "transaction_read_only", "lock_timeout", "statement_timeout")


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
async def account(account: Any, db: Database) -> Any:
    """The accounts, of which there are two."""
    async with db.transaction():
        db.add_all([account(id=1, owner="ada", balance=50), account(id=2, owner="bob", balance=50)])
    return account


async def shown(db: Database) -> dict[str, str]:
    settings = "SELECT name, setting FROM pg_settings WHERE name = ANY(:names)"
    found = await db.execute(text(settings), {"names": list(SETTINGS)})
    return {str(name): str(setting) for name, setting in found}


async def backend(db: Database) -> int:
    """Return the process of the server that serves the current transaction."""
    return int(await db.scalar(select(func.pg_backend_pid())) or 0)


async def test_a_command_is_serializable_and_a_query_a_view_of_one_moment(db: Database, handler: Handler) -> None:
    """And the server ends what is not over by its deadline."""
    async with handler("deposit"):
        found = await shown(db)
        assert 0 < int(found.pop("lock_timeout")) <= 9900  # what is left of ten seconds
        assert found == {
            "transaction_isolation": "serializable",
            "transaction_read_only": "off",
            "statement_timeout": "0",
        }
    until = asyncio.get_running_loop().time() + 100
    async with handler("balance", until):
        found = await shown(db)
        assert found["transaction_isolation"] == "repeatable read"
        assert found["transaction_read_only"] == "on"
        assert 90_000 < int(found["statement_timeout"]) <= 101_000
        assert 90_000 < int(found["lock_timeout"]) <= 100_000


async def test_of_two_commands_that_each_saw_the_others_row_unchanged_one_is_taken_back(
    db: Database, handler: Handler, account: Any
) -> None:
    """Write skew: each reads both rows and takes from another one. Alone, the second would have seen too little."""
    both_have_read = asyncio.Barrier(2)

    async def withdraw(number: int) -> None:
        async with handler("deposit"):
            total = await db.scalar(select(func.sum(account.balance))) or 0
            await both_have_read.wait()
            assert total >= 100
            await db.execute(update(account).where(account.id == number).values(balance=account.balance - 100))

    outcomes = await asyncio.gather(withdraw(1), withdraw(2), return_exceptions=True)
    lost = [outcome for outcome in outcomes if outcome is not None]
    assert len(lost) == 1
    assert isinstance(lost[0], Aborted)
    assert lost[0].lost_race
    assert "was changed by another transaction at the same time" in str(lost[0])


async def test_two_that_wait_for_each_other_do_not_wait_for_ever(db: Database, account: Any) -> None:
    """A deadlock is a race that one has lost, and it is run again."""
    both_have_one = asyncio.Barrier(2)
    runs = 0

    async def transfer(first: int, second: int) -> None:
        nonlocal runs
        runs += 1
        meets = runs <= 2
        await db.execute(update(account).where(account.id == first).values(balance=account.balance - 1))
        if meets:
            await both_have_one.wait()
        await db.execute(update(account).where(account.id == second).values(balance=account.balance + 1))

    async with asyncio.timeout(60):
        await asyncio.gather(db.transact(lambda: transfer(1, 2)), db.transact(lambda: transfer(2, 1)))
    assert runs >= 3
    async with db.transaction():
        assert (await db.scalars(select(account.balance).order_by(account.id))).all() == [50, 50]


async def test_a_statement_that_is_refused_ends_the_transaction(db: Database, handler: Handler, account: Any) -> None:
    """PostgreSQL takes all of it back; nothing of a handler that goes on is written, and it learns of it."""
    with pytest.raises(Aborted, match="was broken off, and nothing of it is written"):
        async with handler("deposit"):
            await db.execute(insert(account).values(id=3, owner="eve"))
            with pytest.raises(Exception, match=r"has such a row already \(account.owner\)"):
                await db.execute(insert(account).values(id=4, owner="eve"))
    async with db.transaction():
        assert await db.scalar(select(func.count()).select_from(account)) == 2


async def test_a_row_that_somebody_locks_is_waited_for_until_the_deadline(
    db: Database, handler: Handler, account: Any
) -> None:
    """And the caller learns why, instead of that it took too long."""
    locked, over = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.transaction():
            await db.execute(update(account).where(account.id == 1).values(balance=7))
            locked.set()
            await over.wait()

    holding = asyncio.create_task(hold())
    await locked.wait()
    with pytest.raises(Unavailable, match="the database bank was locked by another transaction all the time"):
        async with handler("deposit", asyncio.get_running_loop().time() + 1.0):
            await db.execute(update(account).where(account.id == 1).values(balance=8))
    over.set()
    await holding


async def test_what_is_cut_short_ends_in_the_server_too(
    db: Database, handler: Handler, endless: TextClause, postgres: PostgresServer
) -> None:
    """Nothing goes on there for a caller who has left, and the connection is used again."""
    async with handler("balance"):
        before = await backend(db)
    with pytest.raises(Exception, match="did not end by its deadline"):
        async with deadline(0.3), handler("balance"):
            await db.execute(endless)
    async with postgres.admin() as admin:
        assert await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'") == 1
    async with handler("balance"):
        assert await backend(db) == before


async def test_a_connection_that_was_ended_while_nobody_used_it_is_replaced(
    db: Database, handler: Handler, postgres: PostgresServer
) -> None:
    """Nobody notices, whether this process knows of it already or not."""
    for number in range(6):
        async with handler("deposit"):
            first = await backend(db)
        async with postgres.admin() as admin:
            assert await admin.fetchval("SELECT pg_terminate_backend($1, 10000)", first)
        if number % 2:
            await asyncio.sleep(0)
        async with handler("deposit"):
            assert await backend(db) != first


BY_WHOM = pytest.mark.parametrize("prepared", [False, True], ids=["the application's", "the framework's own"])
"""Whose statements the transaction has: with the framework's own alone, SQLAlchemy does not know of it."""


async def insert_eve(db: Database, account: Any, prepared: bool) -> None:
    statement = insert(account.__table__).values(id=3, owner="eve", balance=0).inline()
    if prepared:
        await db.current().execute_each(Prepared(statement), [{}])
    else:
        await db.execute(statement)


async def backend_of(db: Database, prepared: bool) -> int:
    if not prepared:
        return await backend(db)
    ((pid,),) = await db.current().fetch(Prepared(select(func.pg_backend_pid())))
    return int(pid)


@BY_WHOM
async def test_a_connection_that_is_ended_in_a_transaction_is_the_transactions_end(
    db: Database, handler: Handler, account: Any, postgres: PostgresServer, prepared: bool
) -> None:
    """It did not happen: COMMIT was not sent. The next one has another connection."""
    with pytest.raises(Unavailable, match="the database bank closed the connection"):
        async with handler("deposit"):
            await insert_eve(db, account, prepared)
            async with postgres.admin() as admin:
                assert await admin.fetchval("SELECT pg_terminate_backend($1, 10000)", await backend_of(db, prepared))
            await backend_of(db, prepared)
    async with handler("deposit"):
        assert await db.scalar(select(func.count()).select_from(account)) == 2


@BY_WHOM
async def test_a_connection_that_was_ended_unnoticed_is_not_taken_for_a_commit(
    db: Database, handler: Handler, account: Any, postgres: PostgresServer, prepared: bool
) -> None:
    """The driver knows by the time that the handler returns, and nobody has told the transaction."""
    with pytest.raises(Unknown, match="the commit of deposit failed, and may have happened: the database bank closed"):
        async with handler("deposit"):
            await insert_eve(db, account, prepared)
            pid = await backend_of(db, prepared)
            async with postgres.admin() as admin:
                assert await admin.fetchval("SELECT pg_terminate_backend($1, 10000)", pid)
            await asyncio.sleep(0.2)
    async with handler("deposit"):
        assert await db.scalar(select(func.count()).select_from(account)) == 2


@BY_WHOM
async def test_a_statement_that_begins_when_the_server_has_said_goodbye_did_not_happen(
    db: Database, handler: Handler, account: Any, prepared: bool
) -> None:
    """The connection is open for another moment. What the driver says of it then is for nobody to see."""
    said = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
    with pytest.raises(Unavailable, match="the database bank closed the connection"):
        async with handler("deposit"):
            await backend_of(db, prepared)
            driver: Any = db.current()._driver
            driver._driver()._protocol.data_received(b"E" + (len(said) + 4).to_bytes(4, "big") + said)
            await insert_eve(db, account, prepared)
    async with handler("deposit"):
        assert await db.scalar(select(func.count()).select_from(account)) == 2


async def test_a_connection_that_is_lost_as_soon_as_it_was_made_did_nothing(
    db: Database, handler: Handler, account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be it for the first statement of a command, or to see at the start whether the server is there."""
    store: Any = db.store
    dial = type(store)._dial

    async def lost(*arguments: Any) -> Any:
        connection = await dial(*arguments)
        connection.terminate()
        return connection

    async with handler("deposit"):
        mine = await backend(db)
        with monkeypatch.context() as patch:
            patch.setattr(type(store), "_dial", lost)
            with pytest.raises(Unavailable, match="the database bank closed the connection"):
                async with handler("deposit"):  # for which another one has to be made
                    await backend(db)
        assert await backend(db) == mine
    async with handler("deposit"):
        assert await db.scalar(select(func.count()).select_from(account)) == 2
    await db.close()
    with monkeypatch.context() as patch:
        patch.setattr(type(store), "_dial", lost)
        with pytest.raises(Unavailable, match=r"the database bank \(.*\) can't be reached: connection is closed"):
            await db.start()
    await db.start()


@BY_WHOM
async def test_a_connection_that_is_ended_in_the_commit_leaves_open_what_happened(
    db: Database, handler: Handler, account: Any, postgres: PostgresServer, prepared: bool
) -> None:
    """The server was asked to commit, and did not say that it has."""
    async with db.transaction():
        await db.execute(
            text(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END'"
            )
        )
        await db.execute(
            text(
                "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON account DEFERRABLE INITIALLY DEFERRED "
                "FOR EACH ROW EXECUTE FUNCTION slow()"
            )
        )
    pid = asyncio.get_running_loop().create_future()

    async def write() -> None:
        async with handler("deposit"):
            await insert_eve(db, account, prepared)
            pid.set_result(await backend_of(db, prepared))

    writing = asyncio.create_task(write())
    async with postgres.admin() as admin:
        number = await pid
        async with asyncio.timeout(30):
            while await admin.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", number) != "COMMIT":
                pass
        await admin.fetchval("SELECT pg_terminate_backend($1, 10000)", number)
    with pytest.raises(Unknown, match="the commit of deposit failed, and may have happened: the database bank closed"):
        await writing


async def test_there_are_never_more_connections_than_allowed(
    db: Database, handler: Handler, account: Any, postgres: PostgresServer
) -> None:
    """However many handlers there are. The others wait in a queue of their own, which has an end too."""
    most = 0

    async def work(name: str) -> None:
        nonlocal most
        async with handler(name):
            await db.scalar(select(account.id).limit(1))
            most = max(most, db.store.writing.open + db.store.reading.open)

    await asyncio.gather(*(work(name) for name in ("deposit", "balance") * 50))
    assert most == 4
    assert db.store.writing.slots == db.store.reading.slots == 3  # neither can keep the other out
    async with postgres.admin() as admin:
        mine = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'freestone bank' AND datname = $1",
            str(db.store.place).rpartition("/")[2],
        )
    assert 4 <= mine <= 6


async def test_a_database_that_is_closed_waits_for_its_transactions_and_leaves_no_connection(postgres_url: str) -> None:
    """Queries and what writes share a pool: it is closed when the last of either has ended."""
    database, looker = Database.open(postgres_url), Database.open(postgres_url)
    await database.start()
    await looker.start()
    pids, both_are_in = list[int](), asyncio.Barrier(3)
    leaves = {False: asyncio.Event(), True: asyncio.Event()}

    async def held(read_only: bool) -> None:
        async with database.separate("holds", read_only=read_only) as transaction:
            pids.append(await transaction.run(lambda session: session.scalar(select(func.pg_backend_pid()))))
            await both_are_in.wait()
            await leaves[read_only].wait()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        reads, writes = (group.create_task(held(read_only)) for read_only in (True, False))
        await both_are_in.wait()
        closing = group.create_task(database.close())
        leaves[True].set()
        await reads
        for _ in range(100):
            await asyncio.sleep(0)
        assert not closing.done()
        leaves[False].set()
        await writes
    gc.collect()  # a connection that nobody has closed would warn of it, which is an error
    async with asyncio.timeout(20):
        statement = text("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(:pids)")
        while True:
            async with looker.transaction():
                if not await looker.scalar(statement, {"pids": pids}):
                    break
            await asyncio.sleep(0.01)
    await looker.close()


async def test_commands_and_queries_leave_each_other_a_connection(db: Database, handler: Handler, account: Any) -> None:
    """However many of the others there are."""
    for others, one in (("deposit", "balance"), ("balance", "deposit")):
        done, full, in_work = asyncio.Event(), asyncio.Event(), 0

        async def work(name: str = others, done: asyncio.Event = done, full: asyncio.Event = full) -> None:
            nonlocal in_work
            async with handler(name):
                await db.scalar(select(1))
                in_work += 1
                if in_work == db.store.writing.slots:
                    full.set()
                await done.wait()

        tasks = [asyncio.create_task(work()) for _ in range(10)]
        async with asyncio.timeout(30):
            await full.wait()
            async with handler(one):
                assert await db.scalar(select(func.count()).select_from(account)) == 2
        done.set()
        await asyncio.gather(*tasks)


async def test_too_many_that_wait_are_refused(postgres_url: str) -> None:
    """With how many there are."""
    db = Database.open(postgres_url, name="bank", connections=4, waiting=2)
    await db.start()
    in_order = asyncio.Event()

    async def work() -> None:
        async with db.transaction():
            await db.scalar(select(1))
            await in_order.wait()

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    for _ in range(10):
        await asyncio.sleep(0)
    with pytest.raises(ResourceExhausted, match="2 transactions already wait for the database bank"):
        await work()
    in_order.set()
    await asyncio.gather(*tasks)
    await db.close()


@pytest.mark.parametrize(
    ("url", "message", "patience"),
    [
        ("postgresql://ada:hunter2@127.0.0.1:1/shop", r"can't be reached: .*Connect call failed", 0.2),
        ("postgresql://ada:hunter2@SERVER/shop", "can't be reached: password authentication failed", 1e6),
        ("postgresql://postgres:PASSWORD@SERVER/nowhere", 'can\'t be reached: database "nowhere" does not exist', 1e6),
    ],
)
async def test_a_database_that_can_not_be_reached_is_named_without_its_password(
    url: str, message: str, patience: float, postgres: PostgresServer
) -> None:
    """At the start, with the reason; whoever is refused does not wait."""
    account, _, server = postgres.url.partition("://")[2].rpartition("@")[0], "", f"127.0.0.1:{postgres.port}"
    password = account.partition(":")[2]
    db = Database.open(url.replace("SERVER", server).replace("PASSWORD", password), name="shop", patience=patience)
    with pytest.raises(Unavailable, match=message) as raised:
        await db.start()
    assert "hunter2" not in str(raised.value) + repr(db)
    assert password not in str(raised.value) + repr(db)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://ada:hunter2@host", "database postgresql://…: names no database"),
        ("postgresql://ada:hun/ter2@host/shop", "database postgresql://…: "),
        ("postgresql://ada:hunter2#@host/shop", "has a part after a #; write %23 for a # in a password"),
        ("postgresql://ada:hunter2@[host/shop", "database postgresql://…: is no URL"),
    ],
)
def test_a_url_that_is_none_is_refused_without_showing_it(url: str, message: str) -> None:
    """What is secret may be anywhere in it."""
    with pytest.raises(ConfigurationError) as raised:
        Database.open(url)
    assert message in str(raised.value)
    assert "hun" not in str(raised.value)


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And shows no password."""
    import sys

    monkeypatch.setitem(sys.modules, "asyncpg", None)
    for name in ("postgres", "postgres_driver"):
        monkeypatch.delitem(sys.modules, f"freestone.data.{name}", raising=False)
    with pytest.raises(ConfigurationError, match=r'needs asyncpg; pip install "freestone\[postgres\]"') as raised:
        Database.open("postgresql://ada:hunter2@host/shop")
    assert "hunter2" not in str(raised.value)


@pytest.fixture
async def server() -> AsyncIterator[PostgresServer]:
    """A server of this test's own, which it may kill."""
    from freestone.testing import postgres_server

    async with postgres_server() as it:
        yield it


async def test_a_server_that_was_killed_and_is_there_again_is_used_again(server: PostgresServer) -> None:
    """SIGKILL in the middle of a transaction, three times: what was committed is there, and nothing else."""
    db = Database.open(await server.create_database(), name="bank")
    await db.start()
    async with db.transaction():
        await db.execute(text("CREATE TABLE kept (number integer)"))
    for number in range(3):
        with pytest.raises(Unavailable, match="the database bank"):
            async with db.transaction():
                await db.execute(text("INSERT INTO kept VALUES (-1)"))
                await server.kill()
                await db.execute(text("INSERT INTO kept VALUES (-2)"))
        with pytest.raises(Unavailable, match=r"can't be reached: .*Connect call failed"):
            async with db.transaction():
                await db.scalar(select(1))
        await server.start()
        async with db.transaction():
            await db.execute(text("INSERT INTO kept VALUES (:number)"), {"number": number})
    async with db.transaction():
        assert (await db.scalars(text("SELECT number FROM kept ORDER BY number"))).all() == [0, 1, 2]
    await db.close()


async def test_who_starts_while_the_server_is_away_waits_for_it(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """And says so, once."""
    db = Database.open(await server.create_database(), name="bank", patience=60.0)
    await server.kill()
    starting = asyncio.create_task(db.start())
    while not caplog.messages:  # noqa: ASYNC110 - a log is no event
        await asyncio.sleep(0)
    await server.start()
    await starting
    async with db.transaction():
        assert await db.scalar(select(1)) == 1
    await db.close()
    [said] = [it for it in caplog.messages if "waited for" in it]
    assert said.startswith("the database bank (")
    assert said.endswith("; it is waited for, 60 s at most")

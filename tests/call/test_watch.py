"""A call to another service while a transaction holds writes: the same wherever the other one is."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone.call import (
    CallInTransaction,
    CodecTransport,
    Dispatcher,
    LocalTransport,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    StaticResolver,
    Transport,
    Watch,
    WireTransport,
    client,
)
from freestone.clock import system_random
from freestone.contract import Contract, command, query
from freestone.data import Database
from freestone.errors import Internal
from freestone.service import deadline
from freestone.wire import Hello


class Base(DeclarativeBase):
    pass


class NoteRow(Base):
    __tablename__ = "note_of_watch"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class Other(Contract):
    @query
    async def look(self) -> int:
        """Return 1."""


class OtherService(Other):
    calls = 0

    async def look(self) -> int:
        self.calls += 1
        return 1


class Desk(Contract):
    @command
    async def work(self, how: str) -> None:
        """Do that, and then call the other one."""

    @command
    async def first(self) -> None:
        """Call, and write then."""

    @query
    async def read(self) -> None:
        """Read, and call then."""


class DeskService(Desk):
    def __init__(self, db: Database, other: Other) -> None:
        self.db = db
        self.other = other

    async def work(self, how: str) -> None:
        match how:
            case "nothing":
                pass
            case "read":
                await self.db.scalars(select(NoteRow))
                await self.db.execute(text("SELECT 1"))
                await self.db.flush()
            case "add first":
                self.db.add(NoteRow(id=2, text="new"))
            case "add":
                await self.db.get(NoteRow, 1)
                self.db.add(NoteRow(id=2, text="new"))
            case "change":
                row = await self.db.get(NoteRow, 1)
                assert row is not None
                row.text = "changed"
            case "flush":
                row = await self.db.get(NoteRow, 1)
                assert row is not None
                row.text = "changed"
                await self.db.flush()
            case "delete":
                await self.db.delete(await self.db.get(NoteRow, 1))
            case "insert":
                await self.db.execute(insert(NoteRow).values(id=2, text="new"))
            case "returning":
                await self.db.scalar(insert(NoteRow).values(id=2, text="new").returning(NoteRow.id))
            case "text":
                await self.db.execute(text("UPDATE note_of_watch SET text = 'x'"))
            case "run":
                async with self.db.transaction() as transaction:
                    await transaction.run(lambda it: it.execute(insert(NoteRow).values(id=2, text="new")))
        async with deadline(5):
            await self.other.look()

    async def first(self) -> None:
        await self.other.look()
        self.db.add(NoteRow(id=3, text="new"))

    async def read(self) -> None:
        await self.db.scalars(select(NoteRow))
        await self.other.look()


@contextlib.asynccontextmanager
async def over_the_wire(dispatcher: Dispatcher) -> AsyncGenerator[Transport]:
    hello, network = Hello(application="town", process="other", instance="1"), MemoryNetwork()
    server = Server(dispatcher, hello, network=network)
    address = await server.listen(MemoryAddress("other"))
    pool = Pool(hello, StaticResolver({"other": [address]}), random=system_random(), network=network)
    try:
        yield WireTransport(pool, "other", "other")
    finally:
        await pool.close()
        await server.close()


Placed = Callable[..., AbstractAsyncContextManager[DeskService]]


@pytest.fixture(params=["local", "codec", "memory"])
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> Placed:
    """The desk, with the other service in each of the ways that need no socket."""

    @contextlib.asynccontextmanager
    async def place(watch: Watch | None = None) -> AsyncGenerator[DeskService]:
        dispatcher = Dispatcher({"other": OtherService()})
        async with contextlib.AsyncExitStack() as stack:
            if request.param == "memory":
                way = await stack.enter_async_context(over_the_wire(dispatcher))
            else:
                way = {"local": LocalTransport, "codec": CodecTransport}[request.param](dispatcher, "other")
            db = await stack.enter_async_context(Database.temporary(Base.metadata))
            async with db.transaction():
                db.add(NoteRow(id=1, text="old"))
            yield DeskService(db, client(Other, way, watch) if watch else client(Other, way))

    return place


def called(desk: DeskService) -> Desk:
    dispatcher = Dispatcher({})
    dispatcher.add("desk", desk, replies=desk.db.replies)
    return client(Desk, LocalTransport(dispatcher, "desk"))


LINE = next(
    number
    for number, line in enumerate(inspect.getsource(DeskService).splitlines(), inspect.getsourcelines(DeskService)[1])
    if "deadline(5)" in line
) + 1  # fmt: skip
WRITES = ["add first", "add", "change", "flush", "delete", "insert", "returning", "text", "run"]


@pytest.mark.parametrize("how", WRITES)
async def test_a_call_while_writes_are_held_is_an_error_with_its_line(
    placed: Placed, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever wrote, and whether it was sent to the database yet."""
    async with placed() as desk:
        with pytest.raises(Internal):
            await called(desk).work(how)
        assert (
            f"{__file__}:{LINE}: Other.look is called while the transaction of work holds writes: it would keep its "
            "locks until the answer is there, and what the other service did stays if it is undone; "
            "call first, and write then"
        ) in caplog.text
        async with desk.db.transaction():
            assert list(await desk.db.scalars(select(NoteRow.text))) == ["old"]


@pytest.mark.parametrize("how", ["nothing", "read"])
async def test_who_has_only_read_may_call(placed: Placed, how: str) -> None:
    async with placed() as desk:
        await called(desk).work(how)


async def test_who_calls_first_may_write_then(placed: Placed) -> None:
    async with placed() as desk:
        await called(desk).first()
        await called(desk).read()


async def test_a_block_that_holds_writes_may_not_call_either(placed: Placed) -> None:
    async with placed() as desk:
        with pytest.raises(CallInTransaction, match=r"test_watch\.py:\d+: Other\.look is called while .* this block"):
            async with desk.db.transaction():
                await desk.other.look()
                desk.db.add(NoteRow(id=2, text="new"))
                await desk.other.look()
        await desk.other.look()


async def test_in_production_each_place_is_warned_of_once(placed: Placed, caplog: pytest.LogCaptureFixture) -> None:
    """What runs goes on running."""
    caplog.set_level(logging.WARNING, "freestone.call")
    async with placed(Watch(refuses=False)) as desk:
        for _ in range(3):
            await called(desk).work("change")
        for number in range(2, 4):
            async with desk.db.transaction():
                desk.db.add(NoteRow(id=number, text="new"))
                await desk.other.look()
    told = [record.getMessage() for record in caplog.records if "holds writes" in record.getMessage()]
    assert len(told) == 2
    assert f"{__file__}:{LINE}: " in told[0]

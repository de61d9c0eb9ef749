"""The table of what commands came to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from freestone.data import Database
from freestone.data.idempotency import _BATCH, _EVERY, REPLIES
from freestone.errors import NotFound
from freestone.service import Stored
from freestone.testing import FakeClock

FIRST, SECOND = Stored(b"1" * 16, b"\x01", failed=False), Stored(b"2" * 16, b"\x02", failed=True)


async def count(db: Database) -> int:
    async with db.transaction():
        return await db.scalar(select(func.count()).select_from(REPLIES)) or 0


async def remember(db: Database, key: str, stored: Stored = FIRST) -> bool:
    await db.replies.prepare()
    async with db.transaction():
        return await db.replies.remember("deposit", key, stored)


@pytest.fixture
async def kept_for_a_minute(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Opens a database that keeps replies for a minute of that clock."""
    where = str(tmp_path / "bank.db")
    if engine == "postgresql":
        where = await request.getfixturevalue("postgres").create_database()
    return lambda clock: Database.open(where, name="bank", clock=clock, keys=60)


async def test_what_is_remembered_lasts_with_the_transaction(db: Database, handler: Any) -> None:
    await db.replies.prepare()
    async with handler("deposit"):
        assert await db.replies.remember("deposit", "a", FIRST)
        assert await db.replies.recall("deposit", "a") is None
    assert await db.replies.recall("deposit", "a") == FIRST
    with pytest.raises(NotFound):
        async with handler("deposit"):
            assert await db.replies.remember("deposit", "b", FIRST)
            raise NotFound("nobody")
    assert await db.replies.recall("deposit", "b") is None


async def test_the_first_one_stays(db: Database) -> None:
    assert await remember(db, "a")
    assert not await remember(db, "a", SECOND)
    assert await db.replies.settle("deposit", "a", SECOND) == FIRST
    assert await db.replies.recall("deposit", "a") == FIRST


async def test_a_scope_has_keys_of_its_own(db: Database) -> None:
    await remember(db, "a")
    assert await db.replies.recall("withdraw", "a") is None
    assert await db.replies.settle("withdraw", "a", SECOND) is SECOND


async def test_a_large_reply_is_kept_whole(db: Database) -> None:
    """There is no size above which a command may take effect twice."""
    large = Stored(b"1" * 16, bytes(20_000_000), failed=False)
    await remember(db, "a", large)
    assert await db.replies.recall("deposit", "a") == large


async def test_a_key_is_over_when_its_time_is(kept_for_a_minute: Any) -> None:
    """Then it may be used anew, whether its row is deleted or not."""
    clock = FakeClock()
    db = kept_for_a_minute(clock)
    await db.start()
    await remember(db, "a")
    clock.advance(59)
    assert await db.replies.recall("deposit", "a") == FIRST
    clock.advance(2)
    assert await db.replies.recall("deposit", "a") is None
    assert await remember(db, "a", SECOND)
    assert await db.replies.recall("deposit", "a") == SECOND
    await db.close()


async def test_the_table_does_not_grow_without_end(kept_for_a_minute: Any) -> None:
    """What is over is deleted by those who write, faster than it comes."""
    clock = FakeClock()
    db = kept_for_a_minute(clock)
    await db.start()
    assert _BATCH > _EVERY

    async def write(first: int, rows: int) -> None:
        await db.replies.prepare()
        for start in range(first, first + rows, _EVERY):
            async with db.transaction():
                for number in range(start, start + _EVERY):
                    await db.replies.remember("deposit", str(number), FIRST)
            sweeping = db.replies._sweeping
            assert sweeping is not None
            await sweeping

    await write(0, 1000)
    assert await count(db) == 1000
    largest = 0
    for turn in range(1, 6):
        clock.advance(61)
        await write(1000 * turn, 1000)
        largest = max(largest, await count(db))
    assert largest <= 1000 + _BATCH
    await db.close()


async def test_a_process_that_is_started_again_and_again_sweeps(kept_for_a_minute: Any) -> None:
    clock = FakeClock()
    for number in range(3):
        db = kept_for_a_minute(clock)
        await db.start()
        await remember(db, str(number))
        assert db.replies._sweeping is not None
        await db.replies._sweeping
        assert await count(db) == 1
        clock.advance(61)
        await db.close()


async def test_closing_does_not_wait_for_the_sweep(db: Database) -> None:
    await remember(db, "a")
    sweeping = db.replies._sweeping
    assert sweeping is not None
    await asyncio.wait_for(db.close(), 10)
    assert sweeping.done()

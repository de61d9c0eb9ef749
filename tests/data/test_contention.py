"""Those whose transactions have lost a race, and their turns."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from sqlalchemy import text

from freestone.data import Database
from freestone.data.contention import Contention
from freestone.signals import SIGNALS, HandlerRepeated, Signal

from .conftest import Handler
from .test_races import lose

ONE = text("SELECT 1")


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_turns_come_in_the_order_of_waiting() -> None:
    contention, order = Contention(), list[str]()

    async def wait(name: str) -> None:
        assert await contention.take(now() + 60)
        order.append(name)
        await asyncio.sleep(0)
        contention.give_back()

    assert await contention.take(now() + 60)
    waiting = [asyncio.create_task(wait(name)) for name in ("ada", "bob", "eve")]
    await asyncio.sleep(0)
    assert order == []
    contention.give_back()
    await asyncio.gather(*waiting)
    assert order == ["ada", "bob", "eve"]


async def test_who_gets_no_turn_in_time_goes_on_without() -> None:
    """Whoever has it may wait for just this one."""
    contention = Contention()
    assert await contention.take(now() + 60)
    assert not await contention.take(now() + 0.01)
    contention.give_back()
    assert await contention.take(now() + 60)


async def test_who_is_cancelled_while_it_waits_takes_no_turn() -> None:
    contention = Contention()
    assert await contention.take(now() + 60)
    waiting = asyncio.create_task(contention.take(now() + 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    contention.give_back()
    assert await contention.take(now() + 60)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ends_well", [True, False])
async def test_those_who_have_lost_begin_one_after_the_other(db: Database, ends_well: bool) -> None:
    """Whoever has not lost does not wait for them. A turn ends with the transaction, however that ends."""
    log, inside, release, repeated = list[str](), asyncio.Event(), asyncio.Event(), asyncio.Event()
    runs = {"ada": 0, "bob": 0}

    async def work(name: str) -> None:
        runs[name] += 1
        if runs[name] == 1:
            await lose(db)
        await db.execute(ONE)
        log.append(f"{name} begins")
        if name == "ada":
            inside.set()
            await release.wait()
            log.append("ada ends")
            if not ends_well:
                raise ValueError("enough")

    def observe(signal: Signal) -> None:
        if isinstance(signal, HandlerRepeated) and inside.is_set():
            repeated.set()

    SIGNALS.subscribe(observe)
    try:
        async with asyncio.timeout(60):
            ada = asyncio.create_task(db.transact(lambda: work("ada")))
            await inside.wait()
            bob = asyncio.create_task(db.transact(lambda: work("bob")))
            await repeated.wait()
            for _ in range(20):
                async with db.transaction():
                    await db.execute(ONE)
            assert log == ["ada begins"]
            release.set()
            with contextlib.nullcontext() if ends_well else pytest.raises(ValueError, match="enough"):
                await ada
            await bob
    finally:
        SIGNALS.unsubscribe(observe)
    assert log == ["ada begins", "ada ends", "bob begins"]
    assert runs == {"ada": 2, "bob": 2}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_another_run_of_a_handler_takes_a_turn(db: Database, handler: Handler) -> None:
    log, inside, release = list[str](), asyncio.Event(), asyncio.Event()

    async def run(name: str) -> None:
        async with handler("deposit") as context:
            context.run = 1
            await db.execute(ONE)
            log.append(name)
            inside.set()
            await release.wait()

    async with asyncio.timeout(60), asyncio.TaskGroup() as handlers:
        handlers.create_task(run("ada"))
        await inside.wait()
        handlers.create_task(run("bob"))
        for _ in range(20):
            async with handler("deposit"):
                await db.execute(ONE)
        assert log == ["ada"]
        release.set()
    assert log == ["ada", "bob"]

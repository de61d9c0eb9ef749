"""Work that is cancelled when its client is gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from freestone.gateway.disconnect import Disconnected, while_connected


class Client:
    """The receiving side of an ASGI request whose body was read."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(self) -> Any:
        return await self.messages.get()

    def leave(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})


async def test_the_block_ends_when_the_client_leaves() -> None:
    """It is cancelled where it waits, and says why."""
    client = Client()
    client.messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    client.leave()
    with pytest.raises(Disconnected):
        async with asyncio.timeout(5), while_connected(client.receive):
            await asyncio.Event().wait()


async def test_the_task_can_go_on_afterwards() -> None:
    """The cancellation was for the block alone."""
    client = Client()
    client.leave()
    with pytest.raises(Disconnected):
        async with while_connected(client.receive):
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_client_that_stays_changes_nothing() -> None:
    """The block's result and its errors pass."""
    client = Client()
    async with while_connected(client.receive):
        await asyncio.sleep(0)
    with pytest.raises(ZeroDivisionError):
        async with while_connected(client.receive):
            await asyncio.sleep(0)
            raise ZeroDivisionError


async def test_the_client_is_not_watched_any_longer_than_the_block() -> None:
    """Nothing is left running."""
    before = asyncio.all_tasks()
    async with while_connected(Client().receive):
        await asyncio.sleep(0)
        (watch,) = asyncio.all_tasks() - before
    await asyncio.wait([watch], timeout=5)
    assert asyncio.all_tasks() == before


async def test_a_cancellation_from_outside_stays_one() -> None:
    """Even if the client leaves at the same moment."""
    client = Client()
    entered = asyncio.Event()

    async def work() -> None:
        async with while_connected(client.receive):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await entered.wait()
    client.leave()
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()

"""Pipes in memory behave as sockets do."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from freestone.call import Listener, MemoryAddress, MemoryNetwork, UnixAddress

NAME = MemoryAddress("catalog")


class End(asyncio.Protocol):
    """One end of a pipe, that notes what happens to it."""

    def __init__(self) -> None:
        self.data = b""
        self.paused = False
        self.arrived = asyncio.Event()
        self.resumed = asyncio.Event()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.arrived.set()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.resumed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


@pytest.fixture
async def ends() -> tuple[End, End, Listener]:
    network = MemoryNetwork()
    here, there = End(), End()
    listener = await network.listen(NAME, lambda: there)
    await network.dial(NAME, lambda: here)
    return here, there, listener


async def test_bytes_arrive_later_and_in_order(ends: tuple[End, End, Listener]) -> None:
    """Nothing is delivered within the call that writes it."""
    here, there, _ = ends
    here.transport.write(b"one")
    here.transport.write(b"two")
    assert there.data == b""
    await asyncio.wait_for(there.arrived.wait(), 5)
    assert there.data == b"onetwo"


async def test_a_reader_that_pauses_makes_the_writer_pause(ends: tuple[End, End, Listener]) -> None:
    """And to go on when it does."""
    here, there, _ = ends
    there.transport.pause_reading()
    here.transport.write(bytes(100_000))
    assert here.paused
    assert here.transport.get_write_buffer_size() == 100_000
    there.transport.resume_reading()
    await asyncio.wait_for(here.resumed.wait(), 5)
    assert not here.paused
    assert len(there.data) == 100_000


async def test_what_was_written_before_the_end_still_arrives(ends: tuple[End, End, Listener]) -> None:
    """Both ends then hear of it."""
    here, there, _ = ends
    here.transport.write(b"last words")
    here.transport.close()
    await asyncio.wait_for(asyncio.gather(here.lost.wait(), there.lost.wait()), 5)
    assert there.data == b"last words"


async def test_an_end_that_is_aborted_loses_what_is_under_way(ends: tuple[End, End, Listener]) -> None:
    """As a process does that is killed."""
    here, there, _ = ends
    here.transport.write(b"last words")
    here.transport.abort()
    await asyncio.wait_for(asyncio.gather(here.lost.wait(), there.lost.wait()), 5)
    assert there.data == b""


async def test_nobody_answers_where_nobody_listens(ends: tuple[End, End, Listener]) -> None:
    """A listener that closes frees its name; connections that it accepted stay."""
    here, there, listener = ends
    network = MemoryNetwork()
    with pytest.raises(ConnectionRefusedError, match="nothing listens on memory://catalog"):
        await network.dial(NAME, End)
    first = await network.listen(NAME, End)
    with pytest.raises(OSError, match="memory://catalog is taken"):
        await network.listen(NAME, End)
    first.close()
    await network.listen(NAME, End)
    listener.close()
    here.transport.write(b"still")
    await asyncio.wait_for(there.arrived.wait(), 5)


async def test_only_memory_addresses_are_in_memory() -> None:
    """A mistake in a test is said as such."""
    with pytest.raises(OSError, match=r"unix:///x is not in memory; listen on memory://name"):
        await MemoryNetwork().listen(UnixAddress("/x"), End)

"""Streams that a callee sends."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, Final, cast

from freestone.errors import InvalidArgument, NotFound
from freestone.testing.conformance.workbench import Tool

from .place import Place, call, close, raised, runs_out, soon, workbench


async def check_a_stream_arrives_in_order_and_ends(place: Place) -> None:
    """More items than may be under way."""
    async with workbench(place) as bench:
        names = [tool.name async for tool in bench.count(500)]
        assert names == [str(number) for number in range(1, 501)]
        assert [tool async for tool in bench.count(0)] == []


async def check_a_stream_may_end_with_an_error(place: Place) -> None:
    """After the items before it."""
    async with workbench(place) as bench:
        names: list[str] = []

        async def consume() -> None:
            async for tool in bench.count(3, fail=True):
                names.append(tool.name)  # noqa: PERF401 - a comprehension would drop what came before the error

        error = await raised(NotFound, consume())
        assert str(error) == "nothing comes after that"
        assert names == ["1", "2", "3"]


async def check_a_stream_begins_with_its_first_item(place: Place) -> None:
    """A stream that nobody asks anything makes nothing."""
    async with workbench(place) as bench:
        items = bench.count(10, "unasked")
        assert await soon(bench.made("unasked")) == 0
        assert (await soon(anext(items))).name == "1"
        await close(items)


async def check_a_stream_goes_no_faster_than_its_reader(place: Place) -> None:
    """What is made and not taken is bounded."""
    async with workbench(place) as bench:
        items = bench.count(100_000, "ahead")
        for _ in range(3):
            await soon(anext(items))
        made = 0
        for _ in range(20):  # so many round trips, in which a producer without bound would run ahead
            made = await soon(bench.made("ahead"))
        assert 3 <= made <= 200
        await close(items)


async def check_a_stream_that_is_closed_early_ends_its_maker(place: Place) -> None:
    """The generator's ``finally`` runs."""
    async with workbench(place) as bench:
        async with aclosing(cast(Any, bench.count(3, "early"))) as items:
            async for _ in items:
                break
        assert await soon(bench.ended("early")) == 1
        assert [tool async for tool in items] == []


async def check_cancelling_the_reader_of_a_stream_ends_its_maker(place: Place) -> None:
    """While it waits for an item."""
    async with workbench(place) as bench:

        async def read() -> None:
            async for _ in bench.count(1, "read"):
                pass

        task = asyncio.ensure_future(read())
        await soon(bench.began("read"))
        task.cancel()
        await soon(asyncio.wait([task]))
        assert task.cancelled()
        assert await soon(bench.ended("read")) == 1


async def check_a_stream_ends_at_its_deadline(place: Place) -> None:
    """The deadline is for all of it."""
    async with workbench(place) as bench:

        async def read() -> None:
            async for _ in bench.count(1, "slow"):
                pass

        await runs_out(bench, "slow", read)


async def check_what_is_no_stream_is_refused(place: Place) -> None:
    """By its name, before anything is sent."""
    async with workbench(place) as bench:
        error = await raised(InvalidArgument, call(lambda: bench.take(cast(Any, [Tool(name="saw")]))))
        assert error.field == "tools"
        assert "it is no stream; pass an asynchronous iterator" in str(error)


CHECKS: Final = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))

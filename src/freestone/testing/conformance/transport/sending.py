"""Streams that a caller sends, and streams both ways: for both sides that speak version 2 of the wire protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final, cast

from freestone.errors import NotFound
from freestone.service import Identity, acting_as, current
from freestone.testing.conformance.workbench import Bent, Tool

from .place import Place, failure, raised, runs_out, soon, workbench


class _Maker:
    """Makes tools for a callee, and notes what is asked of it."""

    def __init__(self, to: int = 1_000_000, fail: Exception | None = None) -> None:
        self.made = 0
        self.closed = asyncio.Event()
        self.subjects: set[str] = set()
        self._to = to
        self._fail = fail

    async def tools(self) -> AsyncIterator[Tool]:
        try:
            for number in range(1, self._to + 1):
                context = current()
                self.subjects.add("" if context is None or context.identity is None else context.identity.subject)
                self.made = number
                yield Tool(name=str(number), sizes=[number])
            if self._fail is not None:
                raise self._fail
        finally:
            self.closed.set()


async def check_sent_items_arrive_in_order(place: Place) -> None:
    """More of them than may be under way, and none at all."""
    async with workbench(place) as bench:
        maker = _Maker(500)
        assert [tool.name for tool in await soon(bench.take(maker.tools()))] == [str(n) for n in range(1, 501)]
        await soon(maker.closed.wait())
        assert await soon(bench.take(_Maker(0).tools())) == []
        assert len(await soon(bench.take(most=3, tools=_Maker().tools()))) == 3


async def check_sent_items_are_not_shared(place: Place) -> None:
    """Neither side can change what the other holds."""
    async with workbench(place) as bench:
        mine = Tool(name="saw", sizes=[1])

        async def tools() -> AsyncIterator[Tool]:
            yield mine

        (taken,) = await soon(bench.take(tools()))
        taken.sizes.append(2)
        assert mine.sizes == [1]


async def check_sent_big_items_arrive(place: Place) -> None:
    """Items that do not go in one frame, among such that do."""
    async with workbench(place) as bench:
        names = ["a" * 300_000, "b", "c" * 100_000, "d"]

        async def tools() -> AsyncIterator[Tool]:
            for name in names:
                yield Tool(name=name)

        assert [tool.name for tool in await soon(bench.take(tools()))] == names
        assert [tool.name async for tool in bench.echo("big", tools())] == names


async def check_sent_items_are_made_when_they_are_asked_for(place: Place) -> None:
    """A callee that takes none asks for none."""
    async with workbench(place) as bench:
        maker = _Maker()
        assert await soon(bench.take(maker.tools(), most=0)) == []
        error = await raised(Bent, bench.refuse(0, maker.tools(), "none"))
        assert str(error) == "it is bent"
        assert maker.made == 0


async def check_sent_items_go_no_faster_than_they_are_taken(place: Place) -> None:
    """What is made and not taken is bounded."""
    async with workbench(place) as bench:
        maker = _Maker()
        task = asyncio.ensure_future(bench.take(maker.tools(), "slow", 3))
        await soon(bench.began("slow"))
        for _ in range(20):
            await soon(bench.standing())
        assert 3 <= maker.made <= 200
        task.cancel()
        await soon(asyncio.wait([task]))
        await soon(maker.closed.wait())
        assert await soon(bench.ended("slow")) == 1


async def check_a_callee_need_not_take_every_item(place: Place) -> None:
    """The caller's generator is closed when the call has its answer."""
    async with workbench(place) as bench:
        maker = _Maker()
        assert len(await soon(bench.take(maker.tools(), most=5))) == 5
        await soon(maker.closed.wait())
        assert maker.made <= 200


async def check_an_error_amid_sent_items_arrives_as_itself(place: Place) -> None:
    """The callee's, and the caller's generator is closed."""
    async with workbench(place) as bench:
        maker = _Maker()
        await raised(Bent, bench.refuse(3, maker.tools(), "bent"))
        await soon(maker.closed.wait())


async def check_what_the_maker_of_sent_items_raises_is_its_callers(place: Place) -> None:
    """As it is, whatever it is; the callee is cancelled."""
    async with workbench(place) as bench:
        for number, fault in enumerate((ValueError("no more wood"), NotFound("no more iron"), KeyError("x"))):
            assert await failure(bench.take(_Maker(3, fault).tools(), f"fault {number}")) is fault
            assert await soon(bench.ended(f"fault {number}")) == 1

            async def listen(number: int = number, fault: Exception = fault) -> None:
                async for _ in bench.echo(f"echoed {number}", _Maker(3, fault).tools()):
                    pass

            assert await failure(listen()) is fault
            assert await soon(bench.ended(f"echoed {number}")) == 1


async def check_sent_items_are_made_in_the_callers_context(place: Place) -> None:
    """Not in that of the service which takes them."""
    async with workbench(place) as bench:
        maker = _Maker(3)
        with acting_as(Identity("ada")):
            await soon(bench.take(maker.tools()))
        assert maker.subjects == {"ada"}


async def check_cancelling_a_caller_that_sends_ends_both(place: Place) -> None:
    """Also while its own generator makes the next item."""
    async with workbench(place) as bench:
        closed = asyncio.Event()
        waiting = asyncio.Event()

        async def tools() -> AsyncIterator[Tool]:
            try:
                yield Tool(name="saw")
                waiting.set()
                await asyncio.Event().wait()
            finally:
                closed.set()

        task = asyncio.ensure_future(bench.take(tools(), "given up"))
        await soon(waiting.wait())
        task.cancel()
        await soon(asyncio.wait([task]))
        assert task.cancelled()
        await soon(closed.wait())
        assert await soon(bench.ended("given up")) == 1


async def check_a_call_that_sends_ends_at_its_deadline(place: Place) -> None:
    """At both ends."""
    async with workbench(place) as bench:
        makers: list[_Maker] = []

        async def send() -> None:
            makers.append(_Maker(3))
            await bench.take(makers[-1].tools(), "late")

        await runs_out(bench, "late", send)
        await soon(makers[-1].closed.wait())


async def check_streams_go_both_ways(place: Place) -> None:
    """Each item comes back before the next is sent, and the end too."""
    async with workbench(place) as bench:
        back: asyncio.Queue[str] = asyncio.Queue()
        seen: list[str] = []

        async def says() -> AsyncIterator[Tool]:
            for number in range(100):
                yield Tool(name=str(number))
                seen.append(await back.get())

        async for tool in bench.echo("talk", says()):
            back.put_nowait(tool.name)
        assert seen == [str(number) for number in range(100)]
        assert [tool async for tool in bench.echo("empty", _Maker(0).tools())] == []


async def check_a_stream_both_ways_that_is_closed_early_ends_both(place: Place) -> None:
    """The callee's generator, and the caller's."""
    async with workbench(place) as bench:
        maker = _Maker()
        async with aclosing(cast(Any, bench.echo("early", maker.tools()))) as items:
            async for _ in items:
                break
        await soon(maker.closed.wait())
        assert await soon(bench.ended("early")) == 1
        assert [tool async for tool in items] == []


CHECKS: Final = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))

"""Values cross as they are, and belong to one side only."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from freestone.errors import InvalidArgument
from freestone.testing.conformance.workbench import Tool

from .place import Place, call, raised, soon, workbench


async def check_results_arrive_as_they_were(place: Place) -> None:
    """Arguments and results keep their types; defaults are filled in."""
    async with workbench(place) as bench:
        tool = Tool(name="saw", sizes=[1, 2], weight=0.5)
        assert await soon(bench.same(tool, 2)) == [tool, tool]
        assert await soon(bench.same(tool=Tool(name="ä"))) == [Tool(name="ä")]


async def check_big_values_arrive(place: Place) -> None:
    """A megabyte each way."""
    async with workbench(place) as bench:
        data = bytes(range(256)) * 4096
        assert await soon(bench.blob(data)) == data[::-1]


async def check_nothing_mutable_is_shared(place: Place) -> None:
    """Neither side can change what the other holds."""
    async with workbench(place) as bench:
        sizes = [1]
        tools = [Tool(name="saw", sizes=sizes)]
        call = bench.keep(tools)
        sizes.append(2)
        tools.append(Tool(name="file"))
        returned = await soon(call)
        assert returned == [Tool(name="saw", sizes=[1])]
        returned.append(Tool(name="axe"))
        returned[0].sizes.append(3)
        assert await soon(bench.kept()) == [Tool(name="saw", sizes=[1])]


async def check_a_value_that_cant_cross_is_refused(place: Place) -> None:
    """What no codec can write is the caller's mistake, named with its parameter; the service is never asked."""
    async with workbench(place) as bench:
        await soon(bench.keep([Tool(name="saw")]))
        error = await raised(InvalidArgument, call(lambda: bench.keep(cast(Any, [object()]))))
        assert error.field.startswith("tools"), error.field
        assert await soon(bench.kept()) == [Tool(name="saw")]


async def check_many_calls_at_once(place: Place) -> None:
    """Each caller gets its own answer."""
    async with workbench(place) as bench:
        answers = await soon(asyncio.gather(*(bench.same(Tool(name=str(n))) for n in range(200))))
        assert [answer[0].name for answer in answers] == [str(n) for n in range(200)]


CHECKS: Final = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))

"""``python -m benchmarks.growth [CALLS]``: what a caller and a callee hold after a million calls over one connection.

Eight kinds of calls in turns, 32 at a time: small and large, a command, one that fails, a stream that is read to its
end, one that is left, one that is sent, and one that is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from freestone import Contract, command, errors, query, service
from freestone.app import connect
from freestone.call import Dispatcher, Server, UnixAddress
from freestone.wire import Hello

from .callee import callee

AT_A_TIME = 32
LOOKS = 20
"""How often it is looked, evenly over the calls."""


class Desk(Contract):
    """Answers in every way."""

    @query
    async def ask(self, text: str) -> str:
        """Return the text."""

    @command
    async def write(self, text: str) -> None:
        """Do nothing, a turn later."""

    @query
    async def miss(self) -> None:
        """Fail."""

    @query
    def count(self, to: int) -> AsyncIterator[int]:
        """Return numbers."""

    @query
    async def add(self, numbers: AsyncIterator[int]) -> int:
        """Return the sum."""

    @query
    async def wait(self) -> None:
        """Never return."""

    @query
    async def held(self) -> tuple[float, int]:
        """Return what this process holds: MB, and objects."""


@service
class DeskService(Desk):
    """Keeps nothing."""

    async def ask(self, text: str) -> str:
        """Return the text."""
        return text

    async def write(self, text: str) -> None:
        """Do nothing, a turn later."""
        await asyncio.sleep(0)

    async def miss(self) -> None:
        """Fail."""
        raise errors.NotFound("there is none")

    async def count(self, to: int) -> AsyncIterator[int]:
        """Return numbers."""
        for number in range(to):
            yield number

    async def add(self, numbers: AsyncIterator[int]) -> int:
        """Return the sum."""
        return sum([number async for number in numbers])

    async def wait(self) -> None:
        """Never return."""
        await asyncio.Event().wait()

    async def held(self) -> tuple[float, int]:
        """Return what this process holds."""
        return holding()


def holding() -> tuple[float, int]:
    """Return the resident memory of this process in MB, and how many objects the collector knows."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(gc.get_objects())


async def _numbers() -> AsyncIterator[int]:
    for number in range(3):
        yield number


async def _call(desk: Desk, kind: int) -> None:
    match kind:
        case 0:
            await desk.ask("a")
        case 1:
            await desk.ask("a" * 20_000)
        case 2:
            await desk.write("a")
        case 3:
            with contextlib.suppress(errors.NotFound):
                await desk.miss()
        case 4:
            assert [number async for number in desk.count(3)] == [0, 1, 2]
        case 5:
            async with contextlib.aclosing(desk.count(1000)) as numbers:  # type: ignore[type-var]
                async for _ in numbers:
                    break
        case 6:
            assert await desk.add(_numbers()) == 3
        case _:
            task = asyncio.ensure_future(desk.wait())
            for _ in range(2):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])


async def serve(path: str) -> None:
    """Answer until cancelled."""
    hello = Hello(application="bench", process="desk", instance="1")
    await Server(Dispatcher({"desk": DeskService()}), hello).listen(UnixAddress(Path(path)))
    print("ready", flush=True)
    await asyncio.Event().wait()


async def main(calls: int) -> None:
    """Make the calls, and print what both processes hold."""
    each = calls // LOOKS // AT_A_TIME

    async def caller(desk: Desk) -> None:
        for number in range(each):
            while True:
                try:
                    await _call(desk, number % 8)
                    break
                except errors.ResourceExhausted as refusal:  # it is told when to come again
                    await asyncio.sleep(refusal.retry_after or 0.05)

    with TemporaryDirectory(prefix="fsb-") as directory:
        path = f"{directory}/desk.sock"
        with callee("benchmarks.growth", path):
            async with connect(Desk, f"unix://{path}", service="desk", application="bench") as desk:
                for look in range(LOOKS):
                    await asyncio.gather(*(caller(desk) for _ in range(AT_A_TIME)))
                    await asyncio.sleep(0.1)  # what was given up is over at the callee too
                    here, there = holding(), await desk.held()
                    made = (look + 1) * each * AT_A_TIME
                    print(f"{made:9,} calls: {here[0]:.1f} + {there[0]:.1f} MB, {here[1]:,} + {there[1]:,} objects")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(sys.argv[2]))
    else:
        uvloop.run(main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000))

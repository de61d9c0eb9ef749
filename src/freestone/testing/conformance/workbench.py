"""A service that does whatever a conformance check asks of it, and its contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import final

from freestone.contract import Contract, Message, command, query
from freestone.errors import Aborted, FailedPrecondition, NotFound
from freestone.service import ContextField, current, deadline

BENCH = ContextField[str]("freestone.workbench", default="")
"""A context field that handlers look at."""


class Bent(FailedPrecondition):
    """The tool is bent."""

    tools: tuple[str, ...]
    """Which ones."""


class Tool(Message):
    """Something with a field of each kind."""

    name: str
    sizes: list[int] = []
    weight: float | None = None


class Standing(Message):
    """What a handler knows of the call that it serves."""

    subject: str
    scopes: tuple[str, ...]
    trace_id: str
    seconds: float
    bench: str
    span_id: str | None
    flags: int
    state: str
    key: str | None
    attempt: int


class Workbench(Contract):
    """Whatever a check asks for."""

    @query
    async def same(self, tool: Tool, times: int = 1) -> list[Tool]:
        """Return the tool that many times."""
        raise NotImplementedError

    @query
    async def blob(self, data: bytes) -> bytes:
        """Return the bytes, in reverse."""
        raise NotImplementedError

    @command(raises=[Bent])
    async def fail(self, how: str) -> int:
        """Raise Bent, NotFound, Aborted, or what no contract declares."""
        raise NotImplementedError

    @command
    async def keep(self, tools: list[Tool]) -> list[Tool]:
        """Keep the very list that came, and return it."""
        raise NotImplementedError

    @query
    async def kept(self) -> list[Tool]:
        """Return the very list that was kept."""
        raise NotImplementedError

    @query
    async def standing(self) -> Standing:
        """Return what the handler knows of its call."""
        raise NotImplementedError

    @query
    async def beyond(self) -> Standing:
        """Return what a handler knows that this one calls."""
        raise NotImplementedError

    @command
    async def signed(self) -> Standing:
        """Return what the handler of a command knows of its call."""
        raise NotImplementedError

    @command
    async def signed_beyond(self) -> tuple[Standing, Standing]:
        """Return what the handler of a command knows, and the handler of one that it calls."""
        raise NotImplementedError

    @query
    async def wait(self, name: str) -> int:
        """Wait for ever."""
        raise NotImplementedError

    @query
    async def wait_beyond(self, name: str) -> int:
        """Wait for another service that waits for ever."""
        raise NotImplementedError

    @query
    async def began(self, name: str) -> int:
        """Return when a wait, or a stream, of that name has begun."""
        raise NotImplementedError

    @query
    async def ended(self, name: str) -> int:
        """Return when it was cancelled, or closed."""
        raise NotImplementedError

    @query
    def count(self, to: int, name: str = "", fail: bool = False, bench: bool = False) -> AsyncIterator[Tool]:
        """Count from 1, or repeat the context field; then raise NotFound if it is to fail, wait for ever if it has a
        name, or end.
        """
        raise NotImplementedError

    @query
    async def made(self, name: str) -> int:
        """Return how many items the stream of that name has made."""
        raise NotImplementedError

    @query
    async def take(self, tools: AsyncIterator[Tool], name: str = "", most: int = 1_000_000) -> list[Tool]:
        """Return what comes, but no more than that; then wait for ever if there is a name."""
        raise NotImplementedError

    @command(raises=[Bent])
    async def refuse(self, after: int, tools: AsyncIterator[Tool], name: str) -> int:
        """Raise Bent after so many items."""
        raise NotImplementedError

    @query
    def echo(self, name: str, tools: AsyncIterator[Tool]) -> AsyncIterator[Tool]:
        """Return each item as it comes."""
        raise NotImplementedError


@final
class WorkbenchService(Workbench):
    """The contract, kept. ``other`` is a client of another workbench."""

    def __init__(self, other: Workbench | None = None) -> None:
        self.other = other
        self._kept: list[Tool] = []
        self._began: dict[str, asyncio.Event] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._made: dict[str, int] = {}

    async def same(self, tool: Tool, times: int = 1) -> list[Tool]:
        return [tool] * times

    async def blob(self, data: bytes) -> bytes:
        return data[::-1]

    async def fail(self, how: str) -> int:
        match how:
            case "declared":
                raise Bent("it is bent", tools=("saw", "file"))
            case "missing":
                raise NotFound("there is no such tool")
            case "unreadable":
                raise NotFound("there is no tool \udcff, and no sägeblatt")
            case "aborted":
                raise Aborted()
            case _:
                raise KeyError("a secret of the service")

    async def keep(self, tools: list[Tool]) -> list[Tool]:
        self._kept = tools
        return self._kept

    async def kept(self) -> list[Tool]:
        return self._kept

    async def standing(self) -> Standing:
        context = current()
        assert context is not None
        identity = context.identity
        return Standing(
            subject=identity.subject if identity else "",
            scopes=identity.scopes if identity else (),
            trace_id=context.trace_id,
            seconds=context.remaining(),
            bench=BENCH.get(),
            span_id=context.span_id,
            flags=context.flags,
            state=context.state,
            key=context.idempotency_key,
            attempt=context.attempt,
        )

    async def beyond(self) -> Standing:
        assert self.other is not None
        return await self.other.standing()

    async def signed(self) -> Standing:
        return await self.standing()

    async def signed_beyond(self) -> tuple[Standing, Standing]:
        assert self.other is not None
        async with deadline(5):  # a block within the handler is of the same call
            return await self.standing(), await self.other.signed()

    async def wait(self, name: str) -> int:
        self._event(self._began, name).set()
        try:
            await asyncio.Event().wait()
        finally:
            self._event(self._ended, name).set()
        return 0

    async def wait_beyond(self, name: str) -> int:
        assert self.other is not None
        self._event(self._began, name).set()
        try:
            return await self.other.wait(name)
        finally:
            self._event(self._ended, name).set()

    async def began(self, name: str) -> int:
        return int(await self._event(self._began, name).wait())

    async def ended(self, name: str) -> int:
        return int(await self._event(self._ended, name).wait())

    async def count(self, to: int, name: str = "", fail: bool = False, bench: bool = False) -> AsyncIterator[Tool]:
        self._event(self._began, name).set()
        try:
            for number in range(1, to + 1):
                self._made[name] = number
                yield Tool(name=BENCH.get() if bench else str(number))
            if fail:
                raise NotFound("nothing comes after that")
            if name:
                await asyncio.Event().wait()
        finally:
            self._event(self._ended, name).set()

    async def made(self, name: str) -> int:
        return self._made.get(name, 0)

    async def take(self, tools: AsyncIterator[Tool], name: str = "", most: int = 1_000_000) -> list[Tool]:
        taken: list[Tool] = []
        try:
            while len(taken) < most:
                try:
                    taken.append(await anext(tools))
                except StopAsyncIteration:
                    break
            self._event(self._began, name).set()
            if name:
                await asyncio.Event().wait()
        finally:
            self._event(self._ended, name).set()
        return taken

    async def refuse(self, after: int, tools: AsyncIterator[Tool], name: str) -> int:
        try:
            for _ in range(after):
                await anext(tools)
            raise Bent("it is bent", tools=())
        finally:
            self._event(self._ended, name).set()

    async def echo(self, name: str, tools: AsyncIterator[Tool]) -> AsyncIterator[Tool]:
        try:
            async for tool in tools:
                yield tool
        finally:
            self._event(self._ended, name).set()

    @staticmethod
    def _event(events: dict[str, asyncio.Event], name: str) -> asyncio.Event:
        return events.setdefault(name, asyncio.Event())

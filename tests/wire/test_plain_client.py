"""The specification is enough: a client that was written from it alone keeps the rules that hold every transport."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import math
import socket
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from freestone import current
from freestone.call import Dispatcher, Server, Transport, UnixAddress
from freestone.call.propagation import command_key, tail
from freestone.call.source import Source
from freestone.clock import trace_id
from freestone.contract import Contract, ErrorBody, Kind, Operation, query
from freestone.errors import ConnectionLost, DeadlineExceeded, Unavailable
from freestone.testing.conformance.transport import CHECKS, Place
from freestone.wire import Hello, Limits

_spec = importlib.util.spec_from_file_location("plain_client", Path(__file__).with_name("plain_client.py"))
assert _spec is not None
assert _spec.loader is not None
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

HELLO = Hello(application="academy", process="bench", instance="1")
_END: Any = object()


class PlainTransport:
    """Makes each call on a thread and a connection of its own. What is asynchronous is here, not in the client."""

    def __init__(self, path: str, service: str, threads: ThreadPoolExecutor) -> None:
        self.path = path
        self.service = service
        self.threads = threads

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        return self._invoke(Call(self, operation, operation.encode_arguments(arguments)))

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        return self._stream(Call(self, operation, operation.encode_arguments(arguments)))

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        source = Source(operation, items, current())
        call = Call(self, operation, operation.encode_arguments(arguments), source)
        return self._stream(call) if operation.streams else self._invoke(call)

    async def _invoke(self, call: Call) -> Any:
        try:
            return await call.step()
        finally:
            await call.close()

    async def _stream(self, call: Call) -> AsyncIterator[Any]:
        try:
            while (item := await call.step()) is not _END:
                yield item
        finally:
            await call.close()


class Call:
    """One call. Each step runs on a thread; to be closed in between is to cancel it."""

    def __init__(
        self, transport: PlainTransport, operation: Operation, arguments: bytes, source: Source | None = None
    ) -> None:
        self._source = source
        self._making: asyncio.Task[Any] | None = None
        self._transport = transport
        self._operation = operation
        self._arguments = arguments
        self._how: dict[str, Any] = {}
        self._client: Any = None
        self._results: Iterator[Any] | None = None
        self._lock = threading.Lock()
        self._work: Future[Any] | None = None
        self._running = False
        self._closed = False

    async def step(self) -> Any:
        """Return the next result, or the end."""
        loop = asyncio.get_running_loop()
        if not self._how:
            self._how = self._prepare(loop)
        self._running = True
        self._work = self._transport.threads.submit(self._step)
        return await asyncio.wrap_future(self._work)

    async def close(self) -> None:
        """Give the call up, if it is not over, and end the connection."""
        self._finish()
        if self._source is not None:
            if self._making is not None and not self._making.done():
                self._making.cancel()
                await asyncio.wait([self._making])
            await self._source.close()

    def _finish(self) -> None:
        with self._lock:
            self._closed = True
            if self._work is not None and self._work.cancel():  # no thread has begun it
                self._running = False
            if self._running:  # then the thread closes the connection, when the callee has answered
                if self._client is not None:
                    self._client.cancel()
            else:
                self._end()

    def _prepare(self, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
        outer, operation = current(), self._operation
        command = operation.kind is Kind.COMMAND
        timeout: float | None = 10.0
        if outer is not None and outer.deadline is not None:
            timeout = None if outer.deadline == math.inf else outer.deadline - loop.time()
        if timeout is not None and timeout <= 0:
            raise DeadlineExceeded(f"{operation.name} was not begun")
        if command and outer is not None:
            outer.handler.sent_command = True
        trace = trace_id() if outer is None else outer.trace_id
        given = operation.decode_arguments(self._arguments)
        key = command_key(outer, operation.name, operation, given) if command else None
        identity, extra = msgspec.msgpack.decode(b"\x92" + tail(outer, key))
        return {
            "command": command,
            "credit": 32 if operation.streams else 0,
            "timeout": timeout,
            "context": (trace, identity, extra),
            "read": operation.decode_result,
            "sends": None if self._source is None else self._items(self._source, loop),
        }

    def _items(self, source: Source, loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
        """Yield on a thread what the caller makes in the event loop."""

        async def make() -> Any:
            self._making = asyncio.current_task()
            return await source.next()

        while True:
            try:
                item = asyncio.run_coroutine_threadsafe(make(), loop).result()
            except StopAsyncIteration:
                if source.failure is not None:
                    raise source.failure from None
                return
            yield self._operation.encode_item(item)

    def _step(self) -> Any:
        try:
            return next(self._begun(), _END)
        except plain.Failed as failure:
            code, name, message, fields, trace, _, retried = (*failure.args, False)[:7]
            raise self._operation.decode_error(ErrorBody(code, name, message, fields, trace, retried)) from None
        except TimeoutError:
            raise DeadlineExceeded(f"{self._operation.name} did not end by its deadline") from None
        except plain.Lost as lost:
            raise (ConnectionLost if lost.args[1] else Unavailable)(lost.args[0]) from None
        finally:
            with self._lock:
                self._running = False
                if self._closed:
                    self._end()

    def _begun(self) -> Iterator[Any]:
        if self._results is None:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self._transport.path)
                client = plain.PlainClient(connection, "academy")
            except BaseException:
                connection.close()
                raise
            with self._lock:
                self._client = client
                if self._closed:
                    return iter(())
            name = f"{self._transport.service}.{self._operation.name}"
            self._results = client.items(name, self._arguments, **self._how)
        return self._results

    def _end(self) -> None:
        if self._results is not None:  # it may have been given up before it was begun
            cast(Any, self._results).close()
        if self._client is not None:
            self._client.close()


@contextlib.asynccontextmanager
async def place(services: Mapping[str, object]) -> AsyncGenerator[Callable[[str], Transport]]:
    """Serve on a Unix socket, and call with the plain client."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(250) as threads:
        server = Server(Dispatcher(services), HELLO)
        path = str(Path(directory) / "bench.sock")
        await server.listen(UnixAddress(path))
        try:
            yield lambda service: PlainTransport(path, service, threads)
        finally:
            await server.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_client_written_from_the_specification_keeps_the_rules(check: Callable[[Place], Any]) -> None:
    """The suite of every transport."""
    await check(place)


class Sums(Contract):
    """Arithmetic."""

    @query
    async def add(self, a: int, b: int) -> int:
        """Return the sum."""


class Bench(Sums):
    async def add(self, a: int, b: int) -> int:
        return a + b


async def test_a_client_that_was_silent_between_calls_hears_that_its_connection_is_closed() -> None:
    """Before it sends anything: so nothing has happened, and it may connect again, for commands too."""
    hasty = Limits(ping=0.1, idle=0.3)
    server = Server(Dispatcher({"bench": Bench()}), HELLO, limits=hasty)
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(prefix="freestone-") as directory:
        await server.listen(UnixAddress(f"{directory}/bench.sock"))
        try:
            with socket.socket(socket.AF_UNIX) as connection:

                def connect() -> Any:
                    connection.connect(f"{directory}/bench.sock")
                    return plain.PlainClient(connection, "academy")

                client = await loop.run_in_executor(None, connect)
                call = partial(client.call, "bench.add", {"a": 1, "b": 2})
                assert await loop.run_in_executor(None, call) == 3
                await asyncio.sleep(0.15)  # it was asked, and answers before it calls
                assert await loop.run_in_executor(None, call) == 3
                (session,) = server._sessions
                await asyncio.wait_for(session.link.disconnected, 5)
                with pytest.raises(plain.Lost) as lost:
                    await loop.run_in_executor(None, call)
                assert lost.value.args == ("nothing came for 0.3 s", False)
        finally:
            await server.close()


def test_the_client_is_short_and_knows_nothing_of_freestone() -> None:
    """The document is enough, and the protocol small."""
    source = Path(plain.__file__).read_text()
    assert len(source.splitlines()) < 200
    imported = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert not any(name.startswith("freestone") for name in imported)

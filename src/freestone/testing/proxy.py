"""A proxy for the wire that makes the network bad: on TCP and on Unix sockets, and while calls go on.

It stands before one address and passes bytes on, each way as its ``Flow`` says: late, in pieces, not at all. It cuts
connections, resets them, and refuses new ones. Nothing is decoded: a cut may well come in the middle of a frame, as it
does on a network.

>>> async def example(address, call):
...     async with proxied(address) as bad:                  # callers dial bad.address
...         bad.both(Flow(delay=0.05, spread=0.02))        # 50 to 70 ms later, each way
...         await call()
...         bad.back = Flow(piece=1)                       # answers arrive byte by byte
...         await call()
...         bad.reset()                                    # RST, to both ends of every connection
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, final

from freestone.call import Address, TcpAddress, UnixAddress
from freestone.clock import Random

from .clock import fake_random

_CHUNK: Final = 64 * 1024
_UNDER_WAY: Final = 64
"""Chunks that may wait in the proxy, each way of a connection; then it reads no more, as full buffers do."""
_RESET: Final = struct.pack("ii", 1, 0)
"""To linger for zero seconds: closing sends RST."""


@final
@dataclass(frozen=True, slots=True)
class Flow:
    """How bytes are passed on in one direction. Times in seconds."""

    delay: float = 0.0
    """How much later each chunk is passed on than it came; the order is kept."""
    spread: float = 0.0
    """Up to how much later still, by chance."""
    piece: int = 0
    """Bytes that are passed on at a time; 0 is as they came. With 1 a reader sees every split of a frame."""
    pause: float = 0.0
    """The time between pieces: ``Flow(piece=100, pause=0.1)`` is a line of 1,000 bytes a second."""
    stalled: bool = False
    """Nothing is passed on. What came waits, and the sender's buffers fill up."""
    swallowed: bool = False
    """What comes is thrown away, as by a network that has lost the way: the sender notices nothing."""
    cut_after: int | None = None
    """Cut the connection when so many bytes were passed on since this flow was set, in the middle of a frame or not."""


CLEAR: Final = Flow()
"""Bytes are passed on as they come."""


Held: TypeAlias = "asyncio.Queue[tuple[float, bytes]]"
"""What waits to be passed on, each chunk with the time of the loop at which it is due; no bytes are the end."""


@final
class _Way:
    """One direction, of all connections."""

    def __init__(self) -> None:
        self.flow = CLEAR
        self.came = 0
        self.passed = 0
        self.swallowed = 0
        self.changed = asyncio.Event()

    def set(self, flow: Flow) -> None:
        self.flow = flow
        self.changed.set()
        self.changed = asyncio.Event()

    async def wait_until(self, due: float) -> None:
        """Wait until that time of the loop, or until nothing is late any more."""
        loop = asyncio.get_running_loop()
        while (left := due - loop.time()) > 0 and (self.flow.delay or self.flow.spread):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.changed.wait()

    async def wait_while_stalled(self) -> None:
        """Wait until bytes may go on."""
        while self.flow.stalled:
            await self.changed.wait()


@final
class Proxy:
    """Stands before an address. Made by ``proxied``; belongs to one event loop."""

    def __init__(self, upstream: Address, listen: Address, random: Random) -> None:
        self.upstream = upstream
        self.address = listen
        """Where callers dial."""
        self.accepted = 0
        """Connections that were accepted."""
        self.cuts = 0
        """Connections that were cut or reset."""
        self.random = random
        self._there, self._back = _Way(), _Way()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def there(self) -> Flow:
        """How bytes are passed on from callers. It may be set at any time, and holds for what is under way too."""
        return self._there.flow

    @there.setter
    def there(self, flow: Flow) -> None:
        self._there.set(flow)

    @property
    def back(self) -> Flow:
        """How bytes are passed on to callers. It may be set at any time, and holds for what is under way too."""
        return self._back.flow

    @back.setter
    def back(self, flow: Flow) -> None:
        self._back.set(flow)

    def both(self, flow: Flow) -> None:
        """Pass bytes on that way in both directions."""
        self.there = self.back = flow

    @property
    def passed(self) -> tuple[int, int]:
        """The bytes that were passed on so far: from callers, and to them."""
        return self._there.passed, self._back.passed

    @property
    def held(self) -> int:
        """The bytes that came and wait here, because they are late or stalled."""
        return sum(way.came - way.passed - way.swallowed for way in (self._there, self._back))

    @property
    def swallowed(self) -> int:
        """The bytes that were thrown away."""
        return self._there.swallowed + self._back.swallowed

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def cut(self) -> None:
        """Close every connection, whatever is under way. New ones are accepted."""
        for connection in tuple(self._connections):
            connection.end()

    def reset(self) -> None:
        """Close every connection so that both ends hear of an error: RST on TCP, an end on Unix sockets. New ones are
        accepted.
        """
        for connection in tuple(self._connections):
            connection.end(reset=True)

    async def refuse(self) -> None:
        """Accept no new connection: whoever dials is refused, as where nobody listens. Those that are there stay."""
        if self._server is not None:
            self._server.close()
            if isinstance(self.address, UnixAddress):
                Path(self.address.path).unlink(missing_ok=True)
            self._server = None

    async def accept(self) -> None:
        """Accept connections, at the same address as before. Raises OSError if it can't be had."""
        if self._server is not None:
            return
        match self.address:
            case UnixAddress(path):
                self._server = await asyncio.start_unix_server(self._accepted, path, limit=_CHUNK)
            case TcpAddress(host, port):
                self._server = await asyncio.start_server(self._accepted, host, port, limit=_CHUNK)
                self.address = TcpAddress(host, self._server.sockets[0].getsockname()[1])
            case _:
                raise _no_socket(self.address)

    async def close(self) -> None:
        """End everything."""
        await self.refuse()
        connections = tuple(self._connections)
        for connection in connections:
            connection.end(counted=False)
        await asyncio.gather(*(connection.task for connection in connections), return_exceptions=True)
        await asyncio.sleep(0)  # the transports hear of their end

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = _Connection(self, writer)
        self._connections.add(connection)
        try:
            await connection.carry(reader, self._there, self._back)
        finally:
            connection.end(counted=False)
            self._connections.discard(connection)


@final
class _Connection:
    """One connection from a caller, with the one to the address behind the proxy."""

    def __init__(self, owner: Proxy, caller: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self._owner = owner
        self._writers = [caller]
        self._over = False

    def end(self, *, reset: bool = False, counted: bool = True) -> None:
        """Close both connections at once."""
        if self._over:
            return
        self._over = True
        self._owner.cuts += counted
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            if reset and sock is not None and sock.family != socket.AF_UNIX and not writer.is_closing():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        self.task.cancel()

    async def carry(self, reader: asyncio.StreamReader, there: _Way, back: _Way) -> None:
        """Pass bytes on until both sides have ended, or the connection is cut."""
        caller = self._writers[0]
        with contextlib.suppress(OSError, asyncio.CancelledError):
            answers, callee = await _dial(self._owner.upstream)
            self._writers.append(callee)
            for writer in self._writers:
                writer.transport.set_write_buffer_limits(high=0)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(there, reader, callee))
                group.create_task(self._pass_on(back, answers, caller))

    async def _pass_on(self, way: _Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes in one direction."""
        under_way: Held = asyncio.Queue(_UNDER_WAY)
        reading = asyncio.ensure_future(self._read(way, reader, under_way))
        try:
            await self._write(way, under_way, writer)
        except OSError:
            self.end(counted=False)
        finally:
            reading.cancel()

    async def _read(self, way: _Way, reader: asyncio.StreamReader, under_way: Held) -> None:
        loop = asyncio.get_running_loop()
        data = b"."
        while data:
            try:
                data = await reader.read(_CHUNK)
            except OSError:
                data = b""
            way.came += len(data)
            late = way.flow.delay + way.flow.spread * self._owner.random.random()
            if data and way.flow.swallowed:
                way.swallowed += len(data)
            else:
                await under_way.put((loop.time() + late, data))

    async def _write(self, way: _Way, under_way: Held, writer: asyncio.StreamWriter) -> None:
        flow, left = way.flow, way.flow.cut_after
        while True:
            due, data = await under_way.get()
            await way.wait_until(due)
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            while data:
                await way.wait_while_stalled()
                if way.flow is not flow:
                    flow, left = way.flow, way.flow.cut_after
                piece = data[: flow.piece or len(data)]
                if left is not None:
                    piece = piece[:left]
                    left -= len(piece)
                writer.write(piece)
                await writer.drain()  # all of it: the transport keeps nothing back
                way.passed += len(piece)
                data = data[len(piece) :]
                if left == 0:
                    self.end()
                    return
                if flow.piece:
                    await asyncio.sleep(flow.pause)


async def _dial(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    match address:
        case UnixAddress(path):
            return await asyncio.open_unix_connection(path, limit=_CHUNK)
        case TcpAddress(host, port):
            return await asyncio.open_connection(host, port, limit=_CHUNK)
        case _:
            raise _no_socket(address)


def _no_socket(address: Address) -> OSError:
    return OSError(f"{address} is no socket; a proxy stands before TCP or Unix sockets")


@contextlib.asynccontextmanager
async def proxied(
    upstream: Address, *, listen: Address | None = None, random: Random | None = None
) -> AsyncGenerator[Proxy]:
    """Stand before an address for a block. Nobody needs to listen there yet.

    ``listen`` is where callers dial; by default a free port of this machine for a TCP address, and a socket in a
    directory of its own for a Unix one. ``random`` spreads delays. Raises OSError for an address that can't be had.
    """
    with contextlib.ExitStack() as stack:
        if listen is None and isinstance(upstream, UnixAddress):
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="freestone-"))
            listen = UnixAddress(f"{directory}/proxy.sock")
        made = Proxy(upstream, listen or TcpAddress("127.0.0.1", 0), random or fake_random())
        if not isinstance(upstream, UnixAddress | TcpAddress):
            raise _no_socket(upstream)
        await made.accept()
        try:
            yield made
        finally:
            await made.close()

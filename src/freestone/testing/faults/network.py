"""A network whose connections pass on few bytes at a time, and are cut on demand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast, final

from freestone.call import WRAPS, Address, Listener, Network, ProtocolFactory
from freestone.clock import Random

from .plan import Edge, Fault, FaultPlan, Slow, active

_HIGH_WATER = 64 * 1024


class Owner(Protocol):
    """What a network asks of the injector that it belongs to."""

    plan: FaultPlan
    process: str

    @property
    def now(self) -> float: ...

    def chance(self, edge: Edge) -> Random: ...

    def take(self, fault: Fault, edge: Edge) -> None: ...


@final
class FaultyNetwork:
    """Dials on another network, and stands between each connection and its protocol."""

    def __init__(self, owner: Owner, inner: Network, process_at: Callable[[Address], str]) -> None:
        self._owner = owner
        self._inner = inner
        self._process_at = process_at
        self._connections: dict[str, set[_Between]] = {}

    async def dial(self, address: Address, factory: ProtocolFactory) -> None:
        process = self._process_at(address)
        owner = self._owner
        edge = Edge("", owner.process, process)
        faults = owner.plan.decide_connection(edge, owner.chance(edge))
        for fault in faults:
            owner.take(fault, edge)
        connections = self._connections.setdefault(process, set())

        def pace() -> Slow | None:
            return active(faults, owner.now)

        await self._inner.dial(address, lambda: _Between(factory(), connections, pace if faults else None))

    async def listen(self, where: Address | socket.socket, factory: ProtocolFactory) -> Listener:
        return await self._inner.listen(where, factory)

    def cut(self, process: str) -> int:
        """Cut the connections to a process; return how many there were."""
        connections = tuple(self._connections.get(process, ()))
        for connection in connections:
            connection.cut()
        return len(connections)


@final
class _Trickle:
    """Hands on bytes as fast as ``pace`` says: all that there is, or a piece at a time."""

    def __init__(
        self, pace: Callable[[], Slow | None], out: Callable[[bytes], None], empty: Callable[[], None]
    ) -> None:
        self._pace = pace
        self._out = out
        self._empty = empty
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._held = bytearray()
        self._paused = False

    def __len__(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> None:
        self._held += data
        if self._timer is None and not self._paused:
            self._turn()

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        if self._held and self._timer is None:
            self._timer = self._loop.call_soon(self._turn)

    def clear(self) -> None:
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        self._timer = None
        if self._paused:
            return
        slow = self._pace()
        size = len(self._held) if slow is None else slow.piece
        piece = bytes(self._held[:size])
        del self._held[:size]
        if self._held:
            assert slow is not None
            later = self._loop.call_later
            self._timer = later(slow.pause, self._turn) if slow.pause else self._loop.call_soon(self._turn)
        self._out(piece)
        if not self._held:
            self._empty()


@final
class _Between(asyncio.Protocol):
    """Between a transport and its protocol. Without a pace it only knows the transport, to cut it."""

    def __init__(
        self, protocol: asyncio.Protocol, connections: set[_Between], pace: Callable[[], Slow | None] | None
    ) -> None:
        self._protocol = protocol
        self._connections = connections
        self._pace = pace
        self._incoming: _Trickle | None = None
        self._eof = False
        self._full = False
        self._transport: asyncio.Transport | None = None

    def cut(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        if self._pace is None:
            self._protocol.connection_made(transport)
            return
        self._incoming = _Trickle(self._pace, self._protocol.data_received, self._all_read)
        self._protocol.connection_made(_SlowTransport(self._transport, self._protocol, self._pace, self._incoming))

    def data_received(self, data: bytes) -> None:
        if self._incoming is None:
            self._protocol.data_received(data)
            return
        self._incoming.feed(data)
        if len(self._incoming) > _HIGH_WATER and not self._full and self._transport is not None:
            self._full = True
            self._transport.pause_reading()

    def eof_received(self) -> bool | None:
        if self._incoming is not None and len(self._incoming):
            self._eof = True
            return True  # what is held comes first; then `_all_read` closes
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._incoming is not None:
            self._incoming.clear()
        self._protocol.connection_lost(exc)

    def _all_read(self) -> None:
        if self._full and self._transport is not None:
            self._full = False
            self._transport.resume_reading()
        if self._eof and self._transport is not None:
            self._protocol.eof_received()
            self._transport.close()


@final
class _SlowTransport(asyncio.Transport):
    """Writes a piece at a time."""

    def __init__(
        self,
        inner: asyncio.Transport,
        protocol: asyncio.Protocol,
        pace: Callable[[], Slow | None],
        incoming: _Trickle,
    ) -> None:
        super().__init__()
        self._inner = inner
        self._protocol = protocol
        self._incoming = incoming
        self._outgoing = _Trickle(pace, self._write, self._all_written)
        self._high = _HIGH_WATER
        self._full = False
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._closing:
            return
        self._outgoing.feed(bytes(data))
        if len(self._outgoing) > self._high and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def close(self) -> None:
        self._closing = True
        if not len(self._outgoing):
            self._inner.close()

    def abort(self) -> None:
        self._closing = True
        self._outgoing.clear()
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._closing or self._inner.is_closing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = _HIGH_WATER if high is None else high
        self._inner.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return len(self._outgoing) + self._inner.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._incoming.pause()
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()
        self._incoming.resume()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return True if name == WRAPS else self._inner.get_extra_info(name, default)

    def _write(self, data: bytes) -> None:
        self._inner.write(data)

    def _all_written(self) -> None:
        if self._closing:
            self._inner.close()
        elif self._full:
            self._full = False
            self._protocol.resume_writing()

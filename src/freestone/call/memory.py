"""A network in memory: the real links, pools and servers, over pipes instead of sockets.

Tests and simulations run the whole wire with it in one process. A pipe behaves as a socket does: bytes arrive in
order and in a later turn of the loop, a reader that pauses makes the writer pause, and an end that closes is noticed at
the other.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Any, Final, final

from .address import Address, MemoryAddress
from .network import Listener, ProtocolFactory

_HIGH_WATER: Final = 64 * 1024


@final
class MemoryNetwork:
    """Names that are listened on and dialled, within one event loop."""

    def __init__(self) -> None:
        self._listeners: dict[Address, _Listener] = {}

    async def dial(self, address: Address, factory: ProtocolFactory) -> None:
        """Open a pipe to the listener of that name. Raises ConnectionRefusedError if there is none."""
        listener = self._listeners.get(address)
        if listener is None:
            raise ConnectionRefusedError(f"nothing listens on {address}")
        here, there = MemoryTransport(factory()), MemoryTransport(listener.factory())
        here.other, there.other = there, here
        there.start()
        here.start()
        await asyncio.sleep(0)

    async def listen(self, where: Address | socket.socket, factory: ProtocolFactory) -> Listener:
        """Accept the pipes that are opened to that name. Raises OSError if it is taken, or is no memory address."""
        if not isinstance(where, MemoryAddress):
            raise OSError(f"{where} is not in memory; listen on memory://name")
        if where in self._listeners:
            raise OSError(f"{where} is taken")
        listener = self._listeners[where] = _Listener(self, where, factory)
        return listener

    def forget(self, listener: _Listener) -> None:
        """Free the name of a listener that was closed."""
        if self._listeners.get(listener.address) is listener:
            del self._listeners[listener.address]


@final
class _Listener:
    def __init__(self, network: MemoryNetwork, address: Address, factory: ProtocolFactory) -> None:
        self.address = address
        self.factory = factory
        self._network = network

    def close(self) -> None:
        self._network.forget(self)


@final
class MemoryTransport(asyncio.Transport):
    """One end of a pipe."""

    other: MemoryTransport

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._incoming: deque[bytes] = deque()
        self._waiting = 0  # bytes that were written here and have not been read there
        self._high, self._low = _HIGH_WATER, _HIGH_WATER // 4
        self._writing_paused = False
        self._reading_paused = False
        self._scheduled = False
        self._closing = False
        self._lost = False

    def start(self) -> None:
        """Tell the protocol that it is connected."""
        self._protocol.connection_made(self)

    # --- asyncio.Transport

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._closing or not data:
            return
        self._waiting += len(data)
        self.other._arrive(bytes(data))
        if self._waiting > self._high and not self._writing_paused:
            self._writing_paused = True
            self._protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = _HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return self._waiting

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        self._reading_paused = False
        self._schedule()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.other._schedule()
            self._schedule()

    def abort(self) -> None:
        self._incoming.clear()
        self._closing = True
        self._lose(None)
        self.other._incoming.clear()
        self.other._closing = True
        self.other._schedule()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    # --- inside

    def _arrive(self, data: bytes) -> None:
        self._incoming.append(data)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and not self._lost:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        while self._incoming and not self._reading_paused and not self._closing:
            data = self._incoming.popleft()
            self.other._was_read(len(data))
            self._protocol.data_received(data)
        if self._closing:
            # What was written before is still read at the other end; only this end reads no more.
            self._incoming.clear()
            self._lose(None)
        elif self.other._closing and not self._incoming:
            self._protocol.eof_received()
            self._closing = True
            self._lose(None)

    def _was_read(self, size: int) -> None:
        self._waiting -= size
        if self._writing_paused and self._waiting <= self._low:
            self._writing_paused = False
            if not self._lost:
                self._loop.call_soon(self._resume)

    def _resume(self) -> None:
        if not self._lost and not self._writing_paused:
            self._protocol.resume_writing()

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._protocol.connection_lost, error)

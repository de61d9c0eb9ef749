"""The connections of this process to the others: one for each replica, kept open.

A keeper minds each address: it connects, waits until the connection takes no more calls, and connects again, after a
backoff if that was quick. A replica that says goodbye is replaced while it still answers what it has begun.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import final

from freestone.clock import Random
from freestone.errors import ResourceExhausted, Unavailable
from freestone.wire import Hello, Limits

from .address import Address
from .connection import EXPIRED, PeerConnection, Waiting
from .destination import Destination
from .network import Network, SocketNetwork
from .policy import Backoff, CallPolicy
from .pulse import Pulse
from .resolver import Resolver
from .silence import period
from .wheel import TimerWheel


@final
class Pool:
    """Reaches other processes of the application. There is one in a process; it belongs to one event loop.

    ``hello`` says who is calling; ``random`` picks replicas and spreads reconnections. Where certificates are shown, a
    callee's has to name the process that is called, or with ``any_process`` any one of the application.
    """

    def __init__(
        self,
        hello: Hello,
        resolver: Resolver,
        *,
        random: Random,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        network: Network | None = None,
        any_process: bool = False,
    ) -> None:
        self.hello = hello
        self.resolver = resolver
        self.random = random
        self.limits = limits or Limits()
        self.backoff = backoff or Backoff()
        self.network = network or SocketNetwork()
        self.any_process = any_process
        self._peers: dict[str, Peer] = {}
        self._wheel: TimerWheel[Waiting] | None = None
        self._pulse: Pulse | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        resolver.watch(self.refresh)

    @property
    def closed(self) -> bool:
        """Whether no more calls are made."""
        return self._closed

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the first call. It is kept, because asking for the running one is a system call."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def wheel(self) -> TimerWheel[Waiting]:
        """The deadlines of the calls that are under way."""
        if self._wheel is None:
            self._wheel = TimerWheel(self.loop, _expire)
        return self._wheel

    @property
    def pulse(self) -> Pulse:
        """What has the connections look after their peers."""
        if self._pulse is None:
            self._pulse = Pulse(self.loop, period(self.limits))
        return self._pulse

    def peer(self, process: str) -> Peer:
        """Return the replicas of a process. Nothing is connected before the first call."""
        peer = self._peers.get(process)
        if peer is None:
            peer = self._peers[process] = Peer(self, process)
        return peer

    def refresh(self) -> None:
        """Ask the resolver again where the processes are that calls were made to."""
        for peer in self._peers.values():
            peer.refresh()

    async def close(self, seconds: float = 0.0) -> None:
        """Make no more calls; let those in flight end for that many seconds, and close every connection."""
        self._closed = True
        await asyncio.gather(*(peer.close(seconds) for peer in self._peers.values()))
        if self._wheel is not None:
            self._wheel.close()


def _expire(waiting: Waiting) -> None:
    if not waiting.done():
        waiting.set_result(EXPIRED)


@final
class Peer:
    """The replicas of one process."""

    def __init__(self, pool: Pool, process: str) -> None:
        self._pool = pool
        self._process = process
        self._ready: dict[PeerConnection, str] = {}  # each with the name of its address
        self._destinations: dict[str, Destination] = {}
        self._connections: set[PeerConnection] = set()
        self._keepers: dict[Address, asyncio.Task[None]] = {}
        self._problems: dict[Address, str] = {}
        self._waiters: set[asyncio.Future[None]] = set()

    def destination(self, service: str, policy: CallPolicy) -> Destination:
        """Return what is known of one of its services; ``policy`` is the service's."""
        found = self._destinations.get(service)
        if found is None:
            now = self._pool.loop.time()
            found = self._destinations[service] = Destination(service, policy, self._pool.random, now)
            for connection, name in self._ready.items():
                found.balancer.arrived(name, connection, now)
        return found

    def pick(self) -> PeerConnection | None:
        """Return a connection that takes a call, or None if none is open.

        Raises ResourceExhausted if each has as many calls in flight as its replica serves.
        """
        for connection in self._ready:
            if connection.accepts:
                return connection
        if self._ready:
            raise ResourceExhausted(f"{self._process} serves no more calls at a time than are in flight")
        return None

    async def wait(self, until: float) -> None:
        """Wait until a connection takes a call. Raises Unavailable at that time of the loop, saying why."""
        loop = self._pool.loop
        while True:
            if self._pool.closed:
                raise Unavailable(f"{self._process} was not called: this process is stopping")
            self.refresh()
            if not self._ready:
                for connection in self._connections:
                    connection.wanted()
            if self.pick() is not None:
                return
            trouble = "" if self._keepers else self._pool.resolver.trouble(self._process)
            if not self._keepers and (not trouble or loop.time() >= until):
                raise Unavailable(f"nobody knows where {self._process} runs" + (trouble and f": {trouble}"))
            if loop.time() >= until:
                raise Unavailable(f"no replica of {self._process} could be reached: {self._why()}")
            await self._change(loop, until)

    async def _change(self, loop: asyncio.AbstractEventLoop, until: float) -> None:
        """Wait until a connection is ready, or until that time."""
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_at(until, _wake, waiter)
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
            timer.cancel()

    def _why(self) -> str:
        tried = (f"{address}: {self._problems.get(address, 'no answer yet')}" for address in self._keepers)
        return "; ".join(tried)

    def refresh(self) -> None:
        """Keep a connection to each address that the resolver knows now, and leave the others."""
        if self._pool.closed:
            return
        addresses = self._pool.resolver.resolve(self._process)
        for address in addresses:
            keeper = self._keepers.get(address)
            if keeper is None or keeper.done():
                self._keepers[address] = self._pool.loop.create_task(
                    self._keep(address), name=f"connection to {self._process} at {address}"
                )
        for address in self._keepers.keys() - set(addresses):
            self._keepers.pop(address).cancel()
            self._problems.pop(address, None)
            self._leave(str(address))
        names = [str(address) for address in addresses]
        for destination in self._destinations.values():
            destination.balancer.keep(names)

    def _leave(self, name: str) -> None:
        """Send no more calls to an address, from now on and not only when its keeper has heard of it."""
        for connection in [it for it, at in self._ready.items() if at == name]:
            connection.leave("it is not needed any more")

    async def _keep(self, address: Address) -> None:
        loop, pool, failures = self._pool.loop, self._pool, 0
        while True:
            dialled = None if pool.any_process else self._process
            connection = PeerConnection(
                pool.hello, pool.limits, pool.pulse, partial(self._changed, str(address)), dialled
            )
            self._connections.add(connection)
            connection.closed.add_done_callback(partial(self._forget, connection))
            began = loop.time()
            try:
                self._problems[address] = await self._connect(connection, address) or await connection.gone
            finally:
                connection.leave("it is not needed any more")
            # A peer that takes connections and drops them at once is as bad as one that refuses them.
            failures = 0 if loop.time() - began > pool.backoff.most else failures + 1
            await asyncio.sleep(pool.backoff.delay(failures, pool.random))

    async def _connect(self, connection: PeerConnection, address: Address) -> str:
        """Connect, and greet. Return an empty string, or what went wrong."""
        try:
            async with asyncio.timeout(self._pool.limits.handshake):
                await self._pool.network.dial(address, lambda: connection.link)
        except TimeoutError:
            return f"no connection within {self._pool.limits.handshake:g} s"
        except OSError as error:
            return os.strerror(error.errno) if error.errno else str(error)
        return await connection.opened

    def _forget(self, connection: PeerConnection, closed: asyncio.Future[str]) -> None:
        self._connections.discard(connection)

    def _changed(self, name: str, connection: PeerConnection) -> None:
        if connection.ready:
            self._ready[connection] = name
            now = self._pool.loop.time()
            for destination in self._destinations.values():
                destination.balancer.arrived(name, connection, now)
            for waiter in self._waiters:
                _wake(waiter)
        elif self._ready.pop(connection, None) is not None:
            for destination in self._destinations.values():
                destination.balancer.left(name, connection)

    async def close(self, seconds: float) -> None:
        """Leave every connection, at most that many seconds after now."""
        keepers = list(self._keepers.values())
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for waiter in self._waiters:
            _wake(waiter)
        connections = list(self._connections)
        for connection in connections:
            connection.leave("the caller is stopping")
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=seconds)
        for connection in connections:
            connection.link.close("this process is stopping")
        for connection in connections:
            await connection.link.disconnected


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)

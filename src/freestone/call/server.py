"""Accepts connections from other processes, and serves their calls."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Final, final

from msgspec.structs import replace

from freestone.wire import Hello, Limits

from .address import Address
from .admission import Admission
from .dispatch import Dispatcher
from .network import Listener, Network, SocketNetwork
from .policy import Serving
from .pulse import Pulse
from .served_call import ServedCall
from .session import Session
from .silence import period
from .starter import Starter, starter
from .waiting_call import WaitingCall
from .wheel import TimerWheel

_log = logging.getLogger("freestone.call")
_CLEAN_UP: Final = 5.0
"""Seconds that the handlers of cancelled calls have to clean up, before the process goes on without them."""


@final
class Server:
    """Serves the services of a dispatcher over the wire.

    ``hello`` says who is serving; its services are filled in. ``connections`` is how many callers are served at a
    time; more are turned away. ``serving`` bounds the calls of all of them together.

    >>> async def main(dispatcher):
    ...     hello = Hello(application="academy", process="catalog", instance="1")
    ...     server = Server(dispatcher, hello)
    ...     await server.listen(parse_address("unix:///run/academy/catalog.sock"))
    ...     ...
    ...     await server.drain(10)
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        hello: Hello,
        *,
        limits: Limits | None = None,
        connections: int = 1000,
        network: Network | None = None,
        serving: Serving | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._hello = hello
        self._limits = limits or Limits()
        self._connections = connections
        self._network = network or SocketNetwork()
        self._listeners: list[Listener] = []
        self._sessions: set[Session] = set()
        self._serving = serving or Serving()
        self._wheel: TimerWheel[ServedCall | WaitingCall] | None = None
        self._pulse: Pulse | None = None
        self._starter: Starter | None = None
        self._admission: Admission | None = None
        self._draining = False

    @property
    def sessions(self) -> int:
        """How many callers are connected."""
        return len(self._sessions)

    @property
    def in_flight(self) -> int:
        """How many calls are being served."""
        return sum(len(session.tasks) for session in self._sessions)

    @property
    def waiting(self) -> int:
        """How many calls wait to be let in."""
        return 0 if self._admission is None else self._admission.waiting

    async def listen(self, where: Address | socket.socket) -> Address:
        """Accept connections there, beside where it does already; return the address. Raises OSError."""
        listener = await self._network.listen(where, self._accept)
        self._listeners.append(listener)
        return listener.address

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, let the calls in flight end for that many seconds, and then end everything.

        Callers hear at once that newer calls must go elsewhere.
        """
        self._stop_listening()
        for session in list(self._sessions):
            session.drain("the process is stopping")
        await self._wait(seconds)
        await self.close()

    async def close(self) -> None:
        """End everything now. Calls in flight are cancelled, and their handlers' clean-up is awaited."""
        self._stop_listening()
        sessions = list(self._sessions)
        tasks = [task for session in sessions for task in session.tasks]
        for session in sessions:
            session.stop("the process is stopping, and does not wait for its calls any more")
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=_CLEAN_UP)
            if stuck:
                _log.error("%d handlers did not end within %g s of being cancelled", len(stuck), _CLEAN_UP)
        for session in sessions:
            await session.link.disconnected
        if self._wheel is not None:
            self._wheel.close()
        if self._starter is not None:
            self._starter.close()
        if self._admission is not None:
            self._admission.close()

    def _stop_listening(self) -> None:
        self._draining = True
        while self._listeners:
            self._listeners.pop().close()

    async def _wait(self, seconds: float) -> None:
        links = [session.link.disconnected for session in self._sessions]
        if links:
            await asyncio.wait(links, timeout=seconds)

    def _accept(self) -> asyncio.Protocol:
        if self._wheel is None or self._pulse is None or self._starter is None or self._admission is None:
            loop = asyncio.get_running_loop()
            self._pulse = Pulse(loop, period(self._limits))
            self._wheel = TimerWheel(loop, _expire)
            self._starter = starter(loop)
            self._admission = Admission(self._serving, loop)
        hello = replace(
            self._hello, services=dict(self._dispatcher.fingerprints), keeps=tuple(sorted(self._dispatcher.keeping))
        )
        session = Session(
            self._dispatcher,
            hello,
            self._limits,
            self._pulse,
            self._wheel,
            self._starter,
            self._admission,
            self._sessions.discard,
        )
        if self._draining or len(self._sessions) >= self._connections:
            _log.warning("a connection was turned away: %d are open", len(self._sessions))
            session.link.close("no more connections are accepted")
        else:
            self._sessions.add(session)
        return session.link


def _expire(call: ServedCall | WaitingCall) -> None:
    call.expire()

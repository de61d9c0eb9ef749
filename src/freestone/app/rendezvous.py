"""Where a process says that it is there, and finds those that are discovered, beside those whose place is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import final

from freestone.call import Address, Resolver, TcpAddress
from freestone.cluster import Announcement, NatsConnection, NatsResolver
from freestone.wire import Hello

from .discovery import Discovery

_EVERYWHERE = ("0.0.0.0", "::", "")


@final
class Rendezvous:
    """A ``Resolver`` that asks NATS for some processes, and another resolver for the others."""

    def __init__(
        self,
        connection: NatsConnection,
        discovery: Discovery,
        hello: Hello,
        discovered: Collection[str],
        others: Resolver,
    ) -> None:
        """``connection`` is the process's own, which somebody else starts and closes, around this."""
        self._discovery = discovery
        self._hello = hello
        self._discovered = frozenset(discovered)
        self._others = others
        self._connection = connection
        self._nats = NatsResolver(self._connection, hello.application)

    def resolve(self, process: str) -> tuple[Address, ...]:
        return self._of(process).resolve(process)

    def trouble(self, process: str) -> str:
        trouble = self._of(process).trouble(process)
        if trouble or process not in self._discovered:
            return trouble
        return f"{process} has not said yet where it is"  # the application has it, so it may come

    def watch(self, changed: Callable[[], None]) -> None:
        self._nats.watch(changed)
        self._others.watch(changed)

    async def start(self) -> None:
        await self._others.start()
        await self._nats.start()

    async def announce(self, listening: Sequence[Address]) -> None:
        """Say from now on that this process listens at those addresses. Those of this machine alone are not said."""
        if any(isinstance(address, TcpAddress) for address in listening):
            await self._nats.announce(lambda: self._announcement(listening))

    async def leave(self) -> None:
        """Say that this process goes, so that nobody begins a call that it would refuse."""
        await self._nats.leave()

    async def close(self) -> None:
        await self._nats.close()
        await self._others.close()

    def _of(self, process: str) -> Resolver:
        return self._nats if process in self._discovered else self._others

    def _announcement(self, listening: Sequence[Address]) -> Announcement:
        hello = self._hello
        addresses = tuple(str(self._seen_from_afar(it)) for it in listening if isinstance(it, TcpAddress))
        from importlib.metadata import version  # which imports much, and few processes are discovered

        return Announcement(hello.process, hello.instance, addresses, dict(hello.services), version("freestone"))

    def _seen_from_afar(self, address: TcpAddress) -> TcpAddress:
        if address.host not in _EVERYWHERE:
            return address
        return TcpAddress(self._discovery.advertise or self._connection.local_host or address.host, address.port)

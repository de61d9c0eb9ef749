"""Where the replicas of a process are, which may change at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, final

from .address import Address


class Resolver(Protocol):
    """Knows the addresses of processes. It is asked again whenever a connection is to be made.

    It belongs to one event loop: all of it is called there, and calls back there. Before ``start`` and after ``close``
    it may be asked, and answers what it knows.
    """

    def resolve(self, process: str) -> tuple[Address, ...]:
        """Return the address of each replica; empty if there is none, or no such process. It does not wait."""
        ...

    def trouble(self, process: str) -> str:
        """Return a sentence why there may be addresses that are not known now; empty if there will be no more.

        A call to a process that has no address waits for one while there is trouble, and fails at once otherwise.
        """
        ...

    def watch(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` from now on whenever ``resolve`` has another answer than before, for whichever process."""
        ...

    async def start(self) -> None:
        """Begin what goes on in the background, and wait a little while for the first answers. Called once."""
        ...

    async def close(self) -> None:
        """End what goes on in the background. Nobody is called back any more."""
        ...


@final
class StaticResolver:
    """A table that stays as it is.

    >>> from freestone.call import parse_address
    >>> resolver = StaticResolver({"catalog": [parse_address("tcp://10.0.0.7:7000")]})
    >>> [str(address) for address in resolver.resolve("catalog")]
    ['tcp://10.0.0.7:7000']
    """

    def __init__(self, addresses: Mapping[str, Sequence[Address]]) -> None:
        self._addresses = {process: tuple(replicas) for process, replicas in addresses.items()}

    def resolve(self, process: str) -> tuple[Address, ...]:
        return self._addresses.get(process, ())

    def trouble(self, process: str) -> str:
        return ""

    def watch(self, changed: Callable[[], None]) -> None:
        """Nothing changes, so nobody is called."""

    async def start(self) -> None:
        """There is nothing to begin."""

    async def close(self) -> None:
        """There is nothing to end."""


@final
class TableResolver:
    """A table that its holder changes: for a program that learns in a way of its own where replicas are.

    A process that the table has with no address may come back, so calls to it wait; one that it does not have is not
    known.

    >>> from freestone.call import parse_address
    >>> resolver = TableResolver()
    >>> resolver.put("catalog", [parse_address("tcp://10.0.0.7:7000")])
    >>> resolver.put("catalog", [])
    >>> resolver.trouble("catalog")
    'catalog has no address now'
    """

    def __init__(self) -> None:
        self._addresses: dict[str, tuple[Address, ...]] = {}
        self._watchers: list[Callable[[], None]] = []

    def put(self, process: str, addresses: Iterable[Address]) -> None:
        """Replace the addresses of a process, and tell those who watch, unless they are the same."""
        replicas = tuple(addresses)
        if self._addresses.get(process) != replicas:
            self._addresses[process] = replicas
            for changed in self._watchers:
                changed()

    def resolve(self, process: str) -> tuple[Address, ...]:
        return self._addresses.get(process, ())

    def trouble(self, process: str) -> str:
        return f"{process} has no address now" if self._addresses.get(process) == () else ""

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)

    async def start(self) -> None:
        """There is nothing to begin."""

    async def close(self) -> None:
        self._watchers.clear()

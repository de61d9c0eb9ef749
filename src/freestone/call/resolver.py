"""Where the replicas of a process are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, final

from .address import Address


class Resolver(Protocol):
    """Knows the addresses of processes. It is asked again whenever a connection is to be made."""

    def resolve(self, process: str) -> tuple[Address, ...]:
        """Return the address of each replica; empty if there is none, or no such process."""
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

"""A client of one service, for a program that is no Freestone application: a script, a Django view, a notebook."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Final, TypeVar

from freestone.call import (
    Policies,
    Pool,
    Proof,
    SocketNetwork,
    WireTransport,
    client,
    parse_endpoint,
    resolver_of,
)
from freestone.clock import SystemClock, SystemIds, system_random
from freestone.wire import Hello

C = TypeVar("C")

CLIENT: Final = "client"
"""The name that a program has for the processes that it calls, when it is none of the application's."""


@contextlib.asynccontextmanager
async def connect(
    contract: type[C],
    *addresses: str,
    service: str,
    application: str,
    deadline: float = 10.0,
    proof: Proof | None = None,
) -> AsyncGenerator[C]:
    """Give a client of a service that runs elsewhere, for a block.

    ``addresses`` are those of its replicas, as ``tcp://10.0.0.7:7000`` or ``unix:///run/academy/catalog-0.sock``, or
    names that the DNS knows, as ``dns://catalog:7000`` or ``dns+srv://_catalog._tcp.example``; ``service`` and
    ``application`` the names that it has in its ``freestone.toml``; ``deadline`` the seconds for a call that is made
    under no other. ``proof`` is what this program proves itself with, as ``Credentials`` of a process that is named
    ``client``; without it TCP is spoken in the clear. Nothing is connected before the first call. Raises ValueError for
    an address that is none.

    >>> async def example():
    ...     async with connect(Catalog, "tcp://10.0.0.7:7000", service="catalog", application="academy") as catalog:
    ...         return await catalog.path("microservices")
    """
    random = system_random()
    hello = Hello(application=application, process=CLIENT, instance=SystemIds(SystemClock(), random).new())
    resolver = resolver_of({service: [parse_endpoint(address) for address in addresses]})
    pool = Pool(hello, resolver, random=random, network=SocketNetwork(proof), any_process=True)
    try:
        await resolver.start()
        yield client(contract, WireTransport(pool, service, service, Policies(deadline=deadline)))
    finally:
        await resolver.close()
        await pool.close()

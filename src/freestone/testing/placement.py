"""One test body, in every placement of the application's services.

    local       one process; calls go straight to the methods
    codec       one process; each call goes through the codec, which finds what would differ over the wire
    memory      one process; each call goes over the wire, on pipes in memory
    processes   each service in a process of its own, really started, on sockets

The first three make the services in the test's own event loop; the last runs ``freestone run cut-everywhere``.
"""

from __future__ import annotations

import contextlib
import enum
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from freestone.app import CUT_EVERYWHERE, App, DataUrls, Host, LeaseSettings, Near, monolith, settings_of
from freestone.call import CodecTransport, LocalTransport
from freestone.clock import Clock, Random
from freestone.service import Secret

from .faults import Faults, Injector
from .memory import wire_in_memory
from .runner import processes

C = TypeVar("C")


class Placement(enum.Enum):
    """Where a test runs the services."""

    LOCAL = "local"
    CODEC = "codec"
    MEMORY = "memory"
    PROCESSES = "processes"


class Running(Protocol):
    """An application that runs for a test."""

    def client(self, contract: type[C]) -> C:
        """Return a client of the contract. Raises ConfigurationError if no service keeps it."""
        ...


@contextlib.asynccontextmanager
async def running(
    app: App,
    placement: Placement = Placement.LOCAL,
    *,
    directory: Path | None = None,
    data: str | None = None,
    clock: Clock | None = None,
    random: Random | None = None,
    faults: Faults | None = None,
) -> AsyncGenerator[Running]:
    """Run an application's services for a block, placed that way, on databases of their own.

    ``directory`` is where these are; without it, in a folder that is deleted afterwards. ``data`` is the URL of an
    empty database in PostgreSQL in which they are instead, a schema each service. ``clock`` and ``random`` are
    given to the services, and refused where they run in processes of their own. ``faults`` go wrong on the calls of
    each process, and on the test's own. The gateway is not opened.

    Events have a broker of their own too: the embedded one in one process; between processes the NATS server that
    comes with the run, unless the file names another. Only who hears another application needs the broker of both.
    Leases are in the databases of their services in one process, and between processes where the file says.

    >>> async def test_paths():
    ...     async with running(load(Path("freestone.toml")), Placement.MEMORY) as application:
    ...         assert await application.client(Catalog).paths() == ()
    """
    async with contextlib.AsyncExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="freestone-")))
        urls = DataUrls() if data is None else DataUrls(Secret(data))
        app = replace(app, data=directory / "data", urls=urls)
        if placement is Placement.PROCESSES:
            if clock is not None or random is not None:
                raise ValueError("services in processes of their own can't share a test's clock or random")
            yield await stack.enter_async_context(processes(app, CUT_EVERYWHERE, directory, faults=faults))
            return
        injector = None if faults is None else Injector(faults, "app")
        async with _near(placement, injector) as near:
            host = Host(
                monolith(_apart(app, directory)),
                "app",
                settings=settings_of(app, {}),
                near=near,
                clock=clock,
                random=random,
                interposer=injector,
            )
            stack.push_async_callback(host.stop, 5.0)
            await host.start()
            yield host


def _apart(app: App, directory: Path) -> App:
    """Return the application with databases, leases and a broker that nobody else has."""
    app = replace(app, data=directory / "data", leases=LeaseSettings())
    heard = {it.source.application for spec in app.services.values() for it in spec.subscriptions}
    return app if heard - {app.name} else replace(app, events=msgspec.structs.replace(app.events, broker="embedded"))


@contextlib.asynccontextmanager
async def _near(placement: Placement, injector: Injector | None) -> AsyncGenerator[Near]:
    match placement:
        case Placement.LOCAL:
            yield LocalTransport
        case Placement.CODEC:
            yield CodecTransport
        case _:
            async with wire_in_memory(injector) as near:
                yield near

"""Services in this process, without a file: for a script, a test, or beside another program."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, final

from freestone.call import Bulkheads, Dispatcher, LocalTransport, Policies, Transport
from freestone.clock import Clock, Random, SystemClock, SystemIds, system_random
from freestone.contract import contract_of
from freestone.service import Settings, order

from .binder import Binder, Surroundings
from .broker import EventSettings
from .events import Events, embedded, heard_among, invalidations, kept_among, part_of
from .leases import LeaseSettings, databases_besides
from .lifecycle import Lifecycle
from .listening import Common, Listening, heard_in
from .resources import Resources
from .schedules import schedules_of

_STOP_SECONDS = 5.0
"""In which what runs in the background may end."""

C = TypeVar("C")
Near = Callable[[Dispatcher, str, Policies], Transport]
"""Makes the transport to a co-located service: ``LocalTransport``, or one that a test puts in its place."""


@final
class Local:
    """Services that run in this process."""

    def __init__(self, binder: Binder) -> None:
        self._binder = binder

    def client(self, contract: type[C]) -> C:
        """Return a client of the contract. Raises ConfigurationError if no service keeps it."""
        client: C = self._binder.client(contract)
        return client

    def service(self, name: str) -> Any:
        """Return the service's own instance, behind the boundary."""
        return self._binder.instances[name]


@contextlib.asynccontextmanager
async def local(
    *,
    directory: Path | None = None,
    settings: Mapping[str, Settings] | None = None,
    policies: Policies | None = None,
    clock: Clock | None = None,
    random: Random | None = None,
    near: Near = LocalTransport,
    **services: type[Any],
) -> AsyncGenerator[Local]:
    """Run services in this process for a block, each under the name that it is given by.

    ``directory`` is where their databases are; without it, in a folder that is deleted afterwards. Raises
    DeclarationError if they need each other in a circle, StartError if one does not start.

    >>> async def example():
    ...     async with local(prices=PricesService, orders=OrdersService) as application:
    ...         return await application.client(Orders).order("tea", 2)
    """
    async with contextlib.AsyncExitStack() as stack:
        if directory is None:
            import tempfile  # and with it shutil and bz2, which a process that is deployed has no use for

            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="freestone-")))
        clock, random = clock or SystemClock(), random or system_random()
        resources = Resources(directory, clock)
        kept_by = {contract_of(cls): name for name, cls in services.items()}
        kept = kept_among(resources.application, services)
        part = part_of(services, heard_among(services, kept_by), kept)
        besides = databases_besides(services, LeaseSettings(), part.besides)
        surroundings = Surroundings(resources, resources.leases, settings or {}, clock, random, besides)
        limits = policies or Policies()
        bulkheads = Bulkheads(limits)

        def transport(service: str, caller: str) -> Transport:
            return bulkheads.around(near(binder.dispatcher, service, limits), service)

        binder = Binder(kept_by, transport, surroundings)
        lifecycle = Lifecycle({name: services[name] for name in order(services)}, binder)
        await lifecycle.start()
        stack.push_async_callback(lifecycle.stop)
        if part:
            ids = SystemIds(clock, random)
            usual = EventSettings()
            broker = embedded(part, services, resources, usual.keep, clock, ids)
            listening = Listening(
                heard_in(resources.application, services, kept_by),
                services,
                binder.instances,
                resources.database,
                broker,
                Common(resources.application, ids.new(), 1, usual.remember, clock, random),
            )
            events = Events(broker, [listening, *invalidations(kept, broker, 1, clock, random)])
            stack.push_async_callback(events.stop, _STOP_SECONDS)
            await events.start()
        scheduling = schedules_of("", services, binder.instances, resources.database, clock, random)
        if scheduling is not None:
            await scheduling.start()
            stack.push_async_callback(scheduling.stop, _STOP_SECONDS)
        yield Local(binder)

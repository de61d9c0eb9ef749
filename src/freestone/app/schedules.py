"""The schedules of the services of a process, as one of its background workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, final

from freestone.clock import Clock, Random
from freestone.schedule import schedules

from .background import Worker

if TYPE_CHECKING:
    from freestone.data import Database
    from freestone.schedule import Schedules


def schedules_of(
    application: str,
    services: Mapping[str, type[Any]],
    instances: Mapping[str, Any],
    database: Callable[[str, type[Any]], Database],
    clock: Clock,
    random: Random,
) -> Worker | None:
    """Return what runs the schedules of those services; None if they have none.

    ``instances`` are the services by name, once they are made; ``database`` returns a service's.
    """
    if not any(schedules(cls) for cls in services.values()):
        return None
    return _Scheduling(application, services, instances, database, clock, random)


@final
class _Scheduling:
    """Binds schedules to their services when these are made, and runs them from then on."""

    def __init__(
        self,
        application: str,
        services: Mapping[str, type[Any]],
        instances: Mapping[str, Any],
        database: Callable[[str, type[Any]], Database],
        clock: Clock,
        random: Random,
    ) -> None:
        self._application = application
        self._services = services
        self._instances = instances
        self._database = database
        self._clock = clock
        self._random = random
        self._running: Schedules | None = None

    async def start(self) -> None:
        from freestone.schedule import Bound, Schedules  # and with it SQLAlchemy, where there are schedules

        bound = [
            Bound(self._application, name, self._instances[name], schedule, self._database(name, cls))
            for name, cls in self._services.items()
            for schedule in schedules(cls)
        ]
        self._running = Schedules(bound, self._clock, self._random)
        await self._running.start()

    async def stop(self, seconds: float) -> None:
        if self._running is not None:
            await self._running.stop(seconds)

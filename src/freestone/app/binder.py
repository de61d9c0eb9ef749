"""Makes the services of a process, and gives each what it declares.

This is the one module that knows that a dependency may be near or far: it is handed a function from a service's
name, and its caller's, to the transport that reaches it, and a service never sees more than a client of the contract.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, final

from freestone.call import Dispatcher, FallbackTransport, Transport, Watch, client, stand_in
from freestone.clock import Clock, Ids, Random, SystemClock, SystemIds, system_random
from freestone.contract import Contract, Operation, contract_of
from freestone.errors import ConfigurationError, Mistake
from freestone.service import Replies, Settings, dependencies, fallbacks, is_marked

if TYPE_CHECKING:
    from freestone.lease import Leases


class Resource(Protocol):
    """Something that a service owns and that is opened before the service is, as its database."""

    async def start(self) -> None:
        """Open it."""
        ...

    async def close(self) -> None:
        """Close it. Called once, also after a failed start."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Surroundings:
    """What services are given besides each other."""

    resource: Callable[[str, type[Any], str], Resource]
    """Make a resource: of which service, its class, and the kind, as ``"database"``."""
    leases: Callable[[str, type[Any]], Leases]
    """Return the leases that a service takes: of which service, and its class."""
    settings: Mapping[str, Settings] = field(default_factory=dict[str, Settings])
    """The settings of each service that has some, by the service's name."""
    clock: Clock = field(default_factory=SystemClock)
    random: Random = field(default_factory=system_random)
    besides: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """The kinds of resources that services have, by their names, whether they declare them or not."""
    watch: Watch = field(default_factory=lambda: Watch(refuses=True))
    """What becomes of calls that are made while a transaction holds writes."""


@final
class Binder:
    """The services of one process, as they are made."""

    def __init__(
        self,
        kept_by: Mapping[type[Contract], str],
        transport: Callable[[str, str], Transport],
        surroundings: Surroundings,
    ) -> None:
        self.dispatcher = Dispatcher({}, random=surroundings.random)
        self.instances: dict[str, Any] = {}
        """The services by name, in the order in which they were made."""
        self.resources: dict[str, list[Resource]] = {}
        """What each service owns."""
        self._fallbacks: dict[str, dict[Operation, Callable[..., Awaitable[Any]]]] = {}
        self._kept_by = kept_by
        self._transport = transport
        self._surroundings = surroundings

    def make(self, name: str, cls: type[Any]) -> None:
        """Make a service. What it needs must be made before it, where it is to run in this process."""
        arguments = {attribute: self._dependency(name, cls, kind) for attribute, kind in dependencies(cls).items()}
        if is_marked(cls):  # what the framework calls in a service, it keeps account of in the service's database
            self._resource(name, cls, "database")
        for kind in self._surroundings.besides.get(name, ()):
            self._resource(name, cls, kind)
        self.instances[name] = instance = cls(**arguments)
        self._bind_fallbacks(name, cls)
        self.dispatcher.add(name, instance, replies=self._replies(name))

    def _replies(self, name: str) -> Replies | None:
        """Return where a service keeps what its commands came to: in its database, if it has one."""
        found = (getattr(resource, "replies", None) for resource in self.resources.get(name, ()))
        return next((replies for replies in found if replies is not None), None)

    def client(self, contract: type[Any]) -> Any:
        """Return a client of the contract. Raises ConfigurationError if no service keeps it."""
        return client(contract, self._way(contract, ""), self._surroundings.watch)

    def _way(self, contract: type[Any], caller: str) -> Transport:
        """Return the way to the contract, for the service ``caller``, or for the process itself without one."""
        service = self._kept_by.get(contract)
        if service is None:
            raise ConfigurationError(
                [Mistake(contract.__qualname__, "no service keeps it", "name one under [services]")]
            )
        return self._transport(service, caller)

    def _client_of(self, name: str, cls: type[Any], contract: type[Any]) -> Any:
        """Return the client that a service is given, with its fallbacks."""
        way = self._way(contract, name)
        if any(operation.contract is contract for operation in fallbacks(cls)):
            way = FallbackTransport(way, name, self._fallbacks.setdefault(name, {}))
        return client(contract, way, self._surroundings.watch)

    def _bind_fallbacks(self, name: str, cls: type[Any]) -> None:
        """Let the fallbacks of a service be its methods, now that it is made."""
        bound = self._fallbacks.get(name)
        if bound is not None:
            for operation, attribute in fallbacks(cls).items():
                bound[operation] = stand_in(operation, getattr(self.instances[name], attribute))

    def _dependency(self, name: str, cls: type[Any], kind: Any) -> Any:
        around = self._surroundings
        if kind is Clock:
            return around.clock
        if kind is Random:
            return around.random
        if kind is Ids:
            return SystemIds(around.clock, around.random)
        if issubclass(kind, Settings):
            return around.settings.get(name) or kind()
        resource_kind = getattr(kind, "__freestone_resource__", None)
        if resource_kind == "leases":
            return around.leases(name, cls)
        if resource_kind is not None:
            return self._resource(name, cls, resource_kind)
        return self._client_of(name, cls, contract_of(kind))

    def _resource(self, name: str, cls: type[Any], kind: str) -> Resource:
        resource = self._surroundings.resource(name, cls, kind)
        owned = self.resources.setdefault(name, [])
        if resource not in owned:
            owned.append(resource)
        return resource

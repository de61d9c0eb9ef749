"""What a process is told of the services that it does not hold, so that it need not import them.

Whoever runs an application imports all of it, once, and reports every mistake. A process of it needs the code of its
own services alone. What it can't read off that is little: by what name a service is called that keeps a contract, who
carries the events, and what starts before what. That is the outline. So a process is as small as what it holds, and
no other service's code can keep it from starting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, final

import msgspec

from .broker import BrokerKind
from .file import ApplicationFile
from .plan import Plan


@final
class Outline(msgspec.Struct, frozen=True):
    """An application without its code."""

    services: tuple[str, ...]
    """The services that it runs, each after those that it calls."""
    kept_by: Mapping[str, str]
    """The service that keeps each contract, somebody else's included, by ``academy.catalog.contract:Catalog``."""
    broker: BrokerKind | None
    """Who carries its events."""

    @classmethod
    def of(cls, plan: Plan) -> Outline:
        """Return the outline of an application, so placed."""
        kept_by = {reference_of(contract): name for contract, name in plan.app.kept_by.items()}
        return cls(tuple(plan.app.services), kept_by, plan.broker)

    @classmethod
    def decode(cls, data: bytes) -> Outline:
        """Return the outline that ``encode`` has written. Raises msgspec.DecodeError for anything else."""
        return msgspec.json.decode(data, type=cls)

    def encode(self) -> bytes:
        """Return it as JSON."""
        return msgspec.json.encode(self)

    def narrowed(self, file: ApplicationFile, topology: str, process: str) -> ApplicationFile:
        """Return what a file says to one process of a topology: of services and the gateway those alone that it holds.

        A process that the file has not holds nothing.
        """
        processes = file.topologies[topology].processes if topology in file.topologies else ()
        own = next((each for each in processes if each.name == process), None)
        held = () if own is None else own.services
        names = [
            *(name for name in self.services if name in held),
            *(name for name in held if name not in self.services),
        ]
        return replace(
            file,
            services=MappingProxyType({name: file.services[name] for name in names}),
            gateway=file.gateway if own is not None and own.gateway else None,
            events=msgspec.structs.replace(file.events, broker=self.broker),
        )


def reference_of(contract: type[Any]) -> str:
    """Return how a contract is named in a file.

    >>> from freestone.app import Control
    >>> reference_of(Control)
    'freestone.app.control:Control'
    """
    return f"{contract.__module__}:{contract.__qualname__}"

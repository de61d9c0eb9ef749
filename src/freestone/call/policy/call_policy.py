"""Everything that is decided about the calls of one operation, as one record; and all of these of an application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import msgspec

from .breaker import Breaking
from .deadline import Deadlines
from .hedge import Hedge
from .replica import Balance
from .retry import Retry


@final
class CallPolicy(msgspec.Struct, frozen=True):
    """What holds for the calls of an operation, or of all operations of a service."""

    deadline: float | None = None
    """Seconds that a call may take; a caller's nearer deadline stays. None: as long as its caller has."""
    retry: Retry = msgspec.field(default_factory=Retry)
    hedge: Hedge | None = None
    """When a query is asked of a second replica; None: never."""
    breaker: Breaking | None = msgspec.field(default_factory=Breaking)
    """When calls are kept from a replica; None: never. It holds for a whole service."""
    limit: int | None = None
    """Calls in flight that this process may have; None: as many as the replicas take."""
    balance: Balance = msgspec.field(default_factory=Balance)
    """How a replica is chosen. It holds for a whole service."""


@final
class Policies(msgspec.Struct, frozen=True):
    """The policies of an application's calls, each of them complete: what is not set further in is taken over."""

    default: CallPolicy = msgspec.field(default_factory=CallPolicy)
    """For services that are not named. Its deadline is None: ``deadline`` is for calls that have none at all."""
    services: Mapping[str, CallPolicy] = msgspec.field(default_factory=dict[str, CallPolicy])
    """For the operations of a service together, by its name. The limit is on all of its calls."""
    methods: Mapping[str, CallPolicy] = msgspec.field(default_factory=dict[str, CallPolicy])
    """For single operations, as ``{"progress.complete": …}``. The limit is on the calls of that operation."""
    deadline: float = 10.0
    """Seconds for a call that is made under no deadline."""

    def service(self, name: str) -> CallPolicy:
        """Return what holds for a service."""
        return self.services.get(name, self.default)

    def of(self, operation: str) -> CallPolicy:
        """Return what holds for an operation, named as on the wire: ``progress.complete``."""
        found = self.methods.get(operation)
        return self.service(operation.rpartition(".")[0]) if found is None else found

    @property
    def deadlines(self) -> Deadlines:
        """How long calls may take."""
        return Deadlines(
            self.deadline,
            {name: policy.deadline for name, policy in self.methods.items() if policy.deadline is not None},
            {name: policy.deadline for name, policy in self.services.items() if policy.deadline is not None},
        )

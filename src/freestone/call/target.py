"""An operation that is served here, and the method that performs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from freestone.clock import Random, system_random
from freestone.contract import Kind, Operation
from freestone.service import MOST_REPETITIONS
from freestone.wire import SENDS

from .large import Large, large_of
from .policy import Habit

if TYPE_CHECKING:
    from .once import Once


@final
@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """An operation, and the method that performs it."""

    name: str
    """As it is called on the wire: ``progress.complete``."""
    operation: Operation
    method: Callable[..., Any]
    essential: bool = False
    """Whether it is let in whatever the load is."""
    habit: Habit = field(default_factory=Habit)
    """Whether its calls tend to end at once."""
    once: Once | None = None
    """What has it take effect once; None for a query, and for a command of a service that keeps no replies."""
    random: Random = field(default_factory=system_random)
    """For the waits before its handler is run again."""
    repetitions: int = MOST_REPETITIONS
    """How often that is done at most, if its transaction loses its race each time."""
    kind: int = field(init=False)
    """What the header of its calls says: the kind of the operation, and whether its callers send items."""

    large: Large | None = field(init=False)
    """What is declared as bytes in it, if anything is."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "large", large_of(self.operation))
        command, sends = self.operation.kind is Kind.COMMAND, self.operation.takes is not None
        object.__setattr__(self, "kind", command + SENDS * sends)

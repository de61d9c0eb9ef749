"""How old the results are that a block has received, and who has answered."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextvars import ContextVar
from typing import final

from .context import CURRENT, Context


@final
class Received:
    """What is known of the results that a block has received so far; see ``received``."""

    __slots__ = ("_around", "_serving", "age", "cached", "replica")

    def __init__(self, around: Received | None) -> None:
        self.age = 0.0
        """Seconds since the oldest of them was asked for; 0 if all came from their services just now."""
        self.cached = False
        """Whether one of them was kept by the client from an earlier call."""
        self.replica = ""
        """The address of the replica that the last answer is from which came from another process, be it an error, and
        be it one that was kept; empty if none did."""
        self._around = around
        self._serving = _serving()

    def note(self, age: float) -> None:
        """Note a result that a cache had, here and in the blocks around."""
        serving = _serving()
        block: Received | None = self
        while block is not None:
            # A callee's callees are its own affair, also where it runs in the same task as we do.
            if block._serving is serving:
                block.age = max(block.age, age)
                block.cached = True
            block = block._around

    def note_replica(self, replica: str) -> None:
        """Note who has answered, here and in the blocks around."""
        serving = _serving()
        block: Received | None = self
        while block is not None:
            if block._serving is serving:
                block.replica = replica
            block = block._around

    def __repr__(self) -> str:
        origin = f" from {self.replica}" if self.replica else ""
        return f"<received{origin}{', kept' if self.cached else ''}, {self.age:.3g} s old>"


RECEIVED: ContextVar[Received | None] = ContextVar("freestone.received", default=None)
"""The block that the current code is in; None outside of one."""


@contextlib.contextmanager
def received() -> Generator[Received]:
    """Give a block to see how old the results of its calls are, and which replica has answered.

    >>> async def show(catalog):
    ...     with received() as seen:
    ...         outline = await catalog.path("microservices")
    ...     return outline if seen.age < 5 else f"{outline}, as of {seen.age:.0f} s ago"
    """
    made = Received(RECEIVED.get())
    token = RECEIVED.set(made)
    try:
        yield made
    finally:
        RECEIVED.reset(token)


def received_apart() -> Received:
    """Have what the current task receives from now on noted there, and in no block around it.

    For a task that makes a call on behalf of several, each of which hears of it when it takes the result.
    """
    made = Received(None)
    RECEIVED.set(made)
    return made


def note_result(age: float) -> None:
    """Tell the blocks around about a result that a cache had, asked for that many seconds ago."""
    block = RECEIVED.get()
    if block is not None:
        block.note(age)


def note_replica(replica: str) -> None:
    """Tell the blocks around which replica an answer is from; nothing if it is from this process."""
    block = RECEIVED.get()
    if block is not None and replica:
        block.note_replica(replica)


def _serving() -> Context | None:
    """Return the context of the call that is served here; None outside of one, also in a block with a deadline."""
    context = CURRENT.get()
    handler = None if context is None else context.handler
    return None if handler is None or handler.operation is None else handler

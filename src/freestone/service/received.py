"""How old the results are that a block has received."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextvars import ContextVar
from typing import final

from .context import CURRENT, Context


@final
class Received:
    """What is known of the results that a block has received so far; see ``received``."""

    __slots__ = ("_around", "_serving", "age", "cached")

    def __init__(self, around: Received | None) -> None:
        self.age = 0.0
        """Seconds since the oldest of them was asked for; 0 if all came from their services just now."""
        self.cached = False
        """Whether one of them was kept by the client from an earlier call."""
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

    def __repr__(self) -> str:
        return f"<received {'from a cache, ' if self.cached else ''}{self.age:.3g} s old>"


_RECEIVED: ContextVar[Received | None] = ContextVar("freestone.received", default=None)


@contextlib.contextmanager
def received() -> Generator[Received]:
    """Give a block to see how old the results of its calls are.

    >>> async def show(catalog):
    ...     with received() as seen:
    ...         outline = await catalog.path("microservices")
    ...     return outline if seen.age < 5 else f"{outline}, as of {seen.age:.0f} s ago"
    """
    made = Received(_RECEIVED.get())
    token = _RECEIVED.set(made)
    try:
        yield made
    finally:
        _RECEIVED.reset(token)


def note_result(age: float) -> None:
    """Tell the blocks around about a result that a cache had, asked for that many seconds ago."""
    block = _RECEIVED.get()
    if block is not None:
        block.note(age)


def _serving() -> Context | None:
    """Return the context of the call that is served here; None outside of one, also in a block with a deadline."""
    context = CURRENT.get()
    handler = None if context is None else context.handler
    return None if handler is None or handler.operation is None else handler

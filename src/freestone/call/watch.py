"""Watches that nobody asks another service while a transaction of its own holds writes.

It would keep its locks for as long as the other one takes, which is how one slow service stops many. And it would
suggest that both belong together: what the other one did stays done when the transaction is undone. A handler that has
only read may ask; one that writes asks first.

The call is looked at where it is made, before it is known whether the callee is near or far, so that what is wrong is
wrong in every topology.
"""

from __future__ import annotations

import inspect
import logging
from types import FrameType
from typing import final

from freestone.contract import Operation
from freestone.errors import FreestoneError
from freestone.service import Context

_log = logging.getLogger("freestone.call")


@final
class CallInTransaction(FreestoneError, RuntimeError):
    """Another service was called while a transaction held writes. It is a bug: a caller sees ``Internal``."""


@final
class Watch:
    """Refuses such a call, or warns of it, once for each place in the code."""

    def __init__(self, *, refuses: bool) -> None:
        self._refuses = refuses
        self._warned: set[tuple[str, int]] = set()

    def look(self, context: Context, operation: Operation) -> None:
        """Look at a call that is made by the caller of the caller. Raises CallInTransaction."""
        for resource in context.handler.enlisted or ():
            if resource.writes:
                here = inspect.currentframe()
                method = None if here is None else here.f_back
                self._found(resource.owner, operation, None if method is None else method.f_back)

    def _found(self, owner: str, operation: Operation, frame: FrameType | None) -> None:
        place = ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
        sentence = (
            f"{place[0]}:{place[1]}: {operation.contract.__name__}.{operation.name} is called while the transaction of "
            f"{owner} holds writes: it would keep its locks until the answer is there, and what the other service did "
            "stays if it is undone; call first, and write then"
        )
        if self._refuses:
            raise CallInTransaction(sentence)
        if place not in self._warned:
            self._warned.add(place)
            _log.warning(sentence)


STRICT = Watch(refuses=True)
"""For clients that belong to no application."""

"""How a handler that raised leaves the boundary: what it did is undone, and what it raised is one of its errors.

An error that the contract declares, or a canonical one, leaves as it is. Any other exception is a bug: it is logged in
full here, where it happened, and leaves as ``Internal`` with a trace id.
"""

from __future__ import annotations

import asyncio
import logging

from freestone.errors import CANONICAL, Cancelled, ConnectionLost, Internal, ServiceError, Unavailable
from freestone.service import Context

from .target import Target

_log = logging.getLogger("freestone.call")


async def undo(error: BaseException, target: Target, context: Context) -> BaseException:
    """Undo what a method that raised had enlisted, and return what leaves the boundary."""
    if context.enlisted is not None:
        await context.rollback()
    return outcome(error, target, context)


def outcome(error: BaseException, target: Target, context: Context) -> BaseException:
    """Return what leaves the boundary for what the method raised."""
    if isinstance(error, ServiceError):
        error.lost_race = False  # whoever made the call has not lost its own
        error.retried = error.retried or _given_up_below(error)
        if type(error) is Unavailable and context.sent_command:
            # The handler never ran a second time, but the first command it sent may have had its effect.
            lost = ConnectionLost(f"{target.name} was cut off midway: {error.message}")
            lost.retried = error.retried
            return lost
        if type(error) in CANONICAL or isinstance(error, target.operation.raises):
            return error
    elif isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is None or task.cancelling():
            return error
        return Cancelled(f"{target.name} cancelled itself")
    elif not isinstance(error, Exception):
        return error
    _log.error(
        "%s failed with an error that its contract does not declare; trace %s",
        target.name,
        context.trace_id,
        exc_info=error,
    )
    internal = Internal(f"{target.name} failed; its log has the details under trace {context.trace_id}")
    internal.trace_id = context.trace_id
    return internal


def _given_up_below(error: ServiceError) -> bool:
    """Whether the error was made of one that a policy has given up on, as ``raise Unavailable(…) from error`` does."""
    seen = 0
    cause: BaseException | None = error
    while cause is not None and seen < 8:
        if isinstance(cause, ServiceError) and cause.retried:
            return True
        cause = cause.__cause__ or cause.__context__
        seen += 1
    return False

"""The errors that a connection answers with by itself: nobody has served the call, or nobody waits for it."""

from __future__ import annotations

from typing import Final

from freestone.errors import Code

from .frames import Error

_NO_FIELDS: Final = b"\x80"


def refused(call_id: int, limit: int) -> Error:
    """Return what a call is told that is one too many."""
    message = f"{limit} calls are in flight on this connection, which is its limit"
    return Error(call_id, Code.RESOURCE_EXHAUSTED, "ResourceExhausted", message, _NO_FIELDS, None, begun=False)


def cancelled(call_id: int, *, begun: bool = True) -> Error:
    """Return the end of a call that its caller gave up."""
    return Error(call_id, Code.CANCELLED, "Cancelled", "the caller gave it up", _NO_FIELDS, None, begun=begun)


def given_back(call_id: int, reason: str) -> Error:
    """Return the end of a call that a callee which leaves has not begun: it may go elsewhere."""
    message = f"the callee is leaving: {reason}"
    return Error(call_id, Code.UNAVAILABLE, "Unavailable", message, _NO_FIELDS, None, begun=False)

"""What may be sent when, as two tables: one for a connection, one for each call on it.

A move that is in no table is a violation. ``docs/wire.md`` shows the same tables, and a test compares them with
these, and these with what ``Connection`` does.
"""

from __future__ import annotations

import enum
from typing import Final

from .frames import FrameType


class Side(enum.Enum):
    """Which end of the connection this is."""

    CALLER = "caller"
    """It opened the connection, and opens the calls."""
    CALLEE = "callee"
    """It accepted the connection, and answers the calls."""


class State(enum.Enum):
    """Where a connection is, seen from one end."""

    IDLE = "idle"
    """Nothing was sent."""
    GREETING = "greeting"
    """HELLO was sent, and the peer's has not come."""
    OPEN = "open"
    """Both have greeted: calls may be opened."""
    DRAINING = "draining"
    """This side said GOODBYE: calls in flight finish, newer ones are not begun."""
    LEAVING = "leaving"
    """The peer said GOODBYE: calls in flight finish, no more are opened."""
    PARTING = "parting"
    """Both said GOODBYE: calls in flight finish."""
    CLOSED = "closed"
    """Over. Bytes that still come are ignored."""


class Move(enum.Enum):
    """What changes the state of a connection."""

    SEND_HELLO = "send HELLO"
    RECEIVE_HELLO = "receive HELLO"
    SEND_GOODBYE = "send GOODBYE"
    RECEIVE_GOODBYE = "receive GOODBYE"
    FAIL = "a violation, or GOODBYE with an error"


CONNECTION: Final[dict[tuple[State, Move], State]] = {
    (State.IDLE, Move.SEND_HELLO): State.GREETING,
    (State.GREETING, Move.RECEIVE_HELLO): State.OPEN,
    (State.OPEN, Move.SEND_GOODBYE): State.DRAINING,
    (State.OPEN, Move.RECEIVE_GOODBYE): State.LEAVING,
    (State.DRAINING, Move.RECEIVE_GOODBYE): State.PARTING,
    (State.LEAVING, Move.SEND_GOODBYE): State.PARTING,
    **{(state, Move.FAIL): State.CLOSED for state in State if state is not State.CLOSED},
}
"""The state after each move. A GOODBYE that ends at once (its reason is an error) is the move FAIL."""


class CallState(enum.Enum):
    """Where a call is. Both ends keep it; they differ only by what is under way between them."""

    UNARY = "unary"
    """It was opened with no credit, and waits for REPLY or ERROR."""
    STREAM = "stream"
    """It was opened with credit, and items come until END or ERROR."""
    UNARY_CANCELLED = "unary, cancelled"
    """The caller gave it up, and the callee has not answered that yet."""
    STREAM_CANCELLED = "stream, cancelled"
    """The same for a stream. Items that were under way are dropped."""
    ENDED = "ended"
    """It was answered; its id is not used again."""


CALL: Final[dict[tuple[CallState, FrameType], CallState]] = {
    (CallState.UNARY, FrameType.REPLY): CallState.ENDED,
    (CallState.UNARY, FrameType.ERROR): CallState.ENDED,
    (CallState.UNARY, FrameType.CANCEL): CallState.UNARY_CANCELLED,
    (CallState.UNARY_CANCELLED, FrameType.REPLY): CallState.ENDED,
    (CallState.UNARY_CANCELLED, FrameType.ERROR): CallState.ENDED,
    (CallState.STREAM, FrameType.ITEM): CallState.STREAM,
    (CallState.STREAM, FrameType.CREDIT): CallState.STREAM,
    (CallState.STREAM, FrameType.END): CallState.ENDED,
    (CallState.STREAM, FrameType.ERROR): CallState.ENDED,
    (CallState.STREAM, FrameType.CANCEL): CallState.STREAM_CANCELLED,
    (CallState.STREAM_CANCELLED, FrameType.ITEM): CallState.STREAM_CANCELLED,
    (CallState.STREAM_CANCELLED, FrameType.END): CallState.ENDED,
    (CallState.STREAM_CANCELLED, FrameType.ERROR): CallState.ENDED,
    (CallState.ENDED, FrameType.CANCEL): CallState.ENDED,
    (CallState.ENDED, FrameType.CREDIT): CallState.ENDED,
}
"""The state after each frame. CANCEL and CREDIT go from caller to callee, the others the other way.

A CANCEL or a CREDIT for a call that has ended had crossed its end on the way, and is ignored.
"""

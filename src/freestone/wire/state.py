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
    """The caller has said all, and waits for REPLY or ERROR."""
    STREAM = "stream"
    """The caller has said all, and items come until END or ERROR."""
    UNARY_SENDING = "unary, sending"
    """The caller sends items, and waits for REPLY or ERROR."""
    STREAM_SENDING = "stream, sending"
    """Items go both ways."""
    UNARY_CANCELLED = "unary, cancelled"
    """The caller gave it up, and the callee has not answered that yet."""
    STREAM_CANCELLED = "stream, cancelled"
    """The same for a stream. Items that were under way are dropped."""
    ENDED = "ended"
    """It was answered; its id is not used again."""


def _call() -> dict[tuple[CallState, Side, FrameType], CallState]:
    caller, callee, frame = Side.CALLER, Side.CALLEE, FrameType
    table: dict[tuple[CallState, Side, FrameType], CallState] = {}
    for unary, stream, after_unary, after_stream in (
        (CallState.UNARY, CallState.STREAM, CallState.UNARY_CANCELLED, CallState.STREAM_CANCELLED),
        (CallState.UNARY_SENDING, CallState.STREAM_SENDING, CallState.UNARY_CANCELLED, CallState.STREAM_CANCELLED),
        (CallState.UNARY_CANCELLED, CallState.STREAM_CANCELLED, None, None),
    ):
        table[unary, callee, frame.REPLY] = table[stream, callee, frame.END] = CallState.ENDED
        table[unary, callee, frame.ERROR] = table[stream, callee, frame.ERROR] = CallState.ENDED
        table[stream, callee, frame.ITEM] = stream
        # It may have crossed the caller's END or CANCEL.
        table[unary, callee, frame.CREDIT], table[stream, callee, frame.CREDIT] = unary, stream
        if after_unary is not None and after_stream is not None:
            table[unary, caller, frame.CANCEL], table[stream, caller, frame.CANCEL] = after_unary, after_stream
            table[stream, caller, frame.CREDIT] = stream
    for sending, said in (
        (CallState.UNARY_SENDING, CallState.UNARY),
        (CallState.STREAM_SENDING, CallState.STREAM),
        (CallState.ENDED, CallState.ENDED),
    ):
        table[sending, caller, frame.ITEM], table[sending, caller, frame.END] = sending, said
    for crossing in (frame.CANCEL, frame.CREDIT):
        table[CallState.ENDED, caller, crossing] = CallState.ENDED
    return table


CALL: Final = _call()
"""The state after each frame that the caller or the callee sends.

What the caller sends for a call that has ended had crossed its end on the way, and is ignored.
"""

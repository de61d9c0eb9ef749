"""Why a connection ends: a code for programs, and an error that carries it."""

from __future__ import annotations

import enum
from typing import final

from freestone.errors import ProtocolError


class Reason(enum.IntEnum):
    """The reason codes of GOODBYE. Each is the number on the wire; a code that is not known reads as UNKNOWN."""

    DRAINING = 0
    """Nothing is wrong: calls in flight finish, newer ones go elsewhere."""
    MALFORMED = 1
    """A frame does not have the form that its type has."""
    TOO_LARGE = 2
    """A frame, or its nesting, is over the receiver's limit."""
    OUT_OF_STATE = 3
    """A frame came that its sender was not free to send then."""
    NO_COMMON_VERSION = 4
    """The two sides share no version of the protocol."""
    OTHER_APPLICATION = 5
    """The peer belongs to another application."""
    NOT_FREESTONE = 6
    """The first bytes are not those of this protocol."""
    OVER_CREDIT = 7
    """An item was sent that had not been granted."""
    FLOOD = 8
    """More control frames came than answers could be written."""
    TOO_SLOW = 9
    """The handshake or a frame was not complete in time."""
    SILENT = 10
    """Nothing came for too long, not even an answer to a ping."""
    STOPPING = 11
    """The sender ends now, before its calls in flight have."""
    IDENTITY = 12
    """The peer did not prove who it is, or is not who it says it is, or may not come in."""
    UNKNOWN = 255
    """A reason that this side has no name for."""


@final
class WireError(ProtocolError):
    """The peer broke the protocol. ``reason`` is what it is told in GOODBYE before the connection closes."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(message)

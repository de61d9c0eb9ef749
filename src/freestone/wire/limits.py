"""What one side of a connection puts up with, each with its unit."""

from __future__ import annotations

from typing import final

import msgspec


@final
class Limits(msgspec.Struct, frozen=True):
    """The bounds of one connection. What is over them ends it, or is refused, as ``docs/wire.md`` says.

    The first four are told to the peer in HELLO, so that it can keep them; the others are each side's own.
    Raises ValueError for a limit that is not positive, or for one that contradicts another.
    """

    frame: int = 16 * 1024 * 1024
    """Bytes that a received frame may have, after its length field."""
    message: int = 128 * 1024 * 1024
    """Bytes that a received message may have, its chunks joined and decompressed."""
    unfinished: int = 256 * 1024 * 1024
    """Bytes that the messages may have together whose chunks have not all come."""
    calls: int = 16384
    """Calls in flight on one connection; a call that was cancelled counts until it is answered."""
    hello: int = 64 * 1024
    """Bytes that a frame may have before the handshake is done: a stranger gets no more."""
    depth: int = 100
    """Levels of nesting in what this room decodes itself: HELLO, and the headers of requests."""
    credit: int = 2**31 - 1
    """Items that a stream may have been granted and not yet sent."""
    pings: int = 16
    """PING frames that may wait for their PONG to be written; more is a flood."""
    handshake: float = 5.0
    """Seconds from the connection to the end of the handshake."""
    ping: float = 1.0
    """Seconds of silence after which the peer is asked for a sign of life; the callee lets the caller ask first."""
    idle: float = 4.5
    """Seconds of silence, a ping unanswered, after which the peer counts as lost."""
    frame_time: float = 30.0
    """Seconds in which a frame must be complete, once its first byte has come."""

    compress: int | None = None
    """Bytes from which on a message is compressed, if the peer reads zstd; None: none is, and none is read."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"the limit {name} is {value}; it must be positive")
        if self.idle <= self.ping:
            raise ValueError(f"a peer is lost after {self.idle} s of silence, before the ping at {self.ping} s")
        if not self.hello <= self.frame <= 2**32 - 1:
            raise ValueError(f"the limit frame is {self.frame}; it must be from {self.hello} (hello) to 2**32 - 1")
        if not self.frame <= self.message <= self.unfinished:
            raise ValueError(
                f"the limits frame, message and unfinished are {self.frame}, {self.message} and {self.unfinished}; "
                "none may be over the next"
            )


@final
class FrameTooLarge(ValueError):
    """What is to be sent is over the peer's limit. Nothing was sent."""

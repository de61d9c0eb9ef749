"""Messages of which some chunks have come, and not the frame that ends them.

A piece is written behind the one before it as it comes: there is no moment at which a large message is copied
together, and so none that holds everything else up.
"""

from __future__ import annotations

from io import BytesIO
from typing import final

from .compression import Decompressor
from .limits import Limits
from .reason import Reason, WireError


@final
class Unfinished:
    """The pieces that have come, by the call that they belong to."""

    __slots__ = ("_limits", "_size", "calls")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._size = 0
        self.calls: dict[int, _Pieces] = {}
        """The calls whose next message has begun to come. Look into it, and leave it as it is."""

    def add(self, call_id: int, piece: bytes, *, compressed: bool) -> None:
        """Keep a piece. Raises WireError if a limit is over, or if it is no piece of that message."""
        limits = self._limits
        pieces = self.calls.get(call_id)
        if pieces is None:
            if len(self.calls) >= limits.calls:
                raise WireError(Reason.FLOOD, f"{len(self.calls)} messages have begun, and none of them has ended")
            pieces = self.calls[call_id] = _Pieces(compressed)
        pieces.check(call_id, compressed=compressed)
        self._size += pieces.add(piece, limits.message)
        if self._size - len(self.calls) > limits.unfinished:  # the first byte of each does not count
            raise WireError(
                Reason.TOO_LARGE, f"unfinished messages have {self._size} bytes; the limit is {limits.unfinished}"
            )

    def finish(self, call_id: int, last: bytes) -> bytes:
        """Return the whole message whose last piece that is; most are whole in one piece. Raises WireError."""
        pieces = self.calls.get(call_id)
        if pieces is None:
            return last
        if last:
            pieces.check(call_id, compressed=False)
            self._size += pieces.add(last, self._limits.message)
        self.drop(call_id)
        return pieces.whole(call_id)

    def drop(self, call_id: int) -> bool:
        """Forget what has come of a call's next message; return whether there was anything."""
        pieces = self.calls.pop(call_id, None)
        if pieces is None:
            return False
        self._size -= pieces.size
        return True

    def clear(self) -> None:
        """Forget everything."""
        self.calls.clear()
        self._size = 0


@final
class _Pieces:
    """What has come of one message."""

    __slots__ = ("_buffer", "_decompressor", "size")

    def __init__(self, compressed: bool) -> None:
        self._buffer = BytesIO()
        self._decompressor = Decompressor() if compressed else None
        self.size = 0

    def check(self, call_id: int, *, compressed: bool) -> None:
        """Raise WireError if the pieces before the next were not of its sort."""
        if compressed is not (self._decompressor is not None):
            raise WireError(Reason.MALFORMED, f"a message of the call {call_id} is compressed in part")

    def add(self, piece: bytes, most: int) -> int:
        """Keep a piece, and return by how many bytes the message has grown."""
        if self._decompressor is not None and piece:
            piece = self._decompressor.decompress(piece, most - self.size)
        if self.size + len(piece) > most:
            raise WireError(Reason.TOO_LARGE, f"a message has more than {most} bytes, which is the limit")
        self._buffer.write(piece)
        self.size += len(piece)
        return len(piece)

    def whole(self, call_id: int) -> bytes:
        """Return the message. Raises WireError if its compressed form has not come to its end."""
        if self._decompressor is not None and not self._decompressor.whole:
            raise WireError(Reason.MALFORMED, f"a compressed message of the call {call_id} ends early")
        return self._buffer.getvalue()  # the buffer's own bytes, and no copy of them

"""Frames put together from the pieces in which their bytes arrive.

Most of the time there is nothing to do: bytes arrive in whole frames. What is left over at the end is kept, and joined
with what follows when all of the frame is there, so that a long frame in many pieces is copied once and not each time.
"""

from __future__ import annotations

from typing import Final, final

from .codec import COUNTED
from .reason import Reason, WireError

_TLS: Final = 0x160301
"""The first three bytes of a TLS handshake."""


@final
class Assembly:
    """The beginning of a frame, if the last bytes that came were one."""

    __slots__ = ("_needed", "_partial", "greeted", "largest")

    def __init__(self, largest: int) -> None:
        self.largest = largest
        """Bytes that a frame may have after its length."""
        self.greeted = False
        """Whether the peer has shown that it speaks the protocol."""
        self._partial = bytearray()
        self._needed = 0

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and is not complete."""
        return bool(self._partial)

    def join(self, data: bytes) -> bytes | None:
        """Return the bytes from the beginning of a frame on, or None while it is not complete."""
        if not self._partial:
            return data
        self._partial += data
        if len(self._partial) < self._needed:
            return None
        data = bytes(self._partial)
        self._partial = bytearray()
        return data

    def keep(self, rest: bytes) -> None:
        """Keep the beginning of a frame. Raises WireError if its length, where that is known, is not allowed."""
        self._needed = 4
        if len(rest) >= 4:
            length = int.from_bytes(rest[:4], "big")
            if not COUNTED <= length <= self.largest:
                raise self.refusal(length)
            self._needed += length
        self._partial = bytearray(rest)

    def clear(self) -> None:
        """Forget what was kept."""
        self._partial = bytearray()

    def refusal(self, length: int) -> WireError:
        """Return what is wrong with a length that is not allowed."""
        if not self.greeted and length >> 8 == _TLS:
            return WireError(Reason.NOT_FREESTONE, "it speaks TLS, and no TLS is spoken here")
        if not self.greeted:
            return WireError(Reason.NOT_FREESTONE, f"the first frame would have {length} bytes; HELLO has fewer")
        if length < COUNTED:
            return WireError(Reason.MALFORMED, f"a frame of {length} bytes has no room for its head")
        return WireError(Reason.TOO_LARGE, f"a frame has {length} bytes; the limit is {self.largest}")

"""Messages on their way to the peer that are more than a plain frame: too large, compressed, in chunks, or all of it.

What is small and plain does not come here; ``Connection`` makes a frame of it at once.
"""

from __future__ import annotations

from typing import final

from .codec import COMPRESSED, COUNTED, HEAD
from .compression import ZSTD, compressed, compressor, is_compressible
from .frames import FrameType, Hello
from .limits import FrameTooLarge, Limits
from .outflow import CHUNK, Outflow


@final
class Outbound:
    """What one side sends by the sizes that the peer has said it takes.

    ``outgoing`` is where frames go that are to be written before any more chunks. Until ``agree`` is called, nothing
    can be sent.
    """

    __slots__ = ("_limits", "_most", "_outgoing", "_whole", "compress", "flow", "plain")

    def __init__(self, outgoing: list[bytes], limits: Limits) -> None:
        self._outgoing = outgoing
        self._limits = limits
        self._whole = 0  # bytes of a message that goes in one frame
        self._most = 0  # bytes of any message
        self.flow = Outflow(0, limits.hello)
        """What goes in chunks."""
        self.plain = 0
        """Bytes after its length of a frame that may be sent as it is."""
        self.compress = 0
        """Bytes from which on a message is compressed; 0 if both sides have not agreed on that."""

    def agree(self, peer: Hello, version: int) -> None:
        """Take what the peer said of sizes; in version 1 a message is one frame."""
        if version < 2:
            self.plain = peer.max_frame
            self._most = peer.max_frame - COUNTED
            return
        self._most = peer.max_message
        self.flow = Outflow(peer.max_unfinished, peer.max_frame)
        self._whole = min(CHUNK, peer.max_frame - COUNTED, peer.max_message)
        self.plain = COUNTED + self._whole
        if self._limits.compress is not None and ZSTD in peer.compression:
            self.compress = self._limits.compress
            self.plain = min(self.plain, self.compress + COUNTED - 1)

    def check(self, what: str, size: int) -> None:
        """Raise FrameTooLarge if the peer would not take a message of that many bytes."""
        if size > self._most:
            raise FrameTooLarge(f"{what} has {size} bytes; the limit is {self._most}")

    def send(self, what: str, kind: FrameType, call_id: int, *parts: bytes) -> None:
        """Send a message that is not plain, or stands behind one that goes in chunks. Raises FrameTooLarge.

        The parts are one after the other; the longest is judged when it matters whether they can be compressed.
        """
        size = sum(map(len, parts))
        self.check(what, size)
        squeezes = bool(self.compress) and size >= self.compress
        if size <= self._whole and call_id not in self.flow.calls:
            body = b"".join(parts)
            packed = compressed(body) if squeezes else None
            if packed is None:
                self._outgoing.append(HEAD.pack(COUNTED + size, kind, call_id) + body)
            else:
                self._outgoing.append(HEAD.pack(COUNTED + len(packed), kind | COMPRESSED, call_id) + packed)
            return
        squeezes = squeezes and is_compressible(max(parts, key=len))
        self.flow.add(kind, call_id, *parts, compressor=compressor() if squeezes else None)
        if kind is FrameType.REQUEST:
            self._outgoing.append(self.flow.begin(call_id))

"""Messages that are too large for one frame, on their way out.

They go in chunks, one of each in turn, and only as the driver asks for some; whatever is small overtakes them. What
a call sends behind a message of its own that is still on its way waits here too, so that its frames keep their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, TypeAlias, final

from .codec import COMPRESSED, COUNTED, HEAD
from .compression import Compressor
from .frames import FrameType

CHUNK: Final = 64 * 1024
"""Bytes of a message that go in one frame."""

Part: TypeAlias = "bytes | memoryview"


@final
class Outflow:
    """The messages of one side.

    ``room`` is how many bytes of unfinished messages the peer keeps, the first of each not counted; ``most`` is how
    many it takes in a frame.
    """

    __slots__ = ("_cut", "_later", "_room", "_turns", "_under_way", "calls", "waiting")

    def __init__(self, room: int, most: int) -> None:
        self._room = room
        self._cut = min(CHUNK, most - COUNTED)
        self._turns: deque[_Message] = deque()
        self._later: deque[_Message] = deque()
        self._under_way = 0
        self.calls: dict[int, deque[_Message]] = {}
        """What each call still has to send, the message that is under way first. Look into it, and leave it so."""
        self.waiting = 0
        """Bytes of all messages of which some are not sent."""

    def add(self, kind: FrameType, call_id: int, *parts: bytes, compressor: Compressor | None = None) -> None:
        """Queue a message, which is the parts one after the other."""
        message = _Message(kind, call_id, parts, self._cut, compressor)
        self.waiting += message.size
        behind = self.calls.get(call_id)
        if behind is None:
            self.calls[call_id] = deque((message,))
            self._later.append(message)
            self._begin()
        else:
            behind.append(message)

    def begin(self, call_id: int) -> bytes:
        """Return the first frame of the only message of a call, ahead of its turn.

        A request must not be overtaken by one with a greater call id before the peer has heard of it. One that has to
        wait begins with a byte, for which the peer needs no room.
        """
        message = self.calls[call_id][0]
        if self._later and message is self._later[-1]:
            return message.byte()
        frame, _ = message.frame()
        return frame

    def drop(self, call_id: int) -> bool:
        """Forget what a call still has to send; return whether there was anything."""
        messages = self.calls.pop(call_id, None)
        if messages is None:
            return False
        first = messages[0]
        if first in self._turns:
            self._turns.remove(first)
            self._under_way -= first.size
        else:
            self._later.remove(first)
        self.waiting -= sum(message.size for message in messages)
        self._begin()
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._turns.clear()
        self._later.clear()
        self.calls.clear()
        self.waiting = self._under_way = 0

    def take(self, most: int) -> list[bytes]:
        """Return the frames for about that many bytes of messages, one of each message in turn."""
        frames: list[bytes] = []
        while self._turns and most > 0:
            message = self._turns.popleft()
            frame, done = message.frame()
            most -= self._cut  # whatever it was compressed to: time is what counts
            if frame:
                frames.append(frame)
            if done:
                self._finish(message)
            else:
                self._turns.append(message)
        return frames

    def _finish(self, message: _Message) -> None:
        self._under_way -= message.size
        self.waiting -= message.size
        behind = self.calls[message.call_id]
        behind.popleft()
        if behind:
            self._later.append(behind[0])
        else:
            del self.calls[message.call_id]
        self._begin()

    def _begin(self) -> None:
        """Let messages begin in the order in which they came, as far as the peer has room for all that have."""
        while self._later and (not self._turns or self._under_way + self._later[0].size <= self._room):
            message = self._later.popleft()
            self._under_way += message.size
            self._turns.append(message)


@final
class _Message:
    """One message, and how far it is."""

    __slots__ = ("_ahead", "_flag", "_pieces", "call_id", "kind", "size")

    def __init__(
        self, kind: FrameType, call_id: int, parts: tuple[bytes, ...], cut: int, compressor: Compressor | None
    ) -> None:
        self.kind = kind
        self.call_id = call_id
        self.size = sum(map(len, parts))
        self._flag = 0 if compressor is None else COMPRESSED
        self._pieces = _cut(parts, cut) if compressor is None else _compressed(parts, cut, compressor)
        self._ahead = next(self._pieces, b"")

    def frame(self) -> tuple[bytes, bool]:
        """Return the next frame, and whether it is the last. It may be empty, if there is no output yet."""
        piece = self._ahead
        ahead = next(self._pieces, None)
        if ahead is None:
            return self._framed(self.kind, piece), True
        self._ahead = ahead
        return self._framed(FrameType.CHUNK, piece) if piece else b"", False

    def byte(self) -> bytes:
        """Return a frame of the first byte alone. There must be more than one."""
        piece, self._ahead = self._ahead[:1], self._ahead[1:]
        return self._framed(FrameType.CHUNK, piece)

    def _framed(self, kind: int, piece: Part) -> bytes:
        return b"".join((HEAD.pack(COUNTED + len(piece), kind | self._flag, self.call_id), piece))


def _cut(parts: tuple[bytes, ...], cut: int) -> Iterator[Part]:
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(part), cut):
            yield view[at : at + cut]


def _compressed(parts: tuple[bytes, ...], cut: int, compressor: Compressor) -> Iterator[Part]:
    mode = compressor.FLUSH_BLOCK  # so that there is a first frame at once
    for piece in _cut(parts, CHUNK):
        made = compressor.compress(piece, mode)
        mode = compressor.CONTINUE
        # An empty piece keeps each step short, though it makes no frame.
        yield from _cut((made,), cut) if made else (b"",)
    yield from _cut((compressor.flush(),), cut)

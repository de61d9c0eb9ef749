"""Whether a WAL is damaged in its midst, which SQLite takes for its end.

SQLite reads a WAL up to the first frame whose checksum is wrong, for that is what a power loss leaves of the last
transaction. If a bit was flipped further up, everything after it, though committed, would be dropped as silently, and
then be overwritten. The two can be told apart: a transaction is on the disk before the next one is written. So if a
frame is wrong, and behind the end of its transaction there are frames that are right, it is no torn end.

The format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import Final

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = 0x377F0682
_MASK: Final = 0xFFFFFFFF


def damaged_frame(wal: bytes) -> int | None:
    """Return the number of the first frame, from 1, that is damaged, 0 for the header; None if all is well.

    ``wal`` is the whole file. What is torn at its end is well, and so is what an earlier round has left behind.
    """
    if len(wal) < _HEADER.size:
        return None
    magic, _, size, _, *salts, first, second = _HEADER.unpack_from(wal)
    frames = _Frames(wal, size, big=bool(magic & 1))
    if magic & ~1 != _MAGIC or _checksum(wal[:24], frames.big, (0, 0)) != (first, second):
        # Its page size may be what is wrong; a WAL that was begun anew is all zeros, or has nothing behind.
        return 0 if any(wal[_HEADER.size :]) else None
    seed, wrong = (first, second), 0
    for number in range(1, frames.count + 1):
        if frames.salts(number) != tuple(salts) or not frames.is_right(number, seed):
            wrong = number
            break
        seed = frames.stored(number)
    if not wrong:
        return None
    # Behind the end of its transaction, which may be itself.
    ended = frames.salts(wrong) == tuple(salts) and frames.commits(wrong)
    for number in range(wrong + 1, frames.count + 1):
        if frames.salts(number) == tuple(salts) and frames.is_right(number, frames.stored(number - 1)):
            if ended:
                return wrong
            ended = frames.commits(number)
    return None


class _Frames:
    """The frames of a WAL, by number, from 1."""

    def __init__(self, wal: bytes, page: int, *, big: bool) -> None:
        self.big = big
        self._wal = wal
        self._length = _FRAME.size + (page if 512 <= page <= 65536 else 65536)
        self.count = (len(wal) - _HEADER.size) // self._length

    def salts(self, number: int) -> tuple[int, ...]:
        return _FRAME.unpack_from(self._wal, self._start(number))[2:4]

    def stored(self, number: int) -> tuple[int, int]:
        first, second = _FRAME.unpack_from(self._wal, self._start(number))[4:6]
        return first, second

    def commits(self, number: int) -> bool:
        return bool(_FRAME.unpack_from(self._wal, self._start(number))[1])

    def is_right(self, number: int, seed: tuple[int, int]) -> bool:
        start = self._start(number)
        end = start + self._length
        head = _checksum(self._wal[start : start + 8], self.big, seed)
        return _checksum(self._wal[start + _FRAME.size : end], self.big, head) == self.stored(number)

    def _start(self, number: int) -> int:
        return _HEADER.size + (number - 1) * self._length


def _checksum(data: bytes, big: bool, seed: tuple[int, int]) -> tuple[int, int]:
    words = array("I", data)
    if big != (sys.byteorder == "big"):
        words.byteswap()
    first, second = seed
    each = iter(words)
    for even, odd in zip(each, each, strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second

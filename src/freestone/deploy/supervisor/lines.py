"""Bytes from a pipe, as the lines that somebody meant to write."""

from __future__ import annotations

from typing import final


@final
class LineSplitter:
    """Cuts a stream of bytes into lines of text without their ends.

    A line ends with a newline, with or without a carriage return before it. Bytes that are not UTF-8 are
    shown as escapes, so that nothing is lost and nothing is raised. A line longer than ``limit`` bytes is cut
    there (never within a character): the memory for a line that does not end is bounded.
    """

    def __init__(self, limit: int = 256 * 1024) -> None:
        self._limit = max(limit, 4)  # the length of the longest character
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Take what came, and return the lines that it completes."""
        self._rest += data
        if b"\n" not in data and len(self._rest) <= self._limit:
            return []
        *whole, rest = bytes(self._rest).split(b"\n")
        *cut, rest = self._pieces(rest)
        self._rest = bytearray(rest)
        return [_text(piece) for line in whole for piece in self._pieces(line)] + [_text(piece) for piece in cut]

    def close(self) -> list[str]:
        """Return the line that was begun and will not be ended, if there is one."""
        rest, self._rest = bytes(self._rest), bytearray()
        return [_text(rest)] if rest else []

    def _pieces(self, line: bytes) -> list[bytes]:
        pieces: list[bytes] = []
        start = 0
        while len(line) - start > self._limit:
            end = _character_start(line, start + self._limit)
            pieces.append(line[start:end])
            start = end
        return [*pieces, line[start:]]


def _character_start(line: bytes, index: int) -> int:
    """Return the index, or the start of the UTF-8 character that it is in."""
    for start in range(index, max(0, index - 3) - 1, -1):
        if line[start] & 0xC0 != 0x80:  # not a continuation byte
            return start
    return index


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "backslashreplace")

"""A message that is not copied together: what is large in it stays where it is until it is sent."""

from __future__ import annotations

from typing import Final, TypeAlias, final


@final
class Parts:
    """Bytes, one part after the other. They are joined behind others if all of it turns out to go in one frame."""

    __slots__ = ("_size", "parts")

    def __init__(self, *parts: bytes) -> None:
        self.parts: Final = parts
        self._size = sum(map(len, parts))

    def __len__(self) -> int:
        return self._size

    def __radd__(self, before: bytes) -> bytes:
        return b"".join((before, *self.parts))

    def __bytes__(self) -> bytes:
        return b"".join(self.parts)


Body: TypeAlias = bytes | Parts
"""What a message consists of."""


def parts_of(body: Body) -> tuple[bytes, ...]:
    """Return its parts; bytes are one."""
    return body.parts if isinstance(body, Parts) else (body,)

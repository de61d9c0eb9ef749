"""Results that are bytes and nothing else, handed over without a moment that is as long as they are large.

To encode or decode a value holds the event loop until it is done: half a millisecond for each megabyte of bytes, which
is what it takes to copy them into memory that is new. A small call beside one with a reply of 64 MB would wait for
both. Bytes need no encoding but their head, so they are sent as they are; and they are copied out of the message, in
which that head is before them, a little in each turn of the loop.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any, Final

from freestone.contract import Operation

LARGE: Final = 256 * 1024
"""Bytes of a result from which on it is worth the trouble."""
_STEP: Final = 1024 * 1024
"""Bytes that are copied in one turn of the loop."""
_BIN_32: Final = b"\xc6"
"""How bytes begin in MessagePack that are more than 65,535; the number of them follows."""
_HEAD: Final = 5


def head_of(operation: Operation, result: Any) -> bytes | None:
    """Return what goes before a large result that is sent as it is; None if it has to be encoded."""
    if operation.result is bytes and type(result) is bytes and LARGE < len(result) < 2**32:
        return _BIN_32 + len(result).to_bytes(4, "big")
    return None


async def decoded(operation: Operation, answer: bytes) -> Any:
    """Return the result in a large answer. Raises Internal, as ``decode_result`` does."""
    size = len(answer) - _HEAD
    if operation.result is not bytes or answer[:_HEAD] != _BIN_32 + size.to_bytes(4, "big"):
        return operation.decode_result(answer)
    result, view = BytesIO(), memoryview(answer)
    for at in range(_HEAD, len(answer), _STEP):
        result.write(view[at : at + _STEP])
        await asyncio.sleep(0)
    return result.getvalue()  # the buffer's own bytes, and no copy of them

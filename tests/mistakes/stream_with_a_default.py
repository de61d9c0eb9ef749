# expect: stream_with_a_default.py:9: Library.upload, parameter parts: AsyncIterator[bytes]: a stream can't have a default; leave it out; a caller can send no items
from collections.abc import AsyncIterator

from freestone.contract import Contract, command


class Library(Contract):
    @command
    async def upload(self, name: str, parts: AsyncIterator[bytes] = None) -> int:
        """Keep it."""

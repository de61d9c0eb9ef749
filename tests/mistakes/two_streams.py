# expect: two_streams.py:9: Library.upload, parameter notes: a method takes one stream, and parts is one; put both into one stream, of a union of messages, or make one of them a tuple
from collections.abc import AsyncIterator

from freestone.contract import Contract, command


class Library(Contract):
    @command
    async def upload(self, name: str, parts: AsyncIterator[bytes], notes: AsyncIterator[str]) -> int:
        """Keep both."""

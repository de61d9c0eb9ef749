# expect: stream_parameter_of_nothing_named.py:9: Library.upload, parameter parts: AsyncIterator: it does not say of what it is a stream; say AsyncIterator[T]
from collections.abc import AsyncIterator

from freestone.contract import Contract, command


class Library(Contract):
    @command
    async def upload(self, parts: AsyncIterator) -> int:
        """Keep it."""

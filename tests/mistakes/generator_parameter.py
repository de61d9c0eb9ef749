# expect: generator_parameter.py:9: Library.upload, parameter parts: AsyncGenerator[bytes, None]: a stream has one way only; say AsyncIterator[bytes]
from collections.abc import AsyncGenerator

from freestone.contract import Contract, command


class Library(Contract):
    @command
    async def upload(self, parts: AsyncGenerator[bytes, None]) -> int:
        """Keep it."""

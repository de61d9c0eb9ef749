# expect: stream_as_argument.py:9: Progress.total, parameter minutes: AsyncIterator[int]: "AsyncIterator[int]" can't cross a process boundary; only the result of an operation can be a stream
from collections.abc import AsyncIterator

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def total(self, minutes: AsyncIterator[int]) -> int:
        """Add them up."""

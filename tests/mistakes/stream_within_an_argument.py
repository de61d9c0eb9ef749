# expect: stream_within_an_argument.py:9: Progress.total, parameter minutes: list[AsyncIterator[int]]: "AsyncIterator[int]" can't cross a process boundary; a stream is a parameter or the result of an operation, and no part of one
from collections.abc import AsyncIterator

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def total(self, minutes: list[AsyncIterator[int]]) -> int:
        """Add them up."""

# expect: command_stream.py:9: Progress.follow: a command has one reply, and can't be a stream; say @query, or return a tuple
from collections.abc import AsyncIterator

from freestone.contract import Contract, command


class Progress(Contract):
    @command
    def follow(self, path: str) -> AsyncIterator[str]:
        """Follow a path."""

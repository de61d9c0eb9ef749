# expect: stream_parameter_of_objects.py:10: Library.upload, parameter parts[]: Path: "Path" can't cross a process boundary; send the data that it stands for, as text or numbers
from collections.abc import AsyncIterator
from pathlib import Path

from freestone.contract import Contract, command


class Library(Contract):
    @command
    async def upload(self, parts: AsyncIterator[Path]) -> int:
        """Keep it."""

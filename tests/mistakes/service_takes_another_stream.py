# expect: service_takes_another_stream.py:16: LibraryService.upload, parameter parts: AsyncIterator[str]: the contract says AsyncIterator[bytes]; say the same here, or leave the annotation out
from collections.abc import AsyncIterator

from freestone.contract import Contract, command
from freestone.service import service


class Library(Contract):
    @command
    async def upload(self, name: str, parts: AsyncIterator[bytes]) -> int:
        """Keep it."""


@service
class LibraryService(Library):
    async def upload(self, name: str, parts: AsyncIterator[str]) -> int:
        return 0

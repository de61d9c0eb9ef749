# expect: fallback_of_a_stream.py:19: ProgressService.none: Catalog.watch is a stream, and has no fallback; catch the error where it is read
from collections.abc import AsyncIterator

from freestone.contract import Contract, query
from freestone.service import fallback, service


class Catalog(Contract):
    @query
    def watch(self) -> AsyncIterator[str]: ...


class Progress(Contract):
    @query
    async def where(self) -> str: ...


@service
class ProgressService(Progress):
    catalog: Catalog

    none = fallback(Catalog.watch).value("")

    async def where(self):
        return ""

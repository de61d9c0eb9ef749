# expect: fallback_that_is_not_async.py:27: ProgressService.unknown: it is not async; say async def
from freestone.contract import Contract, query
from freestone.service import fallback, service


class Catalog(Contract):
    @query
    async def path(self, slug: str) -> str: ...

    @query
    async def size(self) -> int: ...


class Progress(Contract):
    @query
    async def where(self) -> str: ...


@service
class ProgressService(Progress):
    catalog: Catalog

    async def where(self):
        return ""

    @fallback(Catalog.path)
    def unknown(self, slug):
        return slug

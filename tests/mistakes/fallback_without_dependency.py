# expect: fallback_without_dependency.py:25: ProgressService.unknown: it is a fallback for Catalog.path, which is no operation of a dependency; name one, as fallback(Catalog.path) for catalog: Catalog
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
    async def where(self):
        return ""

    @fallback(Catalog.path)
    async def unknown(self, slug):
        return slug

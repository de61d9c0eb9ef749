# expect: fallback_of_other_parameters.py:27: ProgressService.unknown: it takes (self, name), and the contract says (self, slug); write async def path(self, slug)
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
    async def unknown(self, name):
        return name

# expect: two_fallbacks_of_one_operation.py:20: ProgressService.other: Catalog.size has a fallback already, none; take one of them out
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

    none = fallback(Catalog.size).value(0)
    other = fallback(Catalog.size).value(1)

    async def where(self):
        return ""

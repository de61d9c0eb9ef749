# expect: fallback_value_of_another_type.py:20: ProgressService.none: its value is no result of Catalog.size: Expected `int`, got `str`; give one that is
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

    none = fallback(Catalog.size).value("many")

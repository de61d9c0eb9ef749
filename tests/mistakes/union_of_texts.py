# expect: union_of_texts.py:9: Progress.due, result: datetime | str: a reader can't tell its members apart: they all travel as text; keep one of them
from datetime import datetime

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def due(self, path: str) -> datetime | str:
        """Return when it is due."""

# expect: undefined_name.py:9: Progress.path, result: Outline: it has no meaning here: name 'Outline' is not defined; define or import it before this class, and not under TYPE_CHECKING
from __future__ import annotations

from freestone.contract import Contract, Message, query


class Progress(Contract):
    @query
    async def path(self, name: str) -> Outline:
        """Return a path."""


class Outline(Message):
    title: str

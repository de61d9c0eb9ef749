# expect: wrong_constraint.py:11: Progress.title, parameter path: str: Can only set `ge` on a numeric type; leave out that constraint, or change the type
from typing import Annotated

from msgspec import Meta

from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def title(self, path: Annotated[str, Meta(ge=1)]) -> str:
        """Return the title."""

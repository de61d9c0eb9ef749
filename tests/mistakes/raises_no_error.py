# expect: raises_no_error.py:7: Progress.path, raises KeyError: it is no ServiceError; derive it from one of the canonical errors
from freestone.contract import Contract, query


class Progress(Contract):
    @query(raises=[KeyError])
    async def path(self, name: str) -> str:
        """Return a path."""

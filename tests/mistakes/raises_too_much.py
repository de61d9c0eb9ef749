# expect: raises_too_much.py:8: Progress.path, raises ServiceError: it says nothing; name the errors that are meant
from freestone.contract import Contract, query
from freestone.errors import ServiceError


class Progress(Contract):
    @query(raises=[ServiceError])
    async def path(self, name: str) -> str:
        """Return a path."""

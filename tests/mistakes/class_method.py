# expect: class_method.py:8: Progress.path: a classmethod can't be an operation; leave out @classmethod
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    @classmethod
    async def path(cls, name: str) -> str:
        """Return a path."""

# expect: static_method.py:8: Progress.path: a staticmethod can't be an operation; leave out @staticmethod
from freestone.contract import Contract, query


class Progress(Contract):
    @staticmethod
    @query
    async def path(name: str) -> str:
        """Return a path."""

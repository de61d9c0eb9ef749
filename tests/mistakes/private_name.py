# expect: private_name.py:7: Progress._path: an operation is public; give it another name
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def _path(self, name: str) -> str:
        """Return a path."""

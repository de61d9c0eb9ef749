# expect: private_parameter.py:7: Progress.path, parameter _name: its name starts with an underscore; give it a public name
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def path(self, _name: str) -> str:
        """Return a path."""

# expect: undecorated_method.py:6: Progress.path: it is neither a query nor a command; decorate it with @query or @command, or move it elsewhere
from freestone.contract import Contract


class Progress(Contract):
    async def path(self, name: str) -> str:
        """Return a path."""

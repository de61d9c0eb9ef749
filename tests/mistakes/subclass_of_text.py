# expect: subclass_of_text.py:11: Progress.title, parameter path: PathName: "PathName" arrives as a plain str; say str, or NewType("PathName", str)
from freestone.contract import Contract, query


class PathName(str):
    pass


class Progress(Contract):
    @query
    async def title(self, path: PathName) -> str:
        """Return the title."""

# expect: memoryview_result.py:7: Progress.content, result: memoryview: "memoryview" can't cross a process boundary; say bytes
from freestone.contract import Contract, query


class Progress(Contract):
    @query
    async def content(self) -> memoryview:
        """Return the content."""

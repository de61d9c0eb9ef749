# expect: raw_field.py:9: Progress.path, result.rest: Raw: "Raw" can't cross a process boundary; say bytes, or name the type that is in it
import msgspec

from freestone.contract import Contract, Message, query


class Outline(Message):
    title: str
    rest: msgspec.Raw


class Progress(Contract):
    @query
    async def path(self) -> Outline:
        """Return a path."""

# expect: mutable_message.py:7: Progress.path, result: Outline: "Outline" is mutable; derive it from Message, or say class Outline(…, frozen=True)
import msgspec

from freestone.contract import Contract, query


class Outline(msgspec.Struct):
    title: str


class Progress(Contract):
    @query
    async def path(self) -> Outline:
        """Return a path."""

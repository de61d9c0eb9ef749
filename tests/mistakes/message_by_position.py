# expect: message_by_position.py:5: Progress.path, result: Outline: "Outline" is sent by position, so that no field can be added; leave out array_like=True
from freestone.contract import Contract, Message, query


class Outline(Message, array_like=True):
    title: str


class Progress(Contract):
    @query
    async def path(self) -> Outline:
        """Return a path."""

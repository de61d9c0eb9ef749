# expect: message_that_refuses_new_fields.py:5: Progress.path, result: Outline: "Outline" refuses what newer versions add; leave out forbid_unknown_fields=True
from freestone.contract import Contract, Message, query


class Outline(Message, forbid_unknown_fields=True):
    title: str


class Progress(Contract):
    @query
    async def path(self) -> Outline:
        """Return a path."""

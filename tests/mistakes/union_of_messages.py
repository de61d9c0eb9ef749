# expect: union_of_messages.py:15: Progress.resource, result: Video | Article: a reader can't tell its messages apart; declare each of them with tag=True
from freestone.contract import Contract, Message, query


class Video(Message):
    minutes: int


class Article(Message):
    words: int


class Progress(Contract):
    @query
    async def resource(self, name: str) -> Video | Article:
        """Return a resource."""

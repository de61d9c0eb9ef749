# expect: message_without_argument.py:15: Progress.paths, result: Page: "Page" does not say of what it is; say Page[str], or whatever it holds
from typing import Generic, TypeVar

from freestone.contract import Contract, Message, query

T = TypeVar("T")


class Page(Message, Generic[T]):
    items: tuple[T, ...]


class Progress(Contract):
    @query
    async def paths(self) -> Page:
        """Return a page of paths."""

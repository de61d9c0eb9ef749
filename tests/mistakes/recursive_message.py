# expect: recursive_message.py:7: Progress.tree, result.payload: object: "object" can't cross a process boundary; name a concrete type
from freestone.contract import Contract, Message, query


class Node(Message):
    children: tuple["Node", ...]
    payload: object


class Progress(Contract):
    @query
    async def tree(self) -> Node:
        """Return the tree."""

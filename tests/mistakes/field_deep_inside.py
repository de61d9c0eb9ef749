# expect: field_deep_inside.py:7: Progress.path, result.steps[].extra: dict[str, object]: "object" can't cross a process boundary; name a concrete type
from freestone.contract import Contract, Message, query


class Step(Message):
    title: str
    extra: dict[str, object]


class Outline(Message):
    steps: tuple[Step, ...]


class Progress(Contract):
    @query
    async def path(self, name: str) -> Outline | None:
        """Return a path."""

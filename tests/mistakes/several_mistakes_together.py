# expect: several_mistakes_together.py:15: Progress.path, result: Outline: "Outline" is mutable; derive it from Message, or say class Outline(…, frozen=True)
# expect: several_mistakes_together.py:17: Progress.path, result.extra: object: "object" can't cross a process boundary; name a concrete type
# expect: several_mistakes_together.py:22: Progress.path, parameter name: it has no annotation; say name: and its type
# expect: several_mistakes_together.py:22: Progress.path, parameter *rest: variadic positional parameters can't cross; declare one parameter that is a tuple
# expect: several_mistakes_together.py:26: Progress.size: it is not async; say async def, or return AsyncIterator[T] if it is a stream
# expect: several_mistakes_together.py:33: Progress.leave: it is neither a query nor a command; decorate it with @query or @command, or move it elsewhere
# expect: several_mistakes_together.py:37: Progress.enrol: there are two methods of that name, and the later hides the earlier; give one of them another name
from typing import Any

import msgspec

from freestone.contract import Contract, command, query


class Outline(msgspec.Struct):
    title: str
    extra: object


class Progress(Contract):
    @query
    async def path(self, name, *rest: str) -> Outline:
        """Return a path."""

    @query
    def size(self) -> int:
        """Return the size."""

    @command
    async def enrol(self, learner: Any, limit: int = "ten"):
        """Enrol a learner."""

    async def leave(self, learner: str) -> None:
        """End a learner's enrolment."""

    @command
    async def enrol(self, learner: str) -> Outline:
        """Enrol a learner."""

"""For how long a call keeps the event loop to itself, over all of its turns: what asyncio does not tell of a task."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, final


async def watched(work: Coroutine[Any, Any, None], clock: Callable[[], float], kept: Callable[[float], None]) -> None:
    """Run that work, and say in the end for how many seconds it ran, if it was not all in one turn.

    What it waits for is not counted, nor what tasks of its own do.
    """
    steps = _Steps(work, clock)
    try:
        await steps
    finally:
        if steps.turns > 1:
            kept(steps.seconds)


@final
class _Steps:
    """Awaits a coroutine step by step. All that the loop or a canceller does to the one is done to the other."""

    __slots__ = ("_clock", "_work", "seconds", "turns")

    def __init__(self, work: Coroutine[Any, Any, None], clock: Callable[[], float]) -> None:
        self._work = work
        self._clock = clock
        self.seconds = 0.0
        self.turns = 0

    def __await__(self) -> Generator[Any, Any, None]:
        thrown: BaseException | None = None
        while True:
            self.turns += 1
            since = self._clock()
            try:
                waiting = self._work.send(None) if thrown is None else self._work.throw(thrown)
            except StopIteration:
                return
            finally:
                thrown = None
                self.seconds += self._clock() - since
            try:
                yield waiting
            except GeneratorExit:
                self._work.close()
                raise
            except BaseException as error:
                thrown = error

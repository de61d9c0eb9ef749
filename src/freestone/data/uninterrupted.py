"""Work that is never left half done.

A statement runs in a thread, and goes on there when the task that waits for it is cancelled. To give the connection
back at that moment would hand the next one a connection in the middle of something; to throw it away would cost a
new one, and leave its locks held until the thread comes round. So the work is asked to hurry, and is waited for.

It is a part of the task that awaits it: a task of its own would cost two turns of the loop, also for work that waits
for nothing. What the work waits for is hidden from the task, whose cancellation would reach it otherwise.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

_T = TypeVar("_T")


@types.coroutine
def uninterrupted(work: Coroutine[Any, Any, _T], hurry: Callable[[], None] | None = None) -> Generator[Any, Any, _T]:
    """Return what the work returns, or raise what it raises, and leave only when it has ended.

    When the caller is cancelled meanwhile, ``hurry`` is called, and CancelledError raised once the work is over;
    what the work came to is then dropped.
    """
    cancelled: asyncio.CancelledError | None = None
    while True:
        try:
            awaited = work.send(None)
        except StopIteration as end:
            if cancelled is not None:
                raise cancelled from None
            return end.value  # type: ignore[no-any-return]
        except BaseException:
            if cancelled is not None:
                raise cancelled from None
            raise
        while True:
            try:
                yield from _hidden(awaited)
            except asyncio.CancelledError as error:
                cancelled = error
                if hurry is not None:
                    hurry()
                if awaited is not None and not awaited.done():
                    continue
            break


@types.coroutine
def after_first_step(work: Coroutine[Any, Any, _T], call: Callable[[], None]) -> Generator[Any, Any, _T]:
    """Return what the work returns, or raise what it raises. Once it waits for the first time, ``call`` is called."""
    try:
        awaited = work.send(None)
        call()
        while True:
            try:
                sent = yield awaited
            except BaseException as error:
                awaited = work.throw(error)
            else:
                awaited = work.send(sent)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _hidden(awaited: Any) -> Generator[Any, Any, None]:
    """Wait for what the work waits for: a future, or with None for a turn of the loop. To be cancelled leaves it be."""
    if awaited is None:
        yield
        return
    # The protocol by which a future tells a task that it is awaited: https://docs.python.org/3/library/asyncio-extending.html
    awaited._asyncio_future_blocking = False
    if awaited.done():
        return
    waiter: asyncio.Future[None] = awaited.get_loop().create_future()

    def wake(_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    awaited.add_done_callback(wake)
    try:
        yield from waiter
    finally:
        awaited.remove_done_callback(wake)

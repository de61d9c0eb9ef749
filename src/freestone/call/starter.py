"""Starts the coroutine of a call at once, and gives it a task of its own when that can make a difference.

A task for each call costs as much as all the rest of answering it, and most handlers that have what they need in
memory never wait. So a call is started where its request was read, and only what is left when it first waits goes on
as a task. Whatever runs in the call must not be able to tell: ``current_task()`` is a task that is this call's alone,
``asyncio.timeout`` and task groups can cancel it, and the context variables that it sets are its own.

From Python 3.12 on asyncio does this itself: ``Task(eager_start=True)``. On 3.11 it is done here. One task is kept that
is parked on a future: the *spare*. A call is stepped in a copy of the context, with the spare as the current task. If
it ends, the spare can be lent to the next call, provided that nobody has taken notice of it: no new reference to it,
strong or weak, no callback, no cancellation, no other name. Otherwise it ends, as the task of that call would have. If
the call waits, the spare is woken to go on with it until its end, and another one is made.
"""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from sys import getrefcount
from typing import Any, Final, Protocol, TypeAlias, cast, final
from weakref import getweakrefcount

from .policy import Habit

# asyncio offers them to those who implement tasks: docs.python.org, "Extending asyncio".
_enter_task: Final = asyncio.tasks._enter_task  # pyright: ignore[reportPrivateUsage]
_leave_task: Final = asyncio.tasks._leave_task  # pyright: ignore[reportPrivateUsage]

Work: TypeAlias = Coroutine[Any, Any, None]
_IDLE: Final = "freestone: waits for a call"


class Starter(Protocol):
    """Starts calls on one event loop."""

    def start(self, work: Work, habit: Habit) -> asyncio.Task[None] | None:
        """Start the work; return its task, or None if it has ended already. ``habit`` is that of its operation.

        The work may have run up to where it first waits, or not at all.
        """
        ...

    def close(self) -> None:
        """Keep nothing for further calls."""
        ...


def starter(loop: asyncio.AbstractEventLoop) -> Starter:
    """Return the one for this version of Python. A loop in debug mode gets plain tasks, which its tools know."""
    if loop.get_debug():
        return PlainStarter(loop)
    return EagerStarter(loop) if sys.version_info >= (3, 12) else LendingStarter(loop)


@final
class PlainStarter:
    """Gives each call a task, which begins in the next turn of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def start(self, work: Work, habit: Habit) -> asyncio.Task[None] | None:
        return self._loop.create_task(work)

    def close(self) -> None: ...


@final
class EagerStarter:
    """Has asyncio start the task at once, as it can from Python 3.12 on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def start(self, work: Work, habit: Habit) -> asyncio.Task[None] | None:
        try:
            task: asyncio.Task[None] = asyncio.Task(work, loop=self._loop, eager_start=True)  # type: ignore[call-arg,unused-ignore]
        except (SystemExit, KeyboardInterrupt) as error:
            self._loop.call_soon(_raise, error)
            return None
        return None if task.done() else task

    def close(self) -> None: ...


@final
class LendingStarter:
    """Steps the call itself, with the spare as its task, which goes on with it if it waits. See above."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._spare: _Spare | None = None
        self._making = False
        self._closed = False
        self._make()

    def start(self, work: Work, habit: Habit) -> asyncio.Task[None] | None:
        if habit.skips:
            habit.skips -= 1
            return self._loop.create_task(work)
        spare = self._spare
        if spare is None:
            self._make()
            return self._loop.create_task(work)
        loop, task = self._loop, spare.task
        try:
            _enter_task(loop, task)
        except RuntimeError:  # this is a step of another task
            return loop.create_task(work)
        context = copy_context()
        try:
            waiting = context.run(work.send, None)
        except StopIteration:
            pass
        except (SystemExit, KeyboardInterrupt) as error:
            loop.call_soon(_raise, error)
        except BaseException as error:
            loop.call_exception_handler({"message": "a call failed outside of its handler", "exception": error})
        else:
            self._spare = None
            spare.take(work, context, waiting)
            self._make()
            habit.waited()
            return task
        finally:
            _leave_task(loop, task)
        # Could anything outside tell this task from a new one? The one reference more is that of this frame.
        if (
            getrefcount(task) != spare.refs + 1
            or getweakrefcount(task) != spare.weak_refs
            or spare.parking.done()
            or task._callbacks
            or task.get_name() is not _IDLE
        ):
            self._spare = None
            spare.end()
        elif habit.step:
            habit.ran()
        return None

    def close(self) -> None:
        self._closed = True
        if self._spare is not None:
            self._spare.end()
            self._spare = None

    def _make(self) -> None:
        """Have a spare in the next turn of the loop."""
        if not self._making and not self._closed:
            self._making = True
            _Spare(self._loop, self._parked)

    def _parked(self, spare: _Spare) -> None:
        self._making = False
        if self._closed:
            spare.end()
        else:
            self._spare = spare


@final
class _Spare:
    """A task that waits for a call that it can go on with."""

    __slots__ = ("_context", "_waiting", "_work", "parking", "refs", "task", "weak_refs")

    def __init__(self, loop: asyncio.AbstractEventLoop, parked: Any) -> None:
        self.parking: asyncio.Future[None] = loop.create_future()
        self._work: Work | None = None
        self._context: Context | None = None
        self._waiting: Any = None
        self.refs = self.weak_refs = 0
        """How many references there are to the task, strong and weak, when nobody has taken notice of it."""
        self.task: asyncio.Task[None] = loop.create_task(cast(Work, self._run()), name=_IDLE)
        self.task._log_destroy_pending = False  # type: ignore[attr-defined]  # a loop that just stops may drop it
        loop.call_soon(self._settle, parked)

    def _settle(self, parked: Any) -> None:
        self.refs, self.weak_refs = getrefcount(self.task), getweakrefcount(self.task)
        parked(self)

    def take(self, work: Work, context: Context, waiting: Any) -> None:
        """Go on, in the next turn of the loop, with work that waits."""
        self._work, self._context, self._waiting = work, context, waiting
        self.end()

    def end(self) -> None:
        """Wake up; a task that was given no work ends."""
        if not self.parking.done():
            self.parking.set_result(None)

    @types.coroutine
    def _run(self) -> Generator[Any, None, None]:
        cancelled: BaseException | None = None
        try:
            yield from self.parking
        except asyncio.CancelledError as error:
            if self._work is None:
                raise
            cancelled = error
        if self._work is None or self._context is None:
            return
        send, throw, run = self._work.send, self._work.throw, self._context.run
        waiting, self._waiting = self._waiting, None
        # A task that was cancelled in its first step cancels what it waits for, as soon as it does.
        if waiting is not None and (cancelled is None or waiting.cancel()):
            cancelled = None
            try:
                yield waiting
            except BaseException as error:
                cancelled = error
        while True:
            try:
                waiting = run(send, None) if cancelled is None else run(throw, cancelled)
            except StopIteration:
                return
            finally:
                cancelled = None
            try:
                yield waiting
            except BaseException as error:
                cancelled = error


def _raise(error: BaseException) -> None:
    """Raise it where the event loop sees it, as a step of a task does."""
    raise error

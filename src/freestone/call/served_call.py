"""A call that was let in, and has a task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, final

from freestone.errors import Cancelled, DeadlineExceeded, ServiceError
from freestone.service import Context

from .admission import Place
from .dispatch import Streaming
from .served_stream import ServedStream
from .target import Target

if TYPE_CHECKING:
    from .session import Session


@final
class ServedCall:
    """One call in flight. Its session forgets it when it has ended."""

    __slots__ = (
        "_expired", "_lag", "_place", "_since", "begun", "call_id", "cancelled", "session", "slot", "stream", "target",
        "task",
    )  # fmt: skip

    task: asyncio.Task[None]

    def __init__(self, session: Session, call_id: int, target: Target, place: Place, since: float) -> None:
        self.session = session
        self.call_id = call_id
        self.target = target
        self.slot: set[Any] | None = None
        self.cancelled = False
        """Whether nobody waits for the answer any more."""
        self.stream: ServedStream | None = None
        """What sends the items, if the operation streams and has begun to."""
        self.begun = False
        """Whether its task has run, and can be cancelled."""
        self._expired = False
        self._place = place
        self._since = since
        self._lag = 0.0

    def begin(self) -> None:
        """Note that its task runs. Raises CancelledError if nobody wants the answer any more."""
        self.begun = True
        self._lag = self.session.loop.time() - self._since
        if self.cancelled:
            raise asyncio.CancelledError

    def end(self) -> None:
        """Make room for another."""
        session = self.session
        if self.cancelled and not self._expired:  # it did not take as long as such calls take
            session.admission.abandoned(self._place, self._since, self._lag)
        else:
            session.admission.ended(self._place, self._since, self._lag, done=not self._expired)
        session.forget(self)

    def expire(self) -> None:
        """The deadline has passed."""
        self._expired = True
        self.cancel()

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        self.cancelled = True
        # A task that is cancelled before its first step never runs, and could not answer; it looks for itself.
        if self.begun:
            self.task.cancel()

    def why(self) -> ServiceError:
        """Return what a call that was cancelled is answered with."""
        if self._expired:
            return DeadlineExceeded(f"{self.target.name} did not end by its deadline")
        return given_up(self.target)

    def wake(self) -> None:
        """Credit has come, or the network takes more."""
        if self.stream is not None:
            self.stream.wake()

    async def run(self, arguments: tuple[Any, ...], context: Context) -> None:
        """Perform a call that streams, and answer it."""
        session, operation = self.session, self.target.operation
        context.task = self.task
        try:
            self.begin()
            self.stream = ServedStream(self, Streaming(self.target, arguments, context))
            await self.stream.run()
        except ServiceError as error:
            session.answer_error(self.call_id, operation, error)
        except asyncio.CancelledError:
            session.answer_error(self.call_id, operation, self.why())
        finally:
            self.stream = None
            self.end()


def given_up(target: Target) -> Cancelled:
    """Return what a call is answered with that its caller has cancelled."""
    return Cancelled(f"{target.name} was cancelled by its caller")

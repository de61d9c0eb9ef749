"""A call that waits to be let in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from freestone.contract import ErrorBody
from freestone.errors import DeadlineExceeded, ServiceError
from freestone.wire import Request

from .admission import Place
from .policy import Waiter
from .served_call import given_up
from .target import Target

if TYPE_CHECKING:
    from .session import Session


@final
class WaitingCall:
    """A request in the queue of admission, which begins it, or refuses it when its time has run out."""

    __slots__ = ("call_id", "deadline", "request", "session", "slot", "target", "waiter")

    def __init__(self, session: Session, request: Request, target: Target, deadline: float) -> None:
        self.session = session
        self.call_id = request.call_id
        self.request = request
        self.target = target
        self.deadline = deadline
        """In the loop's time; infinity if there is none."""
        self.slot: set[Any] | None = None
        self.waiter: Waiter[Any] | None = None

    def start(self, place: Place, now: float) -> None:
        """Begin it, at that time, at that place."""
        self.session.forget(self)
        self.session.start(self.request, self.target, self.deadline, place, now)

    def refuse(self, body: ErrorBody) -> None:
        """Answer with that error; nothing was begun."""
        self.session.forget(self)
        self.session.refuse(self.call_id, body)

    def expire(self) -> None:
        """The deadline has passed."""
        self._leave(DeadlineExceeded(f"{self.target.name} was not begun by its deadline"))

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        self._leave(given_up(self.target))

    def wake(self) -> None:
        """Do nothing: what has not begun waits for no credit."""

    def _leave(self, error: ServiceError) -> None:
        session = self.session
        session.admission.withdraw(self, error.message)
        session.forget(self)
        session.answer_error(self.call_id, self.target.operation, error, begun=False)

"""One event, given to the method that hears it, as a command is given to its handler.

The method runs through dispatch: in one transaction of its service with what ``record`` writes before the commit,
with its own published events, under a deadline, and again if the transaction loses a race. What it calls carries keys
that are derived from the subscription and the event, so that a repetition is known for one by whoever is called."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, Final, final

from freestone.call import Target, invoke
from freestone.clock import Random, trace_id
from freestone.contract import Event, Kind, Operation, Parameter
from freestone.data import Database, Transaction
from freestone.errors import FreestoneError, Internal, Reject, ServiceError
from freestone.lease import LeaseLost, StaleToken
from freestone.service import Context, Extra, deadline, parse_traceparent

from .broker import Source
from .decoding import decoder
from .envelope import Envelope, Malformed
from .kept import Failure
from .subscription import Subscription

_MOST_TRACE: Final = 4000
"""Characters of a traceback that are kept: its end, where the error is."""
_MOST_ERROR: Final = 1000
_REPETITIONS: Final = 40
"""How often a handler is run again whose transaction has lost its race, of which nobody is the cause but those beside
it. No caller waits for an answer, and to set the event aside would have all that follow it wait in line."""

Record = Callable[[Transaction], Awaitable[None]]


@final
class Known(FreestoneError):
    """The event was taken in before: its transaction is undone."""


@final
class Handling:
    """The handler of one subscription."""

    def __init__(
        self, subscription: Subscription, owner: Source, method: Callable[..., Any], database: Database, random: Random
    ) -> None:
        """``owner`` is the service that hears; ``method`` is the bound method of it."""
        self.name = f"{owner.service}.{subscription.method}"
        self._key = f"{owner.application}/{owner.service}/{subscription.name}"
        self._seconds = subscription.deadline
        self._method = method
        self._database = database
        self._random = random
        service: object = getattr(method, "__self__", None)
        self._decode = decoder(subscription.event)
        self._operation = Operation(
            subscription.method,
            type(service),
            Kind.COMMAND,
            parameters=(Parameter("event", subscription.event),),
        )

    async def run(self, envelope: Envelope, record: Record) -> Failure | None:
        """Handle an event; return why it could not be, or None if it was, and committed with what ``record`` wrote.

        Raises Known, StaleToken and LeaseLost as ``record`` does, and whatever else is not the handler's doing.
        """
        try:
            event = self._decode(envelope)
        except Malformed as error:
            return Failure(_storable(str(error)[:_MOST_ERROR]), rejected=True)
        run = _Run(self._method, self._operation, self._database, record)
        target = Target(self.name, self._operation, run, random=self._random, repetitions=_REPETITIONS)
        try:
            async with deadline(self._seconds, what=self.name) as outer:
                await invoke(target, (event,), self._context(envelope, outer))
        except Exception as error:
            if run.ours is not None:
                raise run.ours from None
            return _failure(run.error or error)
        return None

    def _context(self, envelope: Envelope, outer: Context) -> Context:
        """Return the context of the handler: of the trace in which the event was published."""
        parent = parse_traceparent(envelope.traceparent or "")
        trace = trace_id() if parent is None else parent.trace_id
        context = Context(self._operation, outer.deadline, asyncio.current_task(), None, trace)
        extra = None
        if parent is not None:
            extra = Extra(span_id=parent.span_id, flags=parent.flags, state=envelope.tracestate or "")
        context.receive(extra, self.key(envelope))
        return context

    def key(self, envelope: Envelope) -> str:
        """Return the idempotency key under which an event is handled: the same at each repetition."""
        return blake2b(f"{self._key}/{envelope.id}".encode(), digest_size=16).hexdigest()


class _Run:
    """The method as dispatch runs it, perhaps several times; it notes what the runs have failed with."""

    def __init__(self, method: Callable[..., Any], operation: Operation, database: Database, record: Record) -> None:
        self._method = method
        self._operation = operation
        self._database = database
        self._record = record
        self.ours: Known | StaleToken | LeaseLost | None = None
        """What ended it that is not the handler's doing."""
        self.error: Exception | None = None
        """What the handler has raised."""

    async def __call__(self, event: Event) -> None:
        self.ours = self.error = None
        self._database.before_commit(self._before_commit)
        copy = self._operation.copy_arguments
        try:
            await self._method(*((event,) if copy is None else copy((event,))))
        except (ServiceError, ExceptionGroup) as error:  # either may say that the transaction has lost a race
            self.error = error
            raise
        except Exception as error:
            self.error = error
            # Said in words that leave the boundary as they are: whoever hears, here, has the error itself.
            raise Internal("the handler of an event failed") from error

    async def _before_commit(self, transaction: Transaction) -> None:
        try:
            await self._record(transaction)
        except (Known, StaleToken, LeaseLost) as error:
            self.ours = error
            raise Internal("the event is no longer this process's") from error
        except Exception as error:
            self.error = error
            raise


def _failure(error: Exception) -> Failure:
    """Return what is kept of an error."""
    lines = traceback.format_exception(error)
    try:
        said = str(error)
    except Exception:  # it is the application's, and what it says is not worth the event
        said = ""
    name = type(error).__name__
    return Failure(
        _storable(f"{name}: {said}"[:_MOST_ERROR] if said else name),
        _storable("".join(lines)[-_MOST_TRACE:]),
        rejected=isinstance(error, Reject),
    )


def _storable(text: str) -> str:
    """Return a text that every database takes: without zeros, and halves of characters."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")

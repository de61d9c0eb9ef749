"""What a piece of work knows about the call that it belongs to.

A ``Context`` is made for each call that a handler serves, and is current while the handler runs. It holds what
crosses every boundary alike (the deadline, who asks, the trace) and what belongs to this handler alone (the
transaction that is open). ``deadline`` and ``acting_as`` derive another one around a block; the handler's own part
is shared with it.

Theory of the deadline: whoever sets one arms one timer that cancels the task which set it. A callee that runs in
that very task, as a co-located one does, is thereby covered and needs no timer of its own. That is why a context
remembers the task: work in *another* task, started by a handler on its own, has the deadline but not the timer,
and the next call made there arms one.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Protocol, final

import msgspec

from freestone.clock import call_key, span_id
from freestone.clock import trace_id as new_trace_id
from freestone.contract import Kind, Operation, digest
from freestone.errors import DeadlineExceeded

from .extra import NO_FIELDS, NOTHING, Extra
from .key import LONGEST_KEY, derived_key, is_key
from .trace import RANDOM, TraceParent


@final
class Identity(msgspec.Struct, frozen=True):
    """On whose behalf a call is made; travels with it to every callee."""

    subject: str
    """Who, as the application names its people or programs."""
    scopes: tuple[str, ...] = ()
    """What it may do, as the application names that."""


class Enlisted(Protocol):
    """Something whose fate is the handler's: a transaction."""

    @property
    def owner(self) -> str:
        """Whose it is, for messages."""
        ...

    @property
    def writes(self) -> bool:
        """Whether it holds writes."""
        ...

    async def commit(self) -> None:
        """Make it last. Called once, when the handler has returned."""
        ...

    async def rollback(self) -> None:
        """Undo it. Called once, when the handler has raised or was cancelled, or a commit has failed."""
        ...


class Called(Protocol):
    """An operation, under the name of its service."""

    @property
    def name(self) -> str: ...

    @property
    def operation(self) -> Operation: ...


@final
class Context(msgspec.Struct, eq=False, weakref=True):
    """The call that the current code serves. Read it with ``current()``."""

    # One is made for each call, and nothing in it refers back to itself, so that it is gone with the call and never
    # waits for the garbage collector.

    operation: Operation | None
    """What is being served; None outside of a handler."""
    deadline: float | None
    """When the call is over, in the event loop's time; None if nobody has set it."""
    task: asyncio.Task[Any] | None
    """The task that is cancelled at the deadline."""
    identity: Identity | None
    trace_id: str
    enlisted: list[Enlisted] | None = None
    resources: dict[Any, Any] | None = None
    sent_command: bool = False
    ended: bool = False
    extra: Extra | None = None
    run: int = 0
    """How many runs of the handler have lost their race before this one."""
    _key: str | None = None
    caller: tuple[Context, Called, tuple[Any, ...]] | None = None
    """Of a command that is called in this process: from which handler, what, and with which arguments, so that its key
    is derived when somebody needs it, and not before. None if it has a key already."""
    _calls: dict[str, int] | None = None
    _attempt: int = 0
    before: int = 0
    """How often what the handler calls may have been called before: by other attempts and other runs."""
    _handler: Context | None = None

    @property
    def handler(self) -> Context:
        """The context of the handler itself, which ``deadline`` and ``acting_as`` blocks in it share."""
        return self._handler or self

    def derive(self, deadline: float | None, task: asyncio.Task[Any] | None, identity: Identity | None) -> Context:
        """Return a context for a block within the same handler."""
        derived = Context(self.operation, deadline, task, identity, self.trace_id)
        derived._handler = self.handler
        if self.extra is not None:
            derived.extra = self.extra
        return derived

    def receive(self, extra: Extra | None, key: str | None = None, attempt: int = 0) -> None:
        """Take over what came with the call: its caller's extra, the key of the command, and which repetition it is."""
        if extra is not None and (onward := extra.onward()) is not None:
            self.extra = onward
        if key is not None:
            self._key = key
        if attempt:
            self._attempt = self.before = attempt

    def again(self) -> Context:
        """Return a context for another run of the handler, which was undone: nothing is enlisted, the key is the same.

        That commands were sent is not forgotten: they have happened, whatever becomes of the next run.
        """
        fresh = Context(self.operation, self.deadline, self.task, self.identity, self.trace_id)
        fresh.run = self.run + 1
        fresh.sent_command = self.sent_command
        fresh.caller = self.caller
        fresh.receive(self.extra, self._key, self._attempt)
        fresh.before = self.before + 1
        return fresh

    @property
    def idempotency_key(self) -> str | None:
        """What the command that is served has in common with its repetitions, and with no other; None for a query.

        The caller's framework makes it, or its caller gave it. What a handler calls has keys that are derived from it.
        """
        handler = self.handler
        if handler.operation is not None and handler.operation.kind is not Kind.COMMAND:
            return None  # a client of another make may send one with a query
        if handler._key is None and handler.operation is not None:
            # A co-located call: it has no need of a key unless somebody looks at it.
            if handler.caller is None:
                handler._key = call_key()
            else:
                caller, called, arguments = handler.caller
                handler._key = caller.key_of_call(called.name, called.operation, arguments)
        return handler._key

    @property
    def has_key(self) -> bool:
        """Whether the key of the command means something to whoever calls: it was sent, given or derived."""
        return self._key is not None or (self.caller is not None and self.caller[0].serves_command)

    @property
    def serves_command(self) -> bool:
        """Whether it is the context of a command's handler, from whose key others follow."""
        return self.operation is not None and self.operation.kind is Kind.COMMAND

    def key_of_call(self, name: str, operation: Operation, arguments: tuple[Any, ...]) -> str:
        """Return the key of a command that is called here, now: each call counts.

        It is the one that was given for it, one that is derived if this is the handler of a command, or a new one.
        """
        if self.extra is not None and self.extra.given_key is not None:
            return self.extra.given_key
        handler = self.handler
        if handler.operation is None or (own := handler.idempotency_key) is None:
            return call_key()
        key = derived_key(own, name, digest(operation, arguments))
        if handler._calls is None:
            handler._calls = {}
        before = handler._calls[key] = handler._calls.get(key, -1) + 1
        return key if before == 0 else derived_key(key, str(before))

    @property
    def attempt(self) -> int:
        """How many times the call was sent before, as far as its caller knows; 0 for the first time.

        A handler that is run again counts as one that sends what it calls again, though it may not have come so far.
        """
        return self.handler._attempt

    @property
    def span_id(self) -> str | None:
        """The span that the call comes from, 16 hexadecimal digits; None if nobody has said."""
        return None if self.extra is None else self.extra.span_id

    @property
    def flags(self) -> int:
        """The flags of W3C Trace Context: bit 0 is set if the trace is sampled."""
        return 0 if self.extra is None else self.extra.flags

    @property
    def state(self) -> str:
        """The ``tracestate`` of W3C Trace Context, as whoever began the trace and its systems wrote it."""
        return "" if self.extra is None else self.extra.state

    @property
    def fields(self) -> Mapping[str, bytes]:
        """The context fields by name, encoded; also those that this process has not declared."""
        return NO_FIELDS if self.extra is None else self.extra.fields

    @property
    def traceparent(self) -> str:
        """The header of that name for a request to somebody who speaks HTTP; ``state`` is ``tracestate``."""
        extra = self.extra
        if extra is None or extra.span_id is None:
            return str(TraceParent(self.trace_id, span_id(), self.flags | RANDOM))
        return str(TraceParent(self.trace_id, extra.span_id, extra.flags))

    def remaining(self) -> float:
        """Return the seconds that are left, negative if it is over, infinity if there is no deadline."""
        if self.deadline is None:
            return math.inf
        return self.deadline - asyncio.get_running_loop().time()

    def around(self, resource: Enlisted) -> Context:
        """Return a context for a block outside of a handler that has something enlisted, and ends it by itself."""
        block = Context(None, self.deadline, self.task, self.identity, self.trace_id)
        block.extra = self.extra
        block.enlisted = [resource]
        return block

    def enlist(self, key: object, resource: Enlisted) -> None:
        """Tie a resource to the handler's outcome; ``enlisted_as(key)`` finds it again.

        Raises RuntimeError when the handler has ended, as it has for a task that it left behind.
        """
        handler = self.handler
        if handler.ended:
            raise RuntimeError(
                f"{handler.operation.name if handler.operation else 'the handler'} has ended, and with it its "
                "transaction; a task that outlives its handler opens one of its own"
            )
        if handler.enlisted is None:
            handler.enlisted = []
            handler.resources = {}
        handler.enlisted.append(resource)
        assert handler.resources is not None
        handler.resources[key] = resource

    def enlisted_as(self, key: object) -> Any:
        """Return the resource that was enlisted under the key, or None."""
        resources = self.handler.resources
        return None if resources is None else resources.get(key)

    async def commit(self) -> None:
        """End the handler well: commit what is enlisted, in order. Whatever a failed commit leaves is undone."""
        self.ended = True
        enlisted, self.enlisted, self.resources = self.enlisted or [], None, None
        for index, resource in enumerate(enlisted):
            try:
                await resource.commit()
            except BaseException:
                for other in enlisted[index:]:
                    await other.rollback()
                raise

    async def rollback(self) -> None:
        """End the handler badly: undo what is enlisted, the latest first."""
        self.ended = True
        enlisted, self.enlisted, self.resources = self.enlisted or [], None, None
        for resource in reversed(enlisted):
            await resource.rollback()


CURRENT: ContextVar[Context | None] = ContextVar("freestone.context", default=None)


def current() -> Context | None:
    """Return the context of the call that this code serves, or None outside of one."""
    return CURRENT.get()


@final
class deadline:  # noqa: N801 - reads as a statement, as asyncio.timeout does
    """Give a block, and every call made in it, that many seconds; a deadline that is nearer already stays.

    ``math.inf`` lifts the default for calls in the block, but not a deadline that a caller has set. Raises
    DeadlineExceeded at the end of the block when the time is over, and cancels what runs in it then.

    >>> async def patient(catalog):
    ...     async with deadline(0.5):
    ...         return await catalog.paths()
    """

    __slots__ = ("_at", "_seconds", "_timer", "_token", "_what")

    def __init__(self, seconds: float, *, at: float | None = None, what: str = "the block") -> None:
        if seconds != seconds or (at is None and seconds < 0):
            raise ValueError(f"a deadline is a number of seconds from now, not {seconds}")
        self._seconds = seconds
        self._at = at
        self._what = what
        self._timer: asyncio.Timeout | None = None
        self._token: Token[Context | None] | None = None

    async def __aenter__(self) -> Context:
        outer = CURRENT.get()
        task = asyncio.current_task()
        when = self._at
        if when is None:
            when = asyncio.get_running_loop().time() + self._seconds
        if outer is not None and outer.deadline is not None and outer.deadline <= when:
            if outer.task is task:
                return outer
            when = outer.deadline
        context = (
            Context(None, when, task, None, new_trace_id())
            if outer is None
            else outer.derive(when, task, outer.identity)
        )
        if when != math.inf:
            self._timer = asyncio.timeout_at(when)
            await self._timer.__aenter__()
        self._token = CURRENT.set(context)
        return context

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            CURRENT.reset(self._token)
        if self._timer is not None:
            try:
                await self._timer.__aexit__(kind, error, trace)
            except TimeoutError:
                raise DeadlineExceeded(f"{self._what} did not end by its deadline") from None


@contextlib.contextmanager
def within(context: Context) -> Generator[Context]:
    """Make a context current for a block."""
    token = CURRENT.set(context)
    try:
        yield context
    finally:
        CURRENT.reset(token)


def acting_as(identity: Identity | None) -> AbstractContextManager[Context]:
    """Make the calls of a block on behalf of that identity.

    >>> with acting_as(Identity("ada")) as context:
    ...     context.identity.subject
    'ada'
    """
    outer = CURRENT.get()
    return within(
        Context(None, None, None, identity, new_trace_id())
        if outer is None
        else outer.derive(outer.deadline, outer.task, identity)
    )


def continuing(parent: TraceParent, state: str = "") -> AbstractContextManager[Context]:
    """Make the calls of a block part of a trace that another program has begun."""
    outer = CURRENT.get()
    context = Context(None, None, None, None, parent.trace_id)
    if outer is not None:
        context = outer.derive(outer.deadline, outer.task, outer.identity)
        context.trace_id = parent.trace_id
    before = context.extra or NOTHING
    context.extra = Extra(
        span_id=parent.span_id, flags=parent.flags, state=state, fields=before.fields, known=dict(before.known),
        given_key=before.given_key,
    )  # fmt: skip
    return within(context)


def keyed(key: str) -> AbstractContextManager[Context]:
    """Give the command that a block calls that idempotency key, instead of one that is made for it.

    For a command whose repetition is somebody else's to decide: a client of the gateway that asks again, a script that
    is run again after ``MayHaveHappened``. A block calls one command. Raises ValueError for a key that is
    empty, longer than 255 characters, or has others than printable ones of ASCII.

    >>> async def pay(payments, invoice):
    ...     with keyed(f"invoice-{invoice}"):
    ...         await payments.pay(invoice)
    """
    if not is_key(key):
        raise ValueError(
            f"an idempotency key has 1 to {LONGEST_KEY} printable characters of ASCII, which {key!r} has not"
        )
    outer = CURRENT.get()
    context = (
        Context(None, None, None, None, new_trace_id())
        if outer is None
        else outer.derive(outer.deadline, outer.task, outer.identity)
    )
    context.extra = (context.extra or NOTHING).with_key(key)
    return within(context)

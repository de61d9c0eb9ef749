"""From the name of an operation to the method that performs it, and the rules that hold around every method.

These rules are the same however the call came here. A handler that returns commits what it enlisted; one that raises
or is cancelled undoes it. An error that the contract declares, or a canonical one, leaves as it is. Any other
exception is a bug: it is logged in full here, where it happened, and leaves as ``Internal`` with a trace id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from freestone.contract import Kind, Operation, contract_of, fingerprint, operations
from freestone.errors import (
    CANONICAL,
    Cancelled,
    ConnectionLost,
    Internal,
    ServiceError,
    Unavailable,
    Unimplemented,
)
from freestone.service import CURRENT, Context
from freestone.signals import SIGNALS, CallEnded
from freestone.wire import SENDS

from .policy import Habit

_log = logging.getLogger("freestone.call")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """An operation, and the method that performs it."""

    name: str
    """As it is called on the wire: ``progress.complete``."""
    operation: Operation
    method: Callable[..., Any]
    essential: bool = False
    """Whether it is let in whatever the load is."""
    habit: Habit = field(default_factory=Habit)
    """Whether its calls tend to end at once."""
    kind: int = field(init=False)
    """What the header of its calls says: the kind of the operation, and whether its callers send items."""

    def __post_init__(self) -> None:
        command, sends = self.operation.kind is Kind.COMMAND, self.operation.takes is not None
        object.__setattr__(self, "kind", command + SENDS * sends)


@final
class Dispatcher:
    """The operations of the services that run in this process."""

    def __init__(self, services: Mapping[str, object]) -> None:
        self.targets: dict[str, Target] = {}
        """The operations by name; ``find`` says what is wrong with a name that is not here."""
        self.fingerprints: dict[str, str] = {}
        """The services by name, each with the fingerprint of its contract."""
        for service, instance in services.items():
            self.add(service, instance)

    def add(self, service: str, instance: object, *, essential: bool = False) -> None:
        """Serve one more; an essential one is never refused for load. Raises TypeError if it keeps no contract."""
        contract = contract_of(instance)
        for operation in operations(contract).values():
            name = f"{service}.{operation.name}"
            self.targets[name] = Target(name, operation, getattr(instance, operation.name), essential)
        self.fingerprints[service] = fingerprint(contract)

    def find(self, name: str) -> Target:
        """Return the target of that name. Raises Unimplemented, saying what is served."""
        target = self.targets.get(name)
        if target is None:
            service, _, method = name.rpartition(".")
            if service not in self.fingerprints:
                served = ", ".join(sorted(self.fingerprints)) or "no service"
                raise Unimplemented(f"there is no service {service!r} here; this process serves {served}")
            raise Unimplemented(f"{service} has no operation {method!r}")
        return target


async def invoke(target: Target, arguments: tuple[Any, ...], context: Context) -> Any:
    """Run the method with the context current, and end its transaction. Raises ServiceError, or is cancelled."""
    token = CURRENT.set(context)
    started = asyncio.get_running_loop().time() if SIGNALS.observed else 0.0
    failure: BaseException | None = None
    try:
        result = await target.method(*arguments)
        if context.enlisted is not None:
            await context.commit()
        return result
    except BaseException as error:
        failure = error
        failure = await undo(error, target, context)
        if failure is error:
            raise
        raise failure from None
    finally:
        context.ended = True
        CURRENT.reset(token)
        if SIGNALS.observed:
            seconds = asyncio.get_running_loop().time() - started
            SIGNALS.announce(CallEnded(target.name, seconds, failure, context.trace_id))
        failure = None  # a frame that is in an error's traceback and holds the error waits for the garbage collector


async def undo(error: BaseException, target: Target, context: Context) -> BaseException:
    """Undo what a method that raised had enlisted, and return what leaves the boundary."""
    if context.enlisted is not None:
        await context.rollback()
    return outcome(error, target, context)


def outcome(error: BaseException, target: Target, context: Context) -> BaseException:
    """Return what leaves the boundary for what the method raised."""
    if isinstance(error, ServiceError):
        error.retried = error.retried or _given_up_below(error)
        if type(error) is Unavailable and context.sent_command:
            # The handler never ran a second time, but the first command it sent may have had its effect.
            lost = ConnectionLost(f"{target.name} was cut off midway: {error.message}")
            lost.retried = error.retried
            return lost
        if type(error) in CANONICAL or isinstance(error, target.operation.raises):
            return error
    elif isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is None or task.cancelling():
            return error
        return Cancelled(f"{target.name} cancelled itself")
    elif not isinstance(error, Exception):
        return error
    _log.error(
        "%s failed with an error that its contract does not declare; trace %s",
        target.name,
        context.trace_id,
        exc_info=error,
    )
    internal = Internal(f"{target.name} failed; its log has the details under trace {context.trace_id}")
    internal.trace_id = context.trace_id
    return internal


def _given_up_below(error: ServiceError) -> bool:
    """Whether the error was made of one that a policy has given up on, as ``raise Unavailable(…) from error`` does."""
    seen = 0
    cause: BaseException | None = error
    while cause is not None and seen < 8:
        if isinstance(cause, ServiceError) and cause.retried:
            return True
        cause = cause.__cause__ or cause.__context__
        seen += 1
    return False


@final
class Streaming:
    """The items of a method that streams, each step of which runs with the context current.

    A generator's body sees the context variables of whoever asks for the next item, so the context is set around
    each step rather than once.
    """

    __slots__ = ("_arguments", "_context", "_items", "_target")

    def __init__(self, target: Target, arguments: tuple[Any, ...], context: Context) -> None:
        self._target = target
        self._arguments = arguments
        self._context = context
        self._items: AsyncIterator[Any] | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        context = self._context
        if context.ended:
            raise StopAsyncIteration
        token = CURRENT.set(context)
        try:
            if self._items is None:
                self._items = aiter(self._target.method(*self._arguments))
            return await anext(self._items)
        except StopAsyncIteration:
            if context.enlisted is not None:
                await context.commit()
            context.ended = True
            raise
        except BaseException as error:
            if context.enlisted is not None:
                await context.rollback()
            context.ended = True
            failure = outcome(error, self._target, context)
            if failure is error:
                raise
            raise failure from None
        finally:
            CURRENT.reset(token)

    async def aclose(self) -> None:
        """Stop early: the method's ``finally`` blocks run, and its transaction is undone."""
        context = self._context
        if context.ended:
            return
        context.ended = True
        token = CURRENT.set(context)
        try:
            close: Callable[[], Awaitable[None]] | None = getattr(self._items, "aclose", None)
            if close is not None:
                await close()
        finally:
            try:
                if context.enlisted is not None:
                    await context.rollback()
            finally:
                CURRENT.reset(token)

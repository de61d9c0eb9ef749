"""From the name of an operation to the method that performs it, and the rules that hold around every method.

These rules are the same however the call came here. A handler that returns commits what it enlisted; one that raises
or is cancelled undoes it (``outcome``); one whose transaction lost a race is run again (``repetition``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, final

from freestone.clock import Random, system_random
from freestone.contract import Contract, Kind, Operation, contract_of, fingerprint, is_mutable, operations
from freestone.errors import Unimplemented
from freestone.service import CURRENT, Context, Replies
from freestone.signals import SIGNALS, CallEnded

from .once import Once
from .outcome import outcome, undo
from .repetition import lost_race, run_again
from .target import Target


@final
class Dispatcher:
    """The operations of the services that run in this process."""

    def __init__(self, services: Mapping[str, object], *, random: Random | None = None) -> None:
        self.targets: dict[str, Target] = {}
        """The operations by name; ``find`` says what is wrong with a name that is not here."""
        self._contracts: dict[str, type[Contract]] = {}
        self._fingerprints: dict[str, str] = {}
        self.keeping: set[str] = set()
        """The services that keep what their commands came to."""
        self._random = random or system_random()
        for service, instance in services.items():
            self.add(service, instance)

    def add(self, service: str, instance: object, *, essential: bool = False, replies: Replies | None = None) -> None:
        """Serve one more; an essential one is never refused for load. Raises TypeError if it keeps no contract.

        ``replies`` is where it keeps what its commands came to, if it has a database: then each takes effect once, and
        its handlers have transactions, which may lose a race and be run again.
        """
        contract = contract_of(instance)
        once = None if replies is None else Once(replies)
        if once is not None:
            self.keeping.add(service)
        for operation in operations(contract).values():
            name, method = f"{service}.{operation.name}", getattr(instance, operation.name)
            if once is not None and not operation.streams and any(is_mutable(it.type) for it in operation.parameters):
                method = _with_a_copy(operation, method)
            of_command = once if operation.kind is Kind.COMMAND else None
            self.targets[name] = Target(name, operation, method, essential, once=of_command, random=self._random)
        self._contracts[service] = contract
        self._fingerprints.pop(service, None)

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """The services by name, each with the fingerprint of its contract. It is made for the first peer that asks."""
        for service in self._contracts.keys() - self._fingerprints.keys():
            self._fingerprints[service] = fingerprint(self._contracts[service])
        return self._fingerprints

    def find(self, name: str) -> Target:
        """Return the target of that name. Raises Unimplemented, saying what is served."""
        target = self.targets.get(name)
        if target is None:
            service, _, method = name.rpartition(".")
            if service not in self._contracts:
                served = ", ".join(sorted(self._contracts)) or "no service"
                raise Unimplemented(f"there is no service {service!r} here; this process serves {served}")
            raise Unimplemented(f"{service} has no operation {method!r}")
        return target


async def invoke(target: Target, arguments: tuple[Any, ...], context: Context) -> Any:
    """Run the method with the context current, and end its transaction. Raises ServiceError, or is cancelled."""
    token = CURRENT.set(context)
    started = asyncio.get_running_loop().time() if SIGNALS.observed else 0.0
    failure: BaseException | None = None
    try:
        if target.once is not None and context.has_key:
            return await target.once.perform(target, arguments, context)
        result = await target.method(*arguments)
        if context.enlisted is not None:
            await context.commit()
        return result
    except BaseException as error:
        failure = error
        lost = lost_race(error)
        if lost is not None and target.operation.takes is None:
            try:
                result = await run_again(target, arguments, context, lost)
                failure = None
                return result
            except BaseException as last:
                failure = last
                raise
            finally:
                lost = None
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


def _with_a_copy(operation: Operation, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that is given a copy of what is mutable, so that another run finds it as it came."""

    def run(*arguments: Any) -> Any:
        copy = operation.copy_arguments
        return method(*(arguments if copy is None else copy(arguments)))

    return run


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

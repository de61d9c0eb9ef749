"""Limits on the calls that a process has in flight, so that a slow dependency does not take everything with it.

They hold in every placement, and only where ``freestone.toml`` sets one: elsewhere nothing stands in the way of a call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any, final

from freestone.contract import Operation
from freestone.errors import ResourceExhausted
from freestone.signals import SIGNALS, CallRefused

from .policy import Policies
from .transport import Transport


@final
class Bulkheads:
    """The limits of a process. All of its clients of a service share them."""

    def __init__(self, policies: Policies) -> None:
        self._services = {
            name: _Gate(f"calls.services.{name}.limit", name, policy.limit)
            for name, policy in policies.services.items()
            if policy.limit is not None
        }
        self._methods = {
            name: _Gate(f'calls.methods."{name}".limit', name, policy.limit)
            for name, policy in policies.methods.items()
            if policy.limit is not None
        }
        self._default = policies.default.limit

    def around(self, transport: Transport, service: str) -> Transport:
        """Return a transport that refuses what is over the limits; the same one where there is no limit."""
        gate = self._services.get(service)
        if gate is None and self._default is not None:
            gate = self._services[service] = _Gate("calls.limit", service, self._default)
        methods = {name: gate for name, gate in self._methods.items() if name.rpartition(".")[0] == service}
        return transport if gate is None and not methods else _Limited(transport, service, gate, methods)


@final
class _Gate:
    """Lets in as many at a time as its limit says."""

    __slots__ = ("inside", "key", "limit", "what")

    def __init__(self, key: str, what: str, limit: int) -> None:
        self.key = key
        self.what = what
        self.limit = limit
        self.inside = 0

    def enter(self, operation: str) -> None:
        """Raises ResourceExhausted, saying what would change it."""
        if self.inside >= self.limit:
            if SIGNALS.observed:
                SIGNALS.announce(CallRefused(operation, self.key, self.inside))
            raise ResourceExhausted(
                f"{operation} was not called: this process has {self.inside} calls to {self.what} in flight, "
                f"and {self.key} allows no more"
            )
        self.inside += 1


@final
class _Limited:
    """Carries calls to one service, as many at a time as it may."""

    def __init__(self, transport: Transport, service: str, gate: _Gate | None, methods: dict[str, _Gate]) -> None:
        self._transport = transport
        self._service = service
        self._gate = gate
        self._methods = methods

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        gates = self._gates(operation)
        call = self._transport.invoke(operation, arguments)
        return self._invoke(operation, call, gates) if gates else call

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        gates = self._gates(operation)
        items = self._transport.stream(operation, arguments)
        return _LimitedStream(self._name(operation), items, gates) if gates else items

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        gates = self._gates(operation)
        call = self._transport.exchange(operation, arguments, items)
        if not gates:
            return call
        if operation.streams:
            return _LimitedStream(self._name(operation), call, gates)
        return self._invoke(operation, call, gates)

    def _name(self, operation: Operation) -> str:
        return f"{self._service}.{operation.name}"

    def _gates(self, operation: Operation) -> list[_Gate]:
        return [gate for gate in (self._methods.get(self._name(operation)), self._gate) if gate is not None]

    async def _invoke(self, operation: Operation, call: Awaitable[Any], gates: list[_Gate]) -> Any:
        held = _Held(gates)
        try:
            held.enter(self._name(operation))
        except ResourceExhausted:
            getattr(call, "close", lambda: None)()  # it was made, and is not to be awaited
            raise
        try:
            return await call
        finally:
            held.leave()


@final
class _Held:
    """The gates that one call is inside of."""

    __slots__ = ("_gates", "_inside")

    def __init__(self, gates: list[_Gate]) -> None:
        self._gates = gates
        self._inside: list[_Gate] = []

    def enter(self, operation: str) -> None:
        try:
            for gate in self._gates:
                gate.enter(operation)
                self._inside.append(gate)
        except ResourceExhausted:
            self.leave()
            raise

    def leave(self) -> None:
        for gate in self._inside:
            gate.inside -= 1
        self._inside.clear()


@final
class _LimitedStream:
    """A stream that counts as in flight from its first item on until it is over."""

    def __init__(self, name: str, items: AsyncIterator[Any], gates: list[_Gate]) -> None:
        self._name = name
        self._items = items
        self._held = _Held(gates)
        self._begun = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if not self._begun:
            self._held.enter(self._name)
            self._begun = True
        try:
            return await anext(self._items)
        except BaseException:
            self._held.leave()
            raise

    async def aclose(self) -> None:
        """Stop early."""
        self._held.leave()
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()

    def __del__(self) -> None:
        self._held.leave()

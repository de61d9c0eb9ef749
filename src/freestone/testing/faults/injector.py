"""Takes the faults of a plan on the calls of one process, and counts them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, final

from freestone.call import Address, Deadlines, Network, Transport
from freestone.clock import Clock, Random, SystemClock
from freestone.contract import Operation
from freestone.errors import DeadlineExceeded, ServiceError, Unavailable
from freestone.service import current, deadline
from freestone.signals import SIGNALS, Signal

from .network import FaultyNetwork
from .plan import NOTHING, Action, Cut, Drop, Edge, Failure, Fault, FaultPlan

_SENTENCE = re.compile(r"the fault (\S+) was taken (\d+) times on (.+)$")


@final
class FaultTaken(Signal):
    """A fault was injected: which, and on which edge."""

    fault: str
    edge: str


@final
class Faults:
    """The faults of one run, whatever its processes: the plan, and what was taken of it."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.taken_on: Counter[tuple[str, str]] = Counter()
        """How often each fault was taken on each edge, as ``("slow-catalog", "progress -> catalog.path")``. Processes
        of their own tell when they drain: what they took is counted when the run has ended.
        """

    @property
    def taken(self) -> Counter[str]:
        """How often each fault was taken."""
        found: Counter[str] = Counter()
        for (fault, _), count in self.taken_on.items():
            found[fault] += count
        return found

    def report(self) -> list[str]:
        """Return what was taken, a sentence for each fault and edge."""
        return [
            f"the fault {fault} was taken {count} times on {edge}"
            for (fault, edge), count in sorted(self.taken_on.items())
        ]

    def hear(self, line: str) -> None:
        """Count what another process has taken, if the line ends with a sentence of its report."""
        if found := _SENTENCE.search(line):
            self.taken_on[found[1], found[3]] += int(found[2])


@final
class Injector:
    """The faults of one process. An ``Interposer`` for its host; it belongs to one event loop.

    ``process`` and ``replica`` say which; each draws from a chance of its own. Times are counted from now.
    """

    def __init__(self, faults: Faults, process: str, replica: int = 0, *, clock: Clock | None = None) -> None:
        self.plan = faults.plan
        self.process = process
        self.replica = replica
        self._faults = faults
        self._clock = clock or SystemClock()
        self._start = self._clock.monotonic()
        self._chances: dict[Edge, Random] = {}
        self._networks: list[FaultyNetwork] = []

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._start

    def transport(self, caller: str, service: str, process: str, inner: Transport, deadlines: Deadlines) -> Transport:
        """Return a transport that takes the faults on the calls of that caller; ``inner`` where there are none."""
        edge = Edge(caller, self.process, service)
        return FaultyTransport(self, edge, process, inner, deadlines) if self.plan.concerns(edge) else inner

    def network(self, inner: Network, process_at: Callable[[Address], str]) -> Network:
        """Return a network whose connections are slow or cut."""
        made = FaultyNetwork(self, inner, process_at)
        self._networks.append(made)
        return made

    def chance(self, edge: Edge) -> Random:
        """Return the chance of an edge: it depends on the seed, the process and the edge alone."""
        found = self._chances.get(edge)
        if found is None:
            seed = f"{self.plan.seed} {self.process}.{self.replica} {edge}"
            found = self._chances[edge] = random.Random(seed)
        return found

    def take(self, fault: Fault, edge: Edge) -> None:
        """Count a fault, and announce it."""
        self._faults.taken_on[fault.name, str(edge)] += 1
        if SIGNALS.observed:
            SIGNALS.announce(FaultTaken(fault.name, str(edge)))

    def cut(self, fault: Fault, edge: Edge, process: str) -> None:
        """Cut every connection to a process."""
        if sum(network.cut(process) for network in self._networks):
            self.take(fault, edge)


@final
class FaultyTransport:
    """Carries calls to one service, or does not."""

    def __init__(self, injector: Injector, edge: Edge, process: str, inner: Transport, deadlines: Deadlines) -> None:
        self._injector = injector
        self._edge = edge
        self._process = process
        self._inner = inner
        self._deadlines = deadlines
        self._edges: dict[Operation, Edge] = {}

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        edge, action = self._decide(operation)
        if action is NOTHING:
            return self._inner.invoke(operation, arguments)
        # Taken now, as every transport does: the call may begin later.
        copy = operation.copy_arguments
        taken = arguments if copy is None else copy(arguments)
        return self._invoke(edge, action, lambda: self._inner.invoke(operation, taken))

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        edge, action = self._decide(operation)
        if action is NOTHING:
            return self._inner.stream(operation, arguments)
        copy = operation.copy_arguments
        taken = arguments if copy is None else copy(arguments)
        return self._stream(edge, action, lambda: self._inner.stream(operation, taken))

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        edge, action = self._decide(operation)
        if action is NOTHING:
            return self._inner.exchange(operation, arguments, items)
        copy = operation.copy_arguments
        taken = arguments if copy is None else copy(arguments)
        run = self._stream if operation.streams else self._invoke
        return run(edge, action, lambda: self._inner.exchange(operation, taken, items))

    def _decide(self, operation: Operation) -> tuple[Edge, Action]:
        edge = self._edges.get(operation)
        if edge is None:
            of = self._edge
            edge = self._edges[operation] = Edge(of.caller, of.process, of.service, operation.name)
        injector = self._injector
        return edge, injector.plan.decide(edge, injector.now, injector.chance(edge))

    async def _invoke(self, edge: Edge, action: Action, begin: Callable[[], Awaitable[Any]]) -> Any:
        async with self._until(edge):
            await self._before(edge, action)
            if action.end is None or isinstance(action.end.what, Cut):
                return await begin()
            if action.happens:
                with contextlib.suppress(ServiceError):  # its caller hears of another
                    await begin()
            return await self._end(edge, action.end)

    async def _stream(self, edge: Edge, action: Action, begin: Callable[[], AsyncIterator[Any]]) -> AsyncIterator[Any]:
        async with self._until(edge):
            await self._before(edge, action)
            if action.end is not None and not isinstance(action.end.what, Cut):
                await self._end(edge, action.end)
        items: Any = begin()
        try:
            async for item in items:
                yield item
        finally:
            await items.aclose()

    def _until(self, edge: Edge) -> deadline:
        """Hold a call to the deadline that it would have without faults."""
        name = f"{edge.service}.{edge.method}"
        context = current()
        given = None if context is None else context.deadline
        at = self._deadlines.end(name, asyncio.get_running_loop().time(), given)
        return deadline(0, at=at, what=name)

    async def _before(self, edge: Edge, action: Action) -> None:
        context = current()
        if context is not None and context.remaining() <= 0:
            raise DeadlineExceeded(f"{edge.service}.{edge.method} was not begun: the deadline had passed")
        for fault in action.late:
            self._injector.take(fault, edge)
        if action.latency:
            await asyncio.sleep(action.latency)
        if action.end is not None and isinstance(action.end.what, Cut):
            asyncio.get_running_loop().call_later(action.cut_after, self._injector.cut, action.end, edge, self._process)

    async def _end(self, edge: Edge, fault: Fault) -> None:
        self._injector.take(fault, edge)
        name = f"{edge.service}.{edge.method}"
        match fault.what:
            case Failure(error):
                raise _final(error(f"{name} failed: the fault {fault.name} was injected"))
            case Drop():
                await asyncio.get_running_loop().create_future()  # until the deadline
            case _:
                raise _final(Unavailable(f"{name} was not called: the fault {fault.name} was injected"))


def _final(error: ServiceError) -> ServiceError:
    """Mark an error as what a call came to after its policy: no layer above tries again, so that a share stays one."""
    error.retried = True
    return error

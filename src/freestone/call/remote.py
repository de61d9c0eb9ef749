"""A call to a service of another process: encoded, sent to one of its replicas, and answered.

Which replica takes it, whether it is sent again, and when, is decided by ``policy``; here it is done. What the replica
answers is told to the balancer, and what was decided to who listens.

Who minds the deadline: the caller's own task, if the deadline around it has armed a timer on that task (then the
task is cancelled, and the call with it); the pool's timer wheel otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, final

from freestone.clock import trace_id as new_trace_id
from freestone.contract import ErrorBody, Kind, Operation
from freestone.errors import (
    Aborted,
    ConnectionLost,
    DeadlineExceeded,
    Internal,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)
from freestone.service import CURRENT, RECEIVED, Context
from freestone.signals import SIGNALS, CallGivenUp, CallRepeated
from freestone.wire import Body, Error, FrameTooLarge, RequestEncoder

from .connection import Answer, Lost, PeerConnection, Waiting
from .destination import Destination
from .exchange import exchange
from .hedging import Race
from .inflow import Inflow
from .large import LARGE, large_of
from .policy import Policies, Quantile, Replica, Safety, Stop, next_attempt
from .pool import Peer, Pool
from .propagation import NOBODY, command_key, tail
from .remote_stream import WINDOW, RemoteStream
from .running import running
from .source import Source

_BLAMED: Final = frozenset({int(Unavailable.code), int(DeadlineExceeded.code), int(Internal.code)})
"""The errors that speak against the replica that answers with them."""
_UNTRIED: Final = frozenset({Unavailable, Aborted, ResourceExhausted})
"""The errors that say of one attempt that it came to nothing, and nothing of an earlier one."""
_NOBODY_THERE: Final = "no replica could be reached in time"
_REFUSED: Final = 0.1
"""Seconds that a refused call counts as having taken, at least."""


@final
class WireTransport:
    """Carries calls to one service, which runs in another process.

    ``process`` is what the pool's resolver knows it by.
    """

    __slots__ = ("_calls", "_peer", "_policies", "_pool", "_service")

    def __init__(self, pool: Pool, process: str, service: str, policies: Policies | None = None) -> None:
        self._pool = pool
        self._peer = pool.peer(process)
        self._service = service
        self._policies = policies or Policies()
        self._calls: dict[Operation, Route] = {}

    def invoke(self, operation: Operation, arguments: tuple[Any, ...]) -> Awaitable[Any]:
        route = self._calls.get(operation) or self._route(operation)
        # The arguments are taken now, not when the call is awaited: what the caller does to them later is its own.
        encoded = route.encode(arguments)
        key = command_key(CURRENT.get(), route.name, operation, arguments) if route.command else None
        return route.invoke(encoded, route.home(arguments), key)

    def stream(self, operation: Operation, arguments: tuple[Any, ...]) -> AsyncIterator[Any]:
        route = self._calls.get(operation) or self._route(operation)
        return RemoteStream(route, operation.encode_arguments(arguments), home=route.home(arguments))

    def exchange(self, operation: Operation, arguments: tuple[Any, ...], items: AsyncIterator[Any]) -> Any:
        route = self._calls.get(operation) or self._route(operation)
        source = Source(operation, items, CURRENT.get())
        if operation.streams:
            return RemoteStream(route, operation.encode_arguments(arguments), source, home=route.home(arguments))
        key = command_key(CURRENT.get(), route.name, operation, arguments) if route.command else None
        return exchange(route, operation.encode_arguments(arguments), source, route.home(arguments), key)

    def _route(self, operation: Operation) -> Route:
        name = f"{self._service}.{operation.name}"
        route = self._calls[operation] = Route(operation, name, self._pool, self._peer, self._policies)
        return route


@final
class Route:
    """One operation and the way to it: what is the same in each of its calls."""

    __slots__ = (
        "command", "deadline", "destination", "encode", "encoder", "hedge", "large", "limit", "name", "of_service",
        "operation", "peer", "place", "policy", "pool", "safety", "seen",
    )  # fmt: skip

    destination: Destination
    """Known from the first call on, when there is an event loop."""

    def __init__(self, operation: Operation, name: str, pool: Pool, peer: Peer, policies: Policies) -> None:
        self.operation = operation
        self.name = name
        self.pool = pool
        self.peer = peer
        self.policy = policies.of(name)
        self.of_service = policies.service(name.rpartition(".")[0])
        self.deadline = policies.deadline
        self.limit = self.policy.deadline
        self.command = operation.kind is Kind.COMMAND
        options = operation.options
        self.place = None if options.route_by is None else options.routed
        """Of the parameter that decides which replica serves a call, if one does."""
        self.safety = _safety(operation)
        self.hedge = None if self.command else self.policy.hedge
        self.large = large = large_of(operation)
        self.encode = operation.encode_arguments if large is None else large.encode_arguments
        self.seen = Quantile(0.5 if self.hedge is None else self.hedge.after)
        self.encoder = RequestEncoder(
            name, command=self.command, credit=WINDOW if operation.streams else 0, sends=operation.takes is not None
        )

    async def decode(self, answer: bytes) -> Any:
        """Return the result in an answer that may be large. Raises Internal."""
        return self.operation.decode_result(answer) if self.large is None else await self.large.decode_result(answer)

    def home(self, arguments: tuple[Any, ...]) -> object:
        """Return the value whose home serves a call with those arguments; None if any replica will do."""
        return None if self.place is None else arguments[self.place]

    async def invoke(self, arguments: Body, home: object = None, key: str | None = None) -> Any:
        """Make a unary call, rather to the replica that is the home of that value, if one is given.

        ``key`` is the idempotency key, for a command.

        Raises ServiceError.
        """
        pool = self.pool
        loop = pool.loop
        now = loop.time()
        outer = CURRENT.get()
        when = self.end(now, outer)
        armed = self.limit is not None or outer is None or outer.task is not running(loop)
        try:
            destination = self.destination
        except AttributeError:
            destination = self.known()
        balancer = destination.balancer
        destination.budget.calls += 1
        before = 0 if key is None or outer is None else outer.handler.before
        failed: Replica[PeerConnection] | None = None
        doubt: ServiceError | None = None
        sent = 0
        while True:
            replica = balancer.pick(now) if home is None else balancer.home(home, now)
            if replica is None:
                try:
                    replica = await self.reach(when, home)
                except Unavailable:
                    if doubt is not None:
                        raise doubt from None  # that nobody is there now says nothing about the first time
                    raise
                now = loop.time()
            elif replica is failed:
                replica = balancer.another(replica, now) or replica
            connection = replica.connection
            assert connection is not None
            if doubt is not None and self.safety is Safety.COMMAND and not self.keeps(connection):
                raise self.given_up(Stop.UNSAFE.value, doubt)  # this replica would do it a second time
            sent += 1
            if self.hedge is not None and (delay := self.hedge.delay(self.seen)) is not None:
                race = Race(self, outer, when, arguments, sent - 1)
                answer = await race.run(replica, now, delay)
                self.tell(race.winner, answer)
            else:
                future: asyncio.Future[Answer] = loop.create_future()
                call_id = self.send(connection, now, outer, when, arguments, future, key, before + sent - 1)
                replica.begin(now)
                slot = pool.wheel.arm(when, future) if armed else None
                try:
                    answer = await future
                except BaseException:
                    # Its caller gave it up, or the deadline that its caller minds has passed.
                    ended = loop.time()
                    balancer.ended(replica, now, ended, blamed=ended >= when, silent=True)
                    connection.cancel(call_id)
                    raise
                finally:
                    if slot is not None:
                        slot.discard(future)
                if type(answer) is bytes and replica.sound:
                    # What judge does, without a call: nothing else is done as often.
                    ended = loop.time()
                    replica.answered(now, ended)
                    if self.hedge is not None:
                        self.seen.observe(ended - now)
                    if (block := RECEIVED.get()) is not None:
                        block.note_replica(replica.name)
                    if len(answer) > LARGE:
                        return await self.decode(answer)
                    return self.operation.decode_result(answer)
                self.judge(replica, answer, now, loop.time())
                self.tell(replica, answer)
                connection.cancel(call_id)  # which does nothing unless it has expired: the others are over
            if type(answer) is bytes:
                return await self.decode(answer)
            leaving = replica.connection is not connection
            trace = "" if outer is None else outer.trace_id
            doubt = await self.again(answer, sent, when, leaving, trace, connection, doubt)
            failed = replica
            now = loop.time()

    def known(self) -> Destination:
        """Return what is known of the service that is called."""
        try:
            return self.destination
        except AttributeError:
            service = self.name.rpartition(".")[0]
            self.destination = found = self.peer.destination(service, self.of_service)
            return found

    def end(self, now: float, outer: Context | None) -> float:
        """Return when a call that is made now is over."""
        limit = self.limit
        given = None if outer is None else outer.deadline
        if given is None:
            return now + (self.deadline if limit is None else limit)
        return given if limit is None else min(given, now + limit)

    async def reach(self, when: float, home: object = None) -> Replica[PeerConnection]:
        """Wait for a replica, until a little before the deadline: then the caller can still hear what was missing."""
        loop = self.pool.loop
        balancer = self.known().balancer
        until = when - min(0.2, self.left(loop.time(), when) / 10)
        while True:
            try:
                await self.peer.wait(until)
            except Unavailable as error:
                error.retried = True  # it was tried for all of the time that there was
                raise self.given_up(_NOBODY_THERE, error) from error.__cause__
            now = loop.time()
            replica = balancer.pick(now) if home is None else balancer.home(home, now)
            if replica is not None:
                return replica

    def left(self, now: float, when: float) -> float:
        """Return the seconds until the deadline. Raises DeadlineExceeded if there are none."""
        left = when - now
        if left <= 0:
            raise DeadlineExceeded(f"{self.name} was not begun: the deadline had passed")
        return left

    def judge(self, replica: Replica[PeerConnection], answer: Answer, began: float, now: float) -> None:
        """Tell the balancer how a call ended that was sent to a replica then."""
        balancer = self.destination.balancer
        if isinstance(answer, bytes):
            balancer.answered(replica, began, now)
            if self.hedge is not None:
                self.seen.observe(now - began)
        elif not isinstance(answer, Error):
            # The connection was lost, or the deadline has passed.
            balancer.ended(replica, began, now, blamed=True, silent=not isinstance(answer, Lost))
        elif answer.code in _BLAMED:
            # What its own callees did to it is not its fault, and neither is that it leaves.
            blamed = answer.begun and not answer.retried
            balancer.ended(replica, began, now, blamed=blamed)
        elif answer.code == ResourceExhausted.code and not answer.begun:
            # It refuses at once. That is not to look like speed: it wants to be left alone.
            balancer.ended(replica, min(began, now - _REFUSED), now, blamed=False)
        else:
            balancer.answered(replica, began, now)

    def tell(self, replica: Replica[PeerConnection], answer: Answer) -> None:
        """Tell the blocks around who has answered, if it was an answer."""
        if isinstance(answer, bytes | Error) and (block := RECEIVED.get()) is not None:
            block.note_replica(replica.name)

    def keeps(self, connection: PeerConnection) -> bool:
        """Whether the peer has said that the service keeps there what its commands came to."""
        peer = connection.wire.peer
        return peer is not None and self.name.rpartition(".")[0] in peer.keeps

    async def again(
        self,
        answer: Answer,
        sent: int,
        when: float,
        leaving: bool,
        trace: str,
        connection: PeerConnection | None = None,
        doubt: ServiceError | None = None,
    ) -> ServiceError | None:
        """Wait until a call that ended so after that many sendings is to be made again. Raises what it failed with.

        ``leaving`` is whether the connection that it was sent on takes no more calls; ``doubt`` is what has left it
        open whether a command took effect, in an earlier attempt. Returns that for the next one.
        """
        failure = self.failure(answer)
        lost = self.command and isinstance(answer, Lost)
        kept = lost and self.safety is Safety.COMMAND and connection is not None and self.keeps(connection)
        begun = not isinstance(answer, Error) or answer.begun
        now = self.pool.loop.time()
        safety = Safety.KEPT if kept else self.safety
        decision = next_attempt(
            self.policy.retry, failure, begun=begun, leaving=leaving, safety=safety, sent=sent,
            gone=isinstance(answer, Lost) and answer.gone,
            left=when - now, budget=self.destination.budget, now=now, random=self.pool.random,
        )  # fmt: skip
        if isinstance(decision, Stop):
            failure.retried = decision.gave_up
            # Most errors that are not repeated are answers; not the one that leaves open whether something happened.
            if SIGNALS.observed and (decision is not Stop.UNSAFE or type(failure) is ConnectionLost):
                SIGNALS.announce(CallGivenUp(self.name, decision.value, failure, trace))
            if doubt is not None and type(failure) in _UNTRIED:
                doubt.retried = True
                raise doubt
            raise failure
        if SIGNALS.observed:
            SIGNALS.announce(CallRepeated(self.name, sent, decision, failure, trace))
        if decision > 0:
            await asyncio.sleep(decision)
        return failure if lost else doubt

    def given_up(self, reason: str, error: ServiceError) -> ServiceError:
        """Announce that a call is not made (again), and return the error that its caller gets."""
        if SIGNALS.observed:
            outer = CURRENT.get()
            SIGNALS.announce(CallGivenUp(self.name, reason, error, "" if outer is None else outer.trace_id))
        return error

    def send(
        self,
        connection: PeerConnection,
        now: float,
        outer: Context | None,
        when: float,
        arguments: Body,
        waiting: Waiting | Inflow,
        key: str | None = None,
        attempt: int = 0,
    ) -> int:
        """Send the request, and return the id of the call. Raises ServiceError if it can't be sent.

        ``attempt`` is how many times it was sent before; ``key`` what these have in common, for a command.
        """
        left = when - now
        if left <= 0:
            self.left(now, when)
        remaining = int(left * 1e6) if left < 1e12 else -1
        if outer is None and key is None and not attempt:
            trace, end = new_trace_id().encode(), NOBODY
        else:
            trace = (new_trace_id() if outer is None else outer.trace_id).encode()
            end = tail(outer, key, attempt)
        try:
            if isinstance(waiting, Inflow):
                call_id = connection.open(self.encoder, remaining, trace, end, arguments, waiting)
            else:
                call_id = connection.request(self.encoder, remaining, trace, end, arguments, waiting)
        except (FrameTooLarge, ValueError) as error:
            raise ResourceExhausted(f"{self.name} was not called: {error}") from None
        if self.command and outer is not None:
            outer.handler.sent_command = True
        return call_id

    def failure(self, answer: Answer) -> ServiceError:
        """Return the error that an answer is which is no result."""
        if isinstance(answer, Error):
            body = ErrorBody(answer.code, answer.name, answer.message, answer.fields, answer.trace_id, answer.retried)
            return self.operation.decode_error(body)
        if isinstance(answer, Lost):
            return ConnectionLost(f"{self.name} was sent, and no answer came: {answer.reason}")
        return DeadlineExceeded(f"{self.name} did not end by its deadline")


def _safety(operation: Operation) -> Safety:
    """What a repetition of the operation can do."""
    if operation.kind is Kind.QUERY:
        return Safety.QUERY
    return Safety.IDEMPOTENT if operation.options.idempotent else Safety.COMMAND

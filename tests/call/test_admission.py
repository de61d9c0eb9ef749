"""What a server lets in, makes wait and refuses."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from freestone.call import (
    Dispatcher,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    Serving,
    StaticResolver,
    Target,
    WireTransport,
    client,
)
from freestone.call.admission import Admission, Place
from freestone.call.policy import Waiter
from freestone.contract import Contract, ErrorBody, command, operations, query
from freestone.errors import Cancelled, DeadlineExceeded, ResourceExhausted
from freestone.service import deadline
from freestone.signals import (
    SIGNALS,
    LimitChanged,
    RequestAdmitted,
    RequestQueued,
    RequestRefused,
    RequestWithdrawn,
    Signal,
)
from freestone.testing import fake_random
from freestone.wire import Hello

ADDRESS = MemoryAddress("catalog")
HELLO = Hello(application="academy", process="catalog", instance="1")


class Catalog(Contract):
    """What there is to learn."""

    @query
    async def path(self, name: str) -> str:
        """Return a path when the test lets it."""

    @command
    async def add(self, name: str) -> None:
        """Add a path when the test lets it."""

    @query
    def watch(self) -> AsyncIterator[int]:
        """Count for ever."""


class Status(Contract):
    """How a process is."""

    @query
    async def status(self) -> str:
        """Say that it is fine."""


class Loop:
    """The clock and the callbacks of an event loop, as admission uses them, in the hands of a test."""

    def __init__(self) -> None:
        self.now = 100.0
        self._ready: list[Callable[[], None]] = []
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._ready.append(callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.now + delay, next(self._order), timer))
        return timer

    def turn(self, seconds: float = 0.0) -> None:
        """Let one turn of the loop pass, and time before it."""
        self.now += seconds
        ready, self._ready = self._ready, []
        while self._timers and self._timers[0][0] <= self.now:
            ready.append(heapq.heappop(self._timers)[2].fire)
        for callback in ready:
            callback()


class Timer:
    """A timer that may be taken back."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.fire = callback

    def cancel(self) -> None:
        self.fire = lambda: None


CATALOG = operations(Catalog)
PATH = Target("catalog.path", CATALOG["path"], lambda: None)
ADD = Target("catalog.add", CATALOG["add"], lambda: None)
STATUS = Target("freestone.status", operations(Status)["status"], lambda: None, essential=True)


class Call:
    """A call that computes for some seconds as soon as it is begun, or goes on until the test ends it."""

    def __init__(self, desk: Desk, target: Target, deadline: float, computes: float | None) -> None:
        self.desk = desk
        self.target = target
        self.deadline = deadline
        self.place: Place | None = None
        self.waiter: Waiter[Any] | None = None
        self.began = 0.0
        self.outcome = "waits"
        self.body: ErrorBody | None = None
        self._computes = computes

    def start(self, place: Place, now: float) -> None:
        assert self.outcome == "waits"
        self.outcome, self.place, self.began = "runs", place, now
        if self._computes is not None:
            self.desk.loop.now += self._computes
            self.end(None)
        else:
            self.desk.admission.goes_on(place, now)

    def end(self, lag: float | None = 0.0) -> None:
        assert self.outcome == "runs"
        assert self.place is not None
        self.outcome = "ended"
        self.desk.admission.ended(self.place, self.began, lag)

    def refuse(self, body: ErrorBody) -> None:
        assert self.outcome == "waits"
        self.outcome = "refused"
        self.body = body

    def give_up(self) -> None:
        assert self.outcome == "waits"
        assert self.desk.admission.withdraw(self, "its caller gave it up")
        self.outcome = "gave up"


class Desk:
    """Admission, with the clock in hand."""

    def __init__(self, serving: Serving) -> None:
        self.loop = Loop()
        self.admission = Admission(serving, cast(asyncio.AbstractEventLoop, self.loop))

    def comes(
        self,
        target: Target = PATH,
        *,
        left: float = 10.0,
        computes: float | None = None,
        again: bool = False,
        read: float = 0.0,
    ) -> Call:
        """Let a call come that was read so many seconds ago, with some left; return what became of it."""
        now = self.loop.now
        call = Call(self, target, now + left, computes)
        match self.admission.ask(target, now, call.deadline, again):
            case Place() as place:
                call.start(place, now)
            case ErrorBody() as body:
                call.refuse(body)
            case None:
                self.admission.wait(call, now - read, again)
        return call


def fixed(calls: int = 1, queue: int = 10, wait: float = 0.1, **methods: int) -> Desk:
    """A desk with a limit that does not move."""
    return Desk(Serving("fixed", calls, queue, wait, {f"catalog.{name}": most for name, most in methods.items()}))


def test_a_call_begins_at_once_where_there_is_a_place() -> None:
    """Nothing waits in a process that has time."""
    desk = fixed(calls=2)
    assert [desk.comes().outcome, desk.comes().outcome] == ["runs", "runs"]
    assert desk.admission.in_flight == 2


def test_a_call_waits_for_a_place() -> None:
    """And begins in the turn after one came free."""
    desk = fixed()
    first, second = desk.comes(), desk.comes()
    assert second.outcome == "waits"
    first.end()
    desk.loop.turn()
    assert second.outcome == "runs"
    assert desk.admission.in_flight == 1


def test_calls_that_compute_do_not_fill_a_turn() -> None:
    """What is too much for one turn waits for the next, so that the sockets are looked at in between."""
    desk = fixed(calls=100)
    calls = [desk.comes(computes=0.0016) for _ in range(5)]
    assert [call.outcome for call in calls] == ["ended", "ended", "waits", "waits", "waits"]
    for ended in (3, 4, 5):
        desk.loop.turn()
        assert [call.outcome for call in calls] == ["ended"] * ended + ["waits"] * (5 - ended)


def test_a_turn_is_forgotten_when_it_is_over() -> None:
    """Short calls that come one by one never add up to a full turn."""
    desk = fixed(calls=100)
    for _ in range(50):
        assert desk.comes(computes=0.0006).outcome == "ended"
        desk.loop.turn()


def test_few_begin_in_a_turn_of_those_that_will_use_the_loop_later() -> None:
    """They waited for something at first, and computed for 2 ms in all: of such there may be two in a turn."""
    desk = fixed(calls=100)
    first = desk.comes()
    assert first.place is not None
    first.place.kept(0.002)
    desk.loop.turn()
    calls = [desk.comes() for _ in range(4)]
    assert [call.outcome for call in calls] == ["runs", "runs", "waits", "waits"]
    desk.loop.turn()
    assert [call.outcome for call in calls] == ["runs", "runs", "runs", "waits"]


def test_one_that_kept_the_loop_for_long_is_not_believed_alone() -> None:
    """Its machine may have paused; and of an operation the calls differ."""
    place = Place(100)
    assert place.keeps == 0.0
    place.kept(0.002)
    assert place.keeps == 0.002
    place.kept(30.0)
    assert place.keeps == pytest.approx(0.014)


def test_some_calls_are_watched() -> None:
    """The first, and one of sixteen; none where nobody asks for it, as without a limit or in a debugged loop."""
    place = Place(100)
    watched = [number for number in range(48) if place.watches()]
    assert watched == [0, 16, 32]
    assert not any(Place(100, watched=False).watches() for _ in range(48))


def test_what_a_caller_gave_up_after_long_was_not_done() -> None:
    """Its clock was quicker than ours. What it gave up soon tells nothing."""
    desk = Desk(Serving(calls=1000))
    for _ in range(100):
        desk.loop.turn(0.01)
        desk.comes(computes=0.001)
    place = desk.comes(computes=0.001).place
    assert place is not None
    for seconds, falls in ((0.002, False), (0.5, True)):
        limits = list[float]()
        for _ in range(200):
            desk.loop.turn(0.02)
            call = desk.comes()
            assert call.place is place
            desk.admission.abandoned(place, desk.loop.now - seconds, 0.0)
            limits.append(desk.admission.limit)
        assert (min(limits) < 1000) is falls
    assert desk.admission.in_flight == 0


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    """Work that is refused costs nothing, and says so."""
    desk = fixed(queue=1)
    desk.comes()
    desk.comes()
    refused = desk.comes()
    assert refused.outcome == "refused"
    assert refused.body is not None
    error = PATH.operation.decode_error(refused.body)
    assert isinstance(error, ResourceExhausted)
    assert error.retry_after == 0.025
    assert error.message == "this process serves as many calls as it can, and as many wait as may"


def test_overload_asks_for_more_patience_than_a_burst() -> None:
    """Whoever comes back too soon is only refused again."""
    desk = fixed(queue=2)
    desk.comes()
    for _ in range(30):
        desk.comes()
        desk.loop.turn(0.006)
    refused = [desk.comes() for _ in range(3)][-1]
    assert refused.body is not None
    assert msgspec.msgpack.decode(refused.body.fields) == {"retry_after": 0.125}


def test_nobody_waits_for_ever() -> None:
    """Not even if no place ever comes free."""
    desk = fixed()
    desk.comes()
    waits = desk.comes()
    for _ in range(30):
        desk.loop.turn(0.005)
    assert waits.outcome == "refused"
    assert waits.body is not None
    assert "waited as long as a call may" in waits.body.message


def test_a_call_whose_deadline_comes_first_is_not_begun() -> None:
    """It is refused while it waits: nobody would wait for its result."""
    desk = fixed(wait=5.0)
    first, short, long = desk.comes(), desk.comes(left=0.05), desk.comes()
    desk.loop.now += 0.06
    first.end()
    desk.loop.turn()
    assert (short.outcome, long.outcome) == ("refused", "runs")


def test_the_nearest_deadline_is_served_first() -> None:
    """Of those who wait."""
    desk = fixed()
    first, long, short = desk.comes(), desk.comes(left=9), desk.comes(left=3)
    first.end()
    desk.loop.turn()
    assert (long.outcome, short.outcome) == ("waits", "runs")


def test_a_command_goes_before_a_query_that_comes_again() -> None:
    """Whatever their deadlines."""
    desk = fixed()
    first, again, writes = desk.comes(), desk.comes(left=1, again=True), desk.comes(ADD, left=9)
    first.end()
    desk.loop.turn()
    assert (again.outcome, writes.outcome) == ("waits", "runs")


def test_a_bulkhead_keeps_room_for_other_methods() -> None:
    """A method that has its share gets no more, however little the process has to do."""
    desk = fixed(calls=100, path=2)
    calls = [desk.comes() for _ in range(3)]
    assert [call.outcome for call in calls] == ["runs", "runs", "refused"]
    assert calls[2].body is not None
    assert calls[2].body.message == "catalog.path is limited to 2 calls at a time, and has them"
    assert desk.comes(ADD).outcome == "runs"
    calls[0].end()
    assert desk.comes().outcome == "runs"


def test_a_bulkhead_holds_for_those_who_waited() -> None:
    """They were let in before it was full."""
    desk = fixed(calls=2, path=1)
    other = desk.comes(ADD)
    desk.comes(ADD)
    one, two = desk.comes(), desk.comes()
    other.end()
    desk.loop.turn()
    assert (one.outcome, two.outcome) == ("runs", "waits")


def test_a_process_is_always_asked_about_itself() -> None:
    """The supervisor must not take a busy process for a dead one."""
    desk = fixed(queue=1)
    for _ in range(3):
        desk.comes()
    assert desk.comes(STATUS).outcome == "runs"
    assert desk.admission.in_flight == 1


def test_without_a_limit_everything_begins() -> None:
    """Where it is switched off."""
    desk = Desk(Serving(limit="off", calls=1, queue=1))
    assert all(desk.comes(computes=0.01).outcome == "ended" for _ in range(100))
    assert all(desk.comes().outcome == "runs" for _ in range(2000))


def test_the_age_of_what_came_during_a_long_turn_is_seen() -> None:
    """A request that was read late may have waited in the socket all the time."""
    desk = fixed(wait=0.1)
    desk.comes()
    desk.comes()
    desk.loop.now += 0.04
    late = desk.comes()
    assert late.waiter is not None
    assert late.waiter.since == pytest.approx(100.0)
    desk.loop.turn()
    desk.loop.turn(0.04)
    assert late.outcome == "waits"
    desk.loop.turn(0.021)
    assert late.outcome == "refused"


def test_those_who_waited_while_the_process_stood_still_are_served() -> None:
    """It was stopped, or its machine was: that is no overload, and nobody is refused for it."""
    desk = fixed(wait=0.1)
    runs = desk.comes()
    waits = desk.comes()
    desk.loop.turn(0.01)
    desk.loop.turn(1.0)
    assert waits.outcome == "waits"
    runs.end()
    desk.loop.turn(0.001)
    assert waits.outcome == "runs"


def test_what_comes_after_the_process_stood_still_has_not_waited() -> None:
    """Whatever it waited for before, and whether or not anybody else waits."""
    desk = fixed(wait=0.1)
    runs = desk.comes()
    desk.comes()
    desk.loop.now += 1.0
    fresh = desk.comes()
    desk.loop.turn()
    assert fresh.outcome == "waits"
    runs.end()
    desk.loop.turn(0.001)
    assert desk.admission.waiting == 1
    desk.loop.turn(0.09)
    assert desk.admission.waiting == 1
    desk.loop.turn(0.02)
    assert desk.admission.waiting == 0


def test_what_was_read_before_the_process_stood_still_has_not_waited() -> None:
    """The halt may come between the moment a request is read and the one at which it is looked at."""
    desk = fixed(wait=0.1)
    runs = desk.comes()
    calls = [desk.comes(read=1.0) for _ in range(3)]
    desk.loop.turn()
    assert [call.outcome for call in calls] == ["waits"] * 3
    runs.end()
    desk.loop.turn(0.001)
    assert [call.outcome for call in calls] == ["runs", "waits", "waits"]


def test_a_process_that_stands_still_again_and_again_refuses() -> None:
    """Its handlers block the loop: who waits for that waits for the load."""
    desk = fixed(wait=0.1)
    desk.comes()
    first = desk.comes()
    desk.loop.turn(0.2)
    assert first.outcome == "waits"
    desk.loop.turn(0.2)
    assert first.outcome == "refused"
    second = desk.comes()
    desk.loop.turn(0.2)
    assert second.outcome == "refused"


def test_calls_that_hinder_each_other_lower_the_limit() -> None:
    """With a signal that says so, and one for each decision."""
    desk, heard = Desk(Serving(calls=100)), list[Signal]()
    SIGNALS.subscribe(heard.append)
    try:
        running: list[Call] = []
        for _ in range(600):
            running += [desk.comes() for _ in range(2)]
            running = [call for call in running if call.outcome != "refused"]
            desk.loop.turn(0.002)
            oldest = next(call for call in running if call.outcome == "runs")
            oldest.end(lag=desk.loop.now - oldest.began - 0.002)
            running.remove(oldest)
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert desk.admission.limit < 20
    changes = [signal for signal in heard if isinstance(signal, LimitChanged)]
    assert changes[0].before == 100
    assert changes[-1].limit == desk.admission.limit
    assert {type(signal) for signal in heard} == {LimitChanged, RequestAdmitted, RequestQueued, RequestRefused}


def test_a_call_that_is_wanted_no_more_is_announced() -> None:
    """Once, with how long it waited: whoever counts those that wait misses none."""
    desk, heard = Desk(Serving(calls=1)), list[Signal]()
    desk.comes()
    waits = desk.comes()
    for _ in range(25):
        desk.loop.turn(0.01)
    SIGNALS.subscribe(heard.append)
    try:
        waits.give_up()
        assert not desk.admission.withdraw(waits, "again")
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert heard == [RequestWithdrawn("catalog.path", "its caller gave it up", pytest.approx(0.25, abs=0.01))]


def test_of_calls_that_run_at_once_none_is_forgotten() -> None:
    """The limit is told of many together, which took as long as they took, quick ones and others."""
    desk = Desk(Serving(calls=100))
    calls: list[Call] = []
    for number in range(2000):
        calls.append(desk.comes(computes=0.0008 if number % 4 == 0 else 0.0002))
        desk.loop.turn()
    assert all(call.outcome == "ended" for call in calls)
    assert calls[0].place is not None
    assert calls[0].place.pace.usual == pytest.approx(0.00035, rel=0.1)
    assert calls[0].place.calls < 20  # what it was not told of yet
    assert desk.admission.in_flight == 0


class Desks(RuleBasedStateMachine):
    """Every call that comes is begun once or refused once, and no more are in flight than the limit."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = fixed(calls=3, queue=4, wait=0.05, path=2)
        self.calls: list[Call] = []

    @rule(
        method=st.sampled_from([PATH, ADD]),
        left=st.sampled_from([0.004, 0.1, 10.0]),
        computes=st.sampled_from([None, 0.0001, 0.003]),
        again=st.booleans(),
    )
    def comes(self, method: Target, left: float, computes: float | None, again: bool) -> None:
        self.calls.append(self.desk.comes(method, left=left, computes=computes, again=again and method is PATH))

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.01, 0.1]))
    def turns(self, seconds: float) -> None:
        self.desk.loop.turn(seconds)

    @precondition(lambda self: any(call.outcome == "runs" for call in self.calls))
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from([call for call in self.calls if call.outcome == "runs"])).end()

    @precondition(lambda self: any(call.outcome == "waits" for call in self.calls))
    @rule(data=st.data())
    def gives_up(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from([call for call in self.calls if call.outcome == "waits"])).give_up()

    @invariant()
    def counts(self) -> None:
        admission = self.desk.admission
        running = [call for call in self.calls if call.outcome == "runs"]
        assert admission.in_flight == len(running) <= 3
        assert sum(call.target is PATH for call in running) <= 2
        assert admission.waiting == sum(call.outcome == "waits" for call in self.calls) <= 4

    def teardown(self) -> None:
        for _ in range(30):
            self.desk.loop.turn(0.01)
        assert all(call.outcome != "waits" for call in self.calls)


TestDesks = Desks.TestCase
TestDesks.settings = settings(deadline=None)


class CatalogService(Catalog):
    def __init__(self) -> None:
        self.begun: list[str] = []
        self.released = asyncio.Event()

    async def path(self, name: str) -> str:
        self.begun.append(name)
        await self.released.wait()
        return name

    async def add(self, name: str) -> None:
        self.begun.append(name)
        await self.released.wait()

    async def watch(self) -> AsyncIterator[int]:
        for number in itertools.count():
            yield number


class StatusService(Status):
    async def status(self) -> str:
        return "fine"


@contextlib.asynccontextmanager
async def serving(limits: Serving) -> AsyncIterator[tuple[CatalogService, Catalog, Server, Pool]]:
    """A server in memory, and a client of it."""
    network, service = MemoryNetwork(), CatalogService()
    dispatcher = Dispatcher({"catalog": service})
    dispatcher.add("freestone", StatusService(), essential=True)
    server = Server(dispatcher, HELLO, network=network, serving=limits)
    await server.listen(ADDRESS)
    pool = Pool(HELLO, StaticResolver({"catalog": [ADDRESS]}), network=network, random=fake_random())
    try:
        yield service, client(Catalog, WireTransport(pool, "catalog", "catalog")), server, pool
    finally:
        service.released.set()
        await pool.close()
        await server.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (there is nothing that announces it)
            await asyncio.sleep(0)


async def test_refused_calls_did_not_happen() -> None:
    """Over the wire: one runs, one waits, and one is refused with when to try again."""
    async with serving(Serving("fixed", calls=1, queue=1, wait=60)) as (service, catalog, server, _):
        one = asyncio.ensure_future(catalog.path("one"))
        await until(lambda: service.begun == ["one"])
        two = asyncio.ensure_future(catalog.path("two"))
        await until(lambda: server.waiting == 1)
        with pytest.raises(ResourceExhausted) as caught:
            await catalog.path("three")
        assert caught.value.retry_after == 15
        assert service.begun == ["one"]
        assert server.in_flight == 1
        service.released.set()
        assert await asyncio.gather(one, two) == ["one", "two"]


async def test_control_is_answered_while_others_are_refused() -> None:
    """Health is asked of a busy process too."""
    async with serving(Serving("fixed", calls=1, queue=1, wait=60)) as (service, catalog, _, pool):
        waiting = [asyncio.ensure_future(catalog.path(str(number))) for number in range(3)]
        await until(lambda: any(call.done() for call in waiting))
        status = client(Status, WireTransport(pool, "catalog", "freestone"))
        assert await status.status() == "fine"
        service.released.set()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_call_that_is_cancelled_leaves_the_queue() -> None:
    """Its place is for another, and it is never begun."""
    async with serving(Serving("fixed", calls=1, queue=1, wait=30)) as (service, catalog, server, _):
        one = asyncio.ensure_future(catalog.path("one"))
        await until(lambda: service.begun == ["one"])
        two = asyncio.ensure_future(catalog.path("two"))
        await until(lambda: server.waiting == 1)
        two.cancel()
        await until(lambda: server.waiting == 0)
        three = asyncio.ensure_future(catalog.path("three"))
        await until(lambda: server.waiting == 1)
        service.released.set()
        assert await asyncio.gather(one, three) == ["one", "three"]
        assert service.begun == ["one", "three"]
        with pytest.raises(asyncio.CancelledError):
            await two


async def test_a_call_that_expires_leaves_the_queue() -> None:
    """At the server too, whose caller may be gone."""
    async with serving(Serving("fixed", calls=1, queue=1, wait=30)) as (service, catalog, server, _):
        one = asyncio.ensure_future(catalog.path("one"))
        await until(lambda: service.begun == ["one"])
        with pytest.raises(DeadlineExceeded):
            async with deadline(0.05):
                await catalog.path("two")
        await until(lambda: server.waiting == 0)
        three = asyncio.ensure_future(catalog.path("three"))
        await until(lambda: server.waiting == 1)
        service.released.set()
        assert await asyncio.gather(one, three) == ["one", "three"]
        assert service.begun == ["one", "three"]


async def test_a_connection_that_ends_takes_its_calls_out_of_the_queue() -> None:
    """Nobody waits for them any more."""
    async with serving(Serving("fixed", calls=1, queue=5, wait=30)) as (service, catalog, server, pool):
        calls = [asyncio.ensure_future(catalog.path(str(number))) for number in range(4)]
        await until(lambda: server.waiting == 3)
        await pool.close()
        await until(lambda: server.waiting == server.in_flight == 0)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert len(service.begun) == 1
        assert all(isinstance(outcome, Exception) for outcome in outcomes)


async def test_those_who_wait_are_served_while_the_process_drains() -> None:
    """They were accepted."""
    async with serving(Serving("fixed", calls=1, queue=5, wait=30)) as (service, catalog, server, _):
        calls = [asyncio.ensure_future(catalog.path(str(number))) for number in range(3)]
        await until(lambda: server.waiting == 2)
        draining = asyncio.ensure_future(server.drain(5))
        await asyncio.sleep(0)
        service.released.set()
        assert await asyncio.gather(*calls) == ["0", "1", "2"]
        await draining


async def test_a_stream_holds_no_place() -> None:
    """It lasts as long as its reader likes."""
    async with serving(Serving("fixed", calls=1, queue=1, wait=30)) as (service, catalog, _, _pool):
        streams = [catalog.watch() for _ in range(3)]
        assert [await anext(stream) for stream in streams] == [0, 0, 0]
        service.released.set()
        assert await catalog.path("one") == "one"
        for stream in streams:
            await cast(Any, stream).aclose()


async def test_arguments_that_do_not_decode_free_the_place() -> None:
    """A caller with mistakes does not use up the limit."""

    class Other(Contract):
        """The same, seen by a caller of another time."""

        @query
        async def path(self, name: int) -> str:
            """Return a path."""

    async with serving(Serving("fixed", calls=1, queue=1, wait=30)) as (service, catalog, _, pool):
        other = client(Other, WireTransport(pool, "catalog", "catalog"))
        for _ in range(3):
            with pytest.raises(Exception, match="name"):
                await other.path(7)
        service.released.set()
        assert await catalog.path("one") == "one"


async def test_a_call_cancelled_by_its_caller_is_cancelled_here() -> None:
    """While it runs, as ever."""
    async with serving(Serving("fixed", calls=1, queue=1, wait=30)) as (service, catalog, server, _):
        one = asyncio.ensure_future(catalog.path("one"))
        await until(lambda: service.begun == ["one"])
        one.cancel()
        await until(lambda: server.in_flight == 0)
        with pytest.raises((asyncio.CancelledError, Cancelled)):
            await one

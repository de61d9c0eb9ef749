"""The callee's side of the wire: limits, cancellation, and leaving."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from freestone.call import (
    Dispatcher,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    Serving,
    SocketNetwork,
    StaticResolver,
    UnixAddress,
    WireTransport,
    client,
)
from freestone.contract import Contract, command, query
from freestone.errors import Cancelled, ConnectionLost, Internal, ResourceExhausted, ServiceError
from freestone.signals import SIGNALS, PeerConnected, PeerLost, Signal
from freestone.wire import (
    Connection,
    Error,
    Event,
    Goodbye,
    Hello,
    Limits,
    Reason,
    Reply,
    RequestEncoder,
    Side,
    request_tail,
)

HELLO = Hello(application="academy", process="catalog", instance="1")
ADDRESS = MemoryAddress("catalog")
TRACE = b"0af7651916cd43dd8448eb211c80319c"


class Catalog(Contract):
    """What there is to learn."""

    @query
    async def path(self, name: str) -> str:
        """Return a path."""

    @query
    async def wait(self) -> str:
        """Wait until released."""

    @command
    async def stubborn(self) -> str:
        """Catch the cancellation, and return."""

    @query
    async def large(self, size: int) -> bytes:
        """Return so many bytes."""

    @query
    async def excuse(self, size: int) -> str:
        """Fail with a message of so many characters."""

    @query
    def watch(self) -> AsyncIterator[bytes]:
        """Count for ever, and catch the cancellation."""


class CatalogService(Catalog):
    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.released = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.items = 0
        self.asked: Callable[[], object] = lambda: None

    async def path(self, name: str) -> str:
        self.asked()
        return f"path {name}"

    async def wait(self) -> str:
        self.begun.release()
        try:
            await self.released.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "released"

    async def stubborn(self) -> str:
        self.begun.release()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "all the same"

    async def large(self, size: int) -> bytes:
        return bytes(size)

    async def excuse(self, size: int) -> str:
        raise ServiceError("x" * size) if size < 0 else Internal("x" * size)

    async def watch(self) -> AsyncIterator[bytes]:
        while True:
            self.items += 1
            self.begun.release()
            with contextlib.suppress(asyncio.CancelledError):
                yield bytes(2000)


class World:
    """A server in memory, and those who call it."""

    def __init__(self, limits: Limits | None = None, **options: Any) -> None:
        self.network = MemoryNetwork()
        self.service = CatalogService()
        self.server = Server(
            Dispatcher({"catalog": self.service}), HELLO, limits=limits, network=self.network, **options
        )
        self.pools: list[Pool] = []

    async def __aenter__(self) -> World:
        await self.server.listen(ADDRESS)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.service.released.set()
        for pool in self.pools:
            await pool.close()
        await self.server.close()
        assert self.server.in_flight == self.server.sessions == 0

    def client(self, limits: Limits | None = None, resolver: StaticResolver | None = None) -> Catalog:
        """Return a client with a connection of its own."""
        resolver = resolver or StaticResolver({"catalog": [ADDRESS]})
        hello = Hello(application="academy", process="edge", instance="2")
        pool = Pool(hello, resolver, random=random.Random(1), limits=limits, network=self.network)
        self.pools.append(pool)
        return client(Catalog, WireTransport(pool, "catalog", "catalog"))


class Stranger(asyncio.Protocol):
    """A caller that speaks the wire by hand."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.wire = Connection(Side.CALLER, HELLO, limits)
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.lost = asyncio.Event()
        self.wire.start()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.wire.receive_data(data):
            self.events.put_nowait(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def flush(self) -> None:
        self.transport.write(self.wire.data_to_send())

    def call(self, operation: str, arguments: bytes = b"\x80", *, command: bool = False, credit: int = 0) -> int:
        encoder = RequestEncoder(operation, command=command, credit=credit)
        return self.wire.send_request(encoder, -1, TRACE, request_tail(), arguments)

    async def event(self) -> Event:
        return await asyncio.wait_for(self.events.get(), 5)


async def stranger(world: World, limits: Limits | None = None) -> Stranger:
    """Return a caller whose handshake is done."""
    it = Stranger(limits)
    await world.network.dial(ADDRESS, lambda: it)
    assert isinstance(await it.event(), Hello)
    return it


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, 5)


async def test_the_greeting_tells_what_is_served() -> None:
    """With the fingerprints of the contracts, and with the limits."""
    async with World(Limits(calls=7)) as world:
        it = Stranger()
        await world.network.dial(ADDRESS, lambda: it)
        hello = await it.event()
        assert isinstance(hello, Hello)
        assert list(hello.services) == ["catalog"]
        assert len(hello.services["catalog"]) == 16
        assert (hello.process, hello.max_calls) == ("catalog", 7)


async def test_calls_over_the_limit_are_refused_at_once() -> None:
    """Without having begun; those in flight are not touched."""
    async with World(Limits(calls=2)) as world:
        catalog = world.client()
        waiting = [asyncio.ensure_future(catalog.wait()) for _ in range(2)]
        for _ in waiting:
            await soon(world.service.begun.acquire())
        with pytest.raises(ResourceExhausted, match="catalog serves no more calls at a time than are in flight"):
            await catalog.path("a")
        world.service.released.set()
        assert await soon(asyncio.gather(*waiting)) == ["released"] * 2
        assert await soon(catalog.path("a")) == "path a"


async def test_a_caller_that_does_not_count_is_refused_by_the_callee() -> None:
    """Its connection goes on."""
    async with World(Limits(calls=1)) as world:
        it = await stranger(world)
        it.call("catalog.wait")
        second = it.call("catalog.wait")
        it.flush()
        error = await it.event()
        assert isinstance(error, Error)
        assert (error.call_id, error.name, error.begun) == (second, "ResourceExhausted", False)
        world.service.released.set()
        assert isinstance(await it.event(), Reply)


async def test_a_lost_connection_cancels_its_calls_and_no_other() -> None:
    """Nobody waits for them any more."""
    async with World() as world:
        it = await stranger(world)
        it.call("catalog.wait")
        it.flush()
        await soon(world.service.begun.acquire())
        other = asyncio.ensure_future(world.client().stubborn())
        await soon(world.service.begun.acquire())
        it.transport.abort()
        await soon(world.service.cancelled.wait())
        assert world.server.in_flight == 1
        other.cancel()


async def test_a_cancelled_call_is_answered_too() -> None:
    """The caller counts it until then."""
    async with World() as world:
        it = await stranger(world)
        call_id = it.call("catalog.wait")
        it.flush()
        await soon(world.service.begun.acquire())
        it.wire.send_cancel(call_id)
        it.flush()
        await soon(world.service.cancelled.wait())
        it.call("catalog.path", b"\x81\xa4name\xa1a")
        it.flush()
        assert isinstance(await it.event(), Reply)
        assert it.wire.in_flight == 0


async def test_a_call_that_is_cancelled_before_it_has_begun_is_answered_without_the_service() -> None:
    """REQUEST and CANCEL may come in the same bytes."""
    async with World() as world:
        it = await stranger(world)
        for _ in range(10):
            it.wire.send_cancel(it.call("catalog.wait"))
        it.call("catalog.path", b"\x81\xa4name\xa1a")
        it.flush()
        assert isinstance(await it.event(), Reply)
        assert it.wire.in_flight == 0
        assert world.service.begun.locked()
        assert world.server.in_flight == 0


async def test_calls_that_come_with_the_end_of_their_connection_are_not_begun(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A process that was stopped for a while reads its calls, and that their caller gave it up, at once."""
    async with World() as world:
        it = await stranger(world)
        it.wire.send_cancel(it.call("catalog.wait"))
        it.call("catalog.wait")
        it.wire.fail(Reason.STOPPING, "you were silent for too long")
        it.flush()
        await soon(it.lost.wait())
        assert world.service.begun.locked()
        assert world.server.in_flight == 0
    assert caplog.text == ""


async def test_a_call_far_back_in_a_burst_can_be_cancelled_before_it_has_begun() -> None:
    """Calls wait their turn in the session, and are looked at again when it comes."""
    async with World() as world:
        it = await stranger(world)
        paths = [it.call("catalog.path", b"\x81\xa4name\xa1a") for _ in range(100)]
        last = it.call("catalog.wait")
        it.wire.send_cancel(last)
        it.flush()
        answered = [await it.event() for _ in paths]
        assert sorted(event.call_id for event in answered if isinstance(event, Reply)) == paths
        it.call("catalog.path", b"\x81\xa4name\xa1a")
        it.flush()
        assert isinstance(await it.event(), Reply)
        assert it.wire.in_flight == 0
        assert world.service.begun.locked()


async def test_a_burst_does_not_keep_the_loop_to_itself() -> None:
    """The loop turns for others in between, and the first answers are sent before the last calls have begun.

    A turn is bounded in calls. Where a limit holds it is bounded in time as well: the tests of admission tell of that.
    """
    async with World(serving=Serving(limit="off")) as world:
        it = await stranger(world)
        for _ in range(1000):
            it.call("catalog.path", b"\x81\xa4name\xa1a")
        it.flush()
        turns = 0
        while it.wire.in_flight:
            turns += 1
            await asyncio.sleep(0)
        assert turns > 1000 / 40


async def test_calls_that_end_at_once_make_no_tasks() -> None:
    """All that is left of a thousand of them is what one leaves."""
    async with World() as world:
        catalog = world.client()
        assert await catalog.path("a") == "path a"
        made: list[object] = []
        loop = asyncio.get_running_loop()

        def make(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
            made.append(work)
            return asyncio.Task(work, loop=loop, **options)

        loop.set_task_factory(make)
        for _ in range(1000):
            await catalog.path("a")
        loop.set_task_factory(None)
        assert not made


async def test_calls_that_wait_their_turn_are_served_before_the_end_of_draining() -> None:
    """They had come before the goodbye."""
    async with World() as world:
        it = await stranger(world)
        draining: list[asyncio.Task[None]] = []

        def drain() -> None:
            if not draining:  # with the first of them, so that the others wait
                draining.append(asyncio.ensure_future(world.server.drain(5)))

        world.service.asked = drain
        for _ in range(200):
            it.call("catalog.path", b"\x81\xa4name\xa1a")
        it.flush()
        events = [await it.event() for _ in range(201)]
        assert [type(event) for event in events].count(Reply) == 200
        assert [type(event) for event in events].count(Goodbye) == 1
        it.transport.close()
        await soon(draining[0])


async def test_a_generator_that_ignores_its_cancellation_goes_no_further() -> None:
    """It would wait for ever for credit that nobody grants."""
    async with World() as world:
        it = await stranger(world)
        call_id = it.call("catalog.watch", credit=2)
        it.flush()
        for _ in range(2):
            await it.event()
        it.wire.send_cancel(call_id)
        it.flush()
        it.call("catalog.path", b"\x81\xa4name\xa1a")
        it.flush()
        assert isinstance(await it.event(), Reply)
        async with asyncio.timeout(5):
            while it.wire.in_flight:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert world.service.items <= 3


async def test_items_wait_for_a_reader_that_does_not_read() -> None:
    """However much credit it gives: what is made is bounded by the buffers on the way."""
    async with World() as world:
        it = await stranger(world)
        it.transport.pause_reading()
        it.call("catalog.watch", credit=1_000_000)
        it.flush()
        for _ in range(100):
            await soon(world.service.begun.acquire())
        made = -1
        while made < world.service.items:  # until it has come to a stop
            made = world.service.items
            for _ in range(20):
                await asyncio.sleep(0)
        assert made < 500
        it.transport.resume_reading()
        for _ in range(made + 50):
            assert await it.event() is not None
        it.transport.abort()
        await soon(it.lost.wait())


async def test_credit_wakes_a_stream() -> None:
    """One item for each."""
    async with World() as world:
        it = await stranger(world)
        call_id = it.call("catalog.watch", credit=1)
        it.flush()
        await it.event()
        it.wire.send_credit(call_id, 2)
        it.flush()
        await it.event()
        await it.event()
        assert world.service.items <= 3
        assert it.events.empty()


@pytest.mark.parametrize(
    ("operation", "options", "name", "message"),
    [
        ("shop.buy", {}, "Unimplemented", "there is no service 'shop' here; this process serves catalog"),
        ("catalog.burn", {}, "Unimplemented", "catalog has no operation 'burn'"),
        ("catalog.path", {"command": True}, "Unimplemented", "catalog.path is a query here"),
        ("catalog.path", {"credit": 1}, "Unimplemented", "catalog.path does not stream here"),
        ("catalog.watch", {}, "Unimplemented", "catalog.watch streams here"),
        ("catalog.path", {"arguments": b"\x80"}, "InvalidArgument", "name"),
        ("catalog.path", {"arguments": b"\xc1"}, "InvalidArgument", ""),
        ("catalog.path", {"arguments": b"\x91" * 5000}, "InvalidArgument", ""),
    ],
)
async def test_what_cannot_be_called_is_refused_before_it_begins(
    operation: str, options: dict[str, Any], name: str, message: str
) -> None:
    """The connection goes on: it is the caller's mistake, or its older or newer contract."""
    async with World() as world:
        it = await stranger(world)
        it.call(operation, **options)
        it.flush()
        error = await it.event()
        assert isinstance(error, Error)
        assert (error.name, error.begun) == (name, False)
        assert message in error.message
        it.call("catalog.path", b"\x81\xa4name\xa1a")
        it.flush()
        assert isinstance(await it.event(), Reply)


async def test_a_result_that_the_caller_would_not_take_is_an_internal_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The call was made; it is logged here, too."""
    async with World() as world:
        catalog = world.client(Limits(frame=70_000, message=70_000))
        assert len(await soon(catalog.large(60_000))) == 60_000
        with pytest.raises(Internal, match="the call was made, but the result has 80005 bytes; the limit is 70000"):
            await soon(catalog.large(80_000))
        assert "has a result that can't be sent" in caplog.text
        with pytest.raises(Internal, match="Internal was raised, but the error has"):
            await soon(catalog.excuse(80_000))


async def test_a_request_that_the_callee_would_not_take_is_not_sent() -> None:
    """It did not happen."""
    async with World(Limits(frame=70_000, message=70_000)) as world:
        with pytest.raises(
            ResourceExhausted,
            match=r"catalog.path was not called: the request has 80\d+ bytes; the limit is 70000",
        ):
            await soon(world.client().path("x" * 80_000))


async def test_draining_lets_calls_in_flight_finish() -> None:
    """And takes no more."""
    async with World() as world:
        catalog = world.client()
        waiting = asyncio.ensure_future(catalog.wait())
        await soon(world.service.begun.acquire())
        draining = asyncio.ensure_future(world.server.drain(5))
        await asyncio.sleep(0)
        it = Stranger()
        with pytest.raises(ConnectionRefusedError):
            await world.network.dial(ADDRESS, lambda: it)
        world.service.released.set()
        assert await soon(waiting) == "released"
        await soon(draining)
        assert world.server.sessions == 0


async def test_draining_has_an_end() -> None:
    """What has not finished by then is cancelled; its caller learns that it may have happened."""
    async with World() as world:
        waiting = asyncio.ensure_future(world.client().stubborn())
        await soon(world.service.begun.acquire())
        await soon(world.server.drain(0.05))
        with pytest.raises(ConnectionLost, match="the process is stopping, and does not wait for its calls any more"):
            await soon(waiting)


async def test_draining_does_not_wait_for_a_caller_that_stays() -> None:
    """One that has no calls in flight is closed after a moment."""
    async with World() as world:
        it = await stranger(world)
        await soon(world.server.drain(60))
        goodbye = await it.event()
        assert isinstance(goodbye, Goodbye)
        assert goodbye.reason is Reason.DRAINING
        await soon(it.lost.wait())


async def test_calls_that_cross_the_goodbye_are_not_begun() -> None:
    """The caller is told, and may send them elsewhere."""
    async with World() as world:
        it = await stranger(world)
        draining = asyncio.ensure_future(world.server.drain(5))
        await asyncio.sleep(0)
        call_id = it.call("catalog.wait")
        it.flush()
        assert isinstance(await it.event(), Goodbye)
        error = await it.event()
        assert isinstance(error, Error)
        assert (error.call_id, error.name, error.begun) == (call_id, "Unavailable", False)
        it.transport.close()
        await soon(draining)
        assert world.service.begun.locked()


async def test_more_connections_than_are_allowed_are_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    """Those that are open stay; a place that becomes free is given again."""
    async with World(connections=2) as world:
        first, second = await stranger(world), await stranger(world)
        third = Stranger()
        await world.network.dial(ADDRESS, lambda: third)
        await soon(third.lost.wait())
        assert "a connection was turned away: 2 are open" in caplog.text
        first.transport.close()
        await soon(first.lost.wait())
        for _ in range(10):  # turns of the loop in which the server notices
            await asyncio.sleep(0)
        assert world.server.sessions == 1
        await stranger(world)
        second.call("catalog.path", b"\x81\xa4name\xa1a")
        second.flush()
        assert isinstance(await second.event(), Reply)


async def test_a_cancelled_call_ends_as_cancelled() -> None:
    """Seen here because the CANCEL is written past the caller's own state, which would drop the answer."""
    async with World() as world:
        it = await stranger(world)
        call_id = it.call("catalog.wait")
        it.flush()
        await soon(world.service.begun.acquire())
        it.transport.write(b"\x00\x00\x00\x05\x05" + call_id.to_bytes(4, "big"))
        error = await it.event()
        assert isinstance(error, Error)
        assert (error.name, error.message) == (Cancelled.__name__, "catalog.wait was cancelled by its caller")


async def test_connections_are_announced() -> None:
    """To whoever observes: when they open and why they end."""
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        async with World() as world:
            assert await soon(world.client().path("a")) == "path a"
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert PeerConnected("edge", ()) in heard
    assert PeerConnected("catalog", ("catalog",)) in heard
    assert {type(signal) for signal in heard if isinstance(signal, PeerLost)} == {PeerLost}


async def test_one_server_listens_in_several_places() -> None:
    """On its Unix socket, and on a port for other machines, say."""
    with tempfile.TemporaryDirectory() as directory:
        network = SocketNetwork()
        server = Server(Dispatcher({"catalog": CatalogService()}), HELLO, network=network)
        addresses = [await server.listen(UnixAddress(str(Path(directory) / name))) for name in "ab"]
        for address in addresses:
            pool = Pool(HELLO, StaticResolver({"catalog": [address]}), random=random.Random(1))
            assert await soon(client(Catalog, WireTransport(pool, "catalog", "catalog")).path("x")) == "path x"
            await pool.close()
        await server.drain(1)

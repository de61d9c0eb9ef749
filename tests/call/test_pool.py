"""The caller's side of the wire: replicas, reconnection, and what is sent again."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

from freestone.call import (
    CallPolicy,
    Dispatcher,
    MemoryAddress,
    MemoryNetwork,
    Policies,
    Pool,
    Server,
    StaticResolver,
    WireTransport,
    client,
)
from freestone.call.policy import Backoff
from freestone.contract import Contract, command, query
from freestone.errors import ConnectionLost, DeadlineExceeded, ResourceExhausted, Unavailable
from freestone.service import Context, Identity, acting_as, deadline
from freestone.wire import Hello, Limits
from freestone.wire.frames import LAST_CALL


class Shop(Contract):
    """Sells things."""

    @query
    async def where(self) -> str:
        """Return the replica that answers."""

    @query
    async def wait(self) -> str:
        """Wait until released."""

    @command
    async def buy(self) -> str:
        """Wait until released; has an effect."""

    @query
    def watch(self) -> AsyncIterator[str]:
        """Stream the replica's name until released."""


class Replica(Shop):
    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0
        self.streams = 0
        self.begun = asyncio.Semaphore(0)
        self.released = asyncio.Event()
        self.closed = asyncio.Event()

    async def where(self) -> str:
        self.calls += 1
        return self.name

    async def wait(self) -> str:
        self.calls += 1
        self.begun.release()
        await self.released.wait()
        return self.name

    async def buy(self) -> str:
        return await self.wait()

    async def watch(self) -> AsyncIterator[str]:
        self.streams += 1
        self.begun.release()
        try:
            if self.name == "silent":
                await asyncio.Event().wait()
            yield self.name
            await self.released.wait()
        finally:
            self.closed.set()


class World:
    """Replicas of a shop in memory, and a pool that calls them."""

    def __init__(self, *names: str, **options: Any) -> None:
        self.network = MemoryNetwork()
        self.replicas = {name: Replica(name) for name in names}
        self.servers: dict[str, Server] = {}
        hello = Hello(application="academy", process="edge", instance="1")
        addresses = {"shop": [MemoryAddress(name) for name in names]}
        options = {"random": random.Random(1), "backoff": Backoff(0.001, 0.01), **options}
        self.pool = Pool(hello, StaticResolver(addresses), network=self.network, **options)
        self.transport = WireTransport(self.pool, "shop", "shop", Policies(deadline=5.0))
        self.shop = client(Shop, self.transport)

    async def start(self, name: str, application: str = "academy", limits: Limits | None = None) -> None:
        """Serve a replica, with a new life if it had one."""
        replica = self.replicas[name] = Replica(name)
        hello = Hello(application=application, process="shop", instance=name)
        server = Server(Dispatcher({"shop": replica}), hello, network=self.network, limits=limits)
        await server.listen(MemoryAddress(name))
        self.servers[name] = server

    async def kill(self, name: str) -> None:
        """End a replica at once, as a crash does."""
        server = self.servers.pop(name)
        for session in list(server._sessions):
            session.link.abort("killed")
        await server.close()
        for _ in range(5):  # turns of the loop in which the callers notice
            await asyncio.sleep(0)

    async def __aenter__(self) -> World:
        for name in self.replicas:
            await self.start(name)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.pool.close()
        for server in self.servers.values():
            await server.close()


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, 5)


async def both_ready(world: World) -> None:
    """Call until each replica has answered."""
    seen: set[str] = set()
    async with asyncio.timeout(5):
        while seen != set(world.servers):
            seen.add(await world.shop.where())


# --- replicas


async def test_nothing_is_connected_before_the_first_call() -> None:
    """A process may start before those it calls."""
    async with World("a") as world:
        await asyncio.sleep(0)
        assert world.servers["a"].sessions == 0
        assert await soon(world.shop.where()) == "a"
        assert world.servers["a"].sessions == 1


async def test_many_callers_share_one_connection() -> None:
    """One for each ordered pair of processes."""
    async with World("a") as world:
        other = client(Shop, WireTransport(world.pool, "shop", "shop"))
        await soon(asyncio.gather(*(it.where() for it in (world.shop, other) for _ in range(20))))
        assert world.servers["a"].sessions == 1


async def test_calls_are_spread_over_the_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one with fewer calls in flight takes the next. The clock stands, so that none of them is the slower one."""
    loop = asyncio.get_running_loop()
    with monkeypatch.context() as patched:
        now = loop.time()
        patched.setattr(loop, "time", lambda: now)
        async with World("a", "b") as world:
            seen: set[str] = set()
            while seen != {"a", "b"}:
                seen.add(await world.shop.where())
            waiting = [asyncio.ensure_future(world.shop.wait()) for _ in range(10)]
            before = {name: replica.calls for name, replica in world.replicas.items()}
            for _ in range(10):
                await asyncio.sleep(0)
            assert {name: replica.calls - before[name] for name, replica in world.replicas.items()} == {"a": 5, "b": 5}
            for replica in world.replicas.values():
                replica.released.set()
            assert sorted(await asyncio.gather(*waiting)) == ["a"] * 5 + ["b"] * 5


async def test_replicas_that_are_all_full_refuse_at_once() -> None:
    """And one that has room takes the call, whichever was picked."""
    async with World("a", "b") as world:
        for name in "ab":
            await world.kill(name)
            await world.start(name, limits=Limits(calls=2))
        await both_ready(world)
        waiting = [asyncio.ensure_future(world.shop.wait()) for _ in range(4)]
        for replica in world.replicas.values():
            for _ in range(2):
                await soon(replica.begun.acquire())
        with pytest.raises(ResourceExhausted, match="shop serves no more calls at a time than are in flight"):
            await world.shop.where()
        for replica in world.replicas.values():
            replica.released.set()
        await soon(asyncio.gather(*waiting))


# --- losing a connection


async def test_a_query_that_lost_its_connection_goes_to_another_replica() -> None:
    """Within its deadline; nobody notices."""
    async with World("a", "b") as world:
        await both_ready(world)
        waiting = asyncio.ensure_future(world.shop.wait())
        first = await soon(_begun(world))
        await world.kill(first)
        for replica in world.replicas.values():
            replica.released.set()
        assert await soon(waiting) != first


async def _begun(world: World) -> str:
    """Return the replica that has begun to wait."""
    tasks = {asyncio.ensure_future(replica.begun.acquire()): name for name, replica in world.replicas.items()}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return tasks[done.pop()]


async def test_a_query_that_died_with_ten_replicas_is_not_sent_again() -> None:
    """What kills each replica that it comes to must not kill them all."""
    async with World("a") as world:
        waiting = asyncio.ensure_future(world.shop.wait())
        for _ in range(10):
            await soon(world.replicas["a"].begun.acquire())
            await world.kill("a")
            await world.start("a")
        with pytest.raises(ConnectionLost, match=r"shop.wait was sent, and no answer came: the peer closed"):
            await soon(waiting)


async def test_a_command_that_lost_its_connection_may_have_happened() -> None:
    """It is not sent again; its caller decides."""
    async with World("a", "b") as world:
        await both_ready(world)
        waiting = asyncio.ensure_future(world.shop.buy())
        first = await soon(_begun(world))
        other = world.replicas["b" if first == "a" else "a"]
        before = other.calls
        await world.kill(first)
        with pytest.raises(ConnectionLost, match=r"shop.buy was sent, and no answer came"):
            await soon(waiting)
        assert other.calls == before


async def test_a_single_replica_that_restarts_is_waited_for() -> None:
    """Commands too: they had not been sent."""
    async with World("a") as world:
        assert await soon(world.shop.where()) == "a"
        await world.kill("a")
        calls = [asyncio.ensure_future(call()) for call in (world.shop.where, world.shop.buy)]
        for _ in range(10):
            await asyncio.sleep(0)
        await world.start("a")
        world.replicas["a"].released.set()
        assert await soon(asyncio.gather(*calls)) == ["a", "a"]


async def test_what_a_leaving_replica_has_not_begun_goes_elsewhere_commands_too() -> None:
    """A rolling restart fails no call."""
    async with World("a", "b") as world:
        await both_ready(world)
        for replica in world.replicas.values():
            replica.released.set()
        failures = 0
        for _ in range(10):
            for name in "ab":
                calls = [asyncio.ensure_future(world.shop.buy()) for _ in range(20)]
                await asyncio.sleep(0)
                await soon(world.servers[name].drain(5))
                await world.start(name)
                world.replicas[name].released.set()
                calls += [asyncio.ensure_future(world.shop.buy()) for _ in range(20)]
                answers = await soon(asyncio.gather(*calls, return_exceptions=True))
                failures += sum(isinstance(answer, BaseException) for answer in answers)
        assert failures == 0


async def test_a_call_in_flight_ends_on_the_connection_that_is_left() -> None:
    """While newer ones already use the next."""
    async with World("a") as world:
        waiting = asyncio.ensure_future(world.shop.wait())
        await soon(world.replicas["a"].begun.acquire())
        old = world.replicas["a"]
        draining = asyncio.ensure_future(world.servers["a"].drain(5))
        await asyncio.sleep(0)
        await world.start("a")
        assert await soon(world.shop.where()) == "a"
        assert world.replicas["a"].calls == 1
        old.released.set()
        assert await soon(waiting) == "a"
        await soon(draining)


# --- nobody there


async def test_a_process_that_nobody_knows_is_unavailable_at_once() -> None:
    """There is nothing to wait for."""
    async with World("a") as world:
        nowhere = client(Shop, WireTransport(world.pool, "bakery", "shop"))
        with pytest.raises(Unavailable, match="nobody knows where bakery runs"):
            await soon(nowhere.where())


async def test_a_process_that_cannot_be_reached_is_unavailable_by_the_deadline() -> None:
    """The error says of each address what was wrong, and that the call did not happen."""
    world = World("a", "b")
    await world.start("b", application="bakery")
    transport = WireTransport(world.pool, "shop", "shop", Policies(deadline=0.2))
    with pytest.raises(Unavailable, match="no replica of shop could be reached: ") as caught:
        await soon(client(Shop, transport).buy())
    assert "memory://a: nothing listens on memory://a" in str(caught.value)
    assert "memory://b: the peers do not fit: " in str(caught.value)
    assert "'bakery'" in str(caught.value)
    await world.pool.close()
    await world.servers["b"].close()


async def test_within_a_deadline_the_error_still_says_that_it_did_not_happen() -> None:
    """It comes a little before the deadline, which would tell less."""
    world = World("a")
    with pytest.raises(Unavailable, match="memory://a: nothing listens on memory://a"):
        async with deadline(2.0):
            await world.shop.buy()
    await world.pool.close()


async def test_a_command_that_was_not_sent_leaves_its_handler_clean() -> None:
    """A handler that sent none may be tried again; one that sent one may not."""
    world = World("a")
    with acting_as(Identity("ada")) as context:
        hasty = WireTransport(world.pool, "shop", "shop", Policies(deadline=0.05))
        with pytest.raises(Unavailable):
            await client(Shop, hasty).buy()
        assert not context.handler.sent_command
        await world.start("a")
        world.replicas["a"].released.set()
        assert await soon(world.shop.where()) == "a"
        assert not context.handler.sent_command
        assert await soon(world.shop.buy()) == "a"
        assert context.handler.sent_command
    assert isinstance(context, Context)
    await world.pool.close()
    await world.servers["a"].close()


async def test_a_waiting_call_ends_when_its_caller_is_cancelled() -> None:
    """And leaves nothing behind."""
    world = World("a")
    call = asyncio.ensure_future(world.shop.where())
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not world.pool.peer("shop")._waiters
    await world.pool.close()


async def test_a_closed_pool_calls_nobody() -> None:
    """Those that wait hear of it at once."""
    world = World("a")
    call = asyncio.ensure_future(world.shop.where())
    await asyncio.sleep(0)
    await world.pool.close()
    for waiting in (call, world.shop.where()):
        with pytest.raises(Unavailable, match="shop was not called: this process is stopping"):
            await soon(waiting)


async def test_closing_lets_calls_in_flight_end() -> None:
    """For as long as it is told to."""
    async with World("a") as world:
        waiting = asyncio.ensure_future(world.shop.wait())
        await soon(world.replicas["a"].begun.acquire())
        closing = asyncio.ensure_future(world.pool.close(5))
        await asyncio.sleep(0)
        world.replicas["a"].released.set()
        assert await soon(waiting) == "a"
        await soon(closing)


async def test_an_address_that_is_not_resolved_any_more_is_left() -> None:
    """And one that is new is connected to."""

    class Moving:
        name = "a"

        def resolve(self, process: str) -> tuple[MemoryAddress, ...]:
            return (MemoryAddress(self.name),)

    async with World("a", "b") as world:
        world.pool.resolver = Moving()
        assert await soon(world.shop.where()) == "a"
        world.pool.resolver.name = "b"
        world.pool.refresh()
        async with asyncio.timeout(5):
            while await world.shop.where() != "b":  # each call is turns of the loop in which it connects
                pass
        assert world.servers["b"].sessions == 1


# --- the ends of calls


async def test_a_deadline_without_a_timer_of_its_own_is_kept_by_the_pool() -> None:
    """The caller has set none: the default of the transport."""
    async with World("a") as world:
        hasty = client(Shop, WireTransport(world.pool, "shop", "shop", Policies(deadline=0.5)))
        await world.shop.where()
        with pytest.raises(DeadlineExceeded, match=r"shop.wait did not end by its deadline"):
            await soon(hasty.wait())
        assert world.servers["a"].sessions == 1
        assert await soon(world.shop.where()) == "a"


async def test_a_limit_of_the_operation_is_kept_within_a_longer_deadline() -> None:
    """The nearer of the two."""
    async with World("a") as world:
        limited = WireTransport(world.pool, "shop", "shop", Policies(methods={"shop.wait": CallPolicy(deadline=0.5)}))
        await world.shop.where()
        async with deadline(30):
            with pytest.raises(DeadlineExceeded, match=r"shop.wait did not end by its deadline"):
                await soon(client(Shop, limited).wait())


async def test_when_the_call_ids_are_used_up_another_connection_is_made() -> None:
    """Nobody notices; it happens after four thousand million calls."""
    async with World("a") as world:
        assert await soon(world.shop.where()) == "a"
        connection = world.pool.peer("shop").pick()
        assert connection is not None
        connection.wire._calls.last_id = LAST_CALL - 3
        assert [await soon(world.shop.where()) for _ in range(6)] == ["a"] * 6
        assert world.pool.peer("shop").pick() is not connection


async def test_a_stream_that_is_left_with_break_is_closed() -> None:
    """Nobody can close it by hand after ``async for``; it is closed long before its deadline."""
    async with World("a") as world, deadline(60):
        async for _ in world.shop.watch():
            break
        gc.collect()
        await soon(world.replicas["a"].closed.wait())


async def test_a_stream_that_lost_its_connection_before_its_first_item_begins_again() -> None:
    """As a query does; after an item it is an error, because items would come twice."""
    async with World("a", "silent") as world:
        world.pool.resolver = StaticResolver({"shop": [MemoryAddress("silent")]})
        reading = asyncio.ensure_future(anext(world.shop.watch()))
        await soon(world.replicas["silent"].begun.acquire())
        world.pool.resolver = StaticResolver({"shop": [MemoryAddress("a")]})
        await world.kill("silent")
        assert await soon(reading) == "a"
        items = world.shop.watch()
        assert await soon(anext(items)) == "a"
        await world.kill("a")
        with pytest.raises(ConnectionLost, match=r"shop.watch was sent, and no answer came"):
            await soon(anext(items))
        with pytest.raises(StopAsyncIteration):
            await anext(items)


async def test_two_tasks_cannot_read_one_stream_at_once() -> None:
    """A mistake of the caller, said as such."""
    async with World("silent") as world:
        items = world.shop.watch()
        first = asyncio.ensure_future(anext(items))
        await soon(world.replicas["silent"].begun.acquire())
        with pytest.raises(RuntimeError, match="two tasks ask the same stream for its next item at once"):
            await anext(items)
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await first


# --- nothing grows


async def test_many_calls_leave_nothing_behind() -> None:
    """No future, no task, no entry: after answers, errors, cancellations and deadlines alike."""
    async with World("a") as world:
        hasty = client(Shop, WireTransport(world.pool, "shop", "shop", Policies(deadline=0.02)))
        await world.shop.where()

        async def batch(number: int) -> None:
            await asyncio.gather(*(world.shop.where() for _ in range(100)))
            waiting = [asyncio.ensure_future(world.shop.wait()) for _ in range(10)]
            await asyncio.sleep(0)
            for call in waiting:
                call.cancel()
            await asyncio.wait(waiting)
            if not number % 20:
                with pytest.raises(DeadlineExceeded):
                    await hasty.wait()
            async for _ in world.shop.watch():
                break

        await batch(0)
        gc.collect()
        tasks, objects = len(asyncio.all_tasks()), len(gc.get_objects())
        for number in range(200):
            await batch(number)
        for _ in range(10):
            await asyncio.sleep(0)
        gc.collect()
        connection = world.pool.peer("shop").pick()
        assert connection is not None
        assert (connection.wire.in_flight, len(connection._waiting), len(connection._streams)) == (0, 0, 0)
        assert world.servers["a"].in_flight == 0
        assert len(asyncio.all_tasks()) <= tasks
        assert len(gc.get_objects()) < objects + 200


async def test_a_closed_pool_and_server_are_freed() -> None:
    """Nothing of the framework holds them."""
    world = World("a")
    await world.start("a")
    await soon(world.shop.where())
    await world.pool.close()
    await world.servers["a"].close()
    freed = [weakref.ref(world.pool.peer("shop")), weakref.ref(world.replicas["a"])]
    del world
    for _ in range(3):
        await asyncio.sleep(0)
        gc.collect()
    assert [ref() for ref in freed] == [None, None]

"""What the policy makes of replicas, over the whole wire in memory: breakers, hedges, homes, and commands."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from freestone.call import (
    Breaking,
    CallPolicy,
    Dispatcher,
    Hedge,
    LocalTransport,
    MemoryAddress,
    MemoryNetwork,
    Policies,
    Pool,
    Retry,
    Server,
    StaticResolver,
    WireTransport,
    client,
)
from freestone.call.policy import Backoff, RetryBudget
from freestone.contract import Contract, command, query
from freestone.errors import ConnectionLost, Internal, ResourceExhausted, ServiceError, Unavailable
from freestone.service import current, deadline, received
from freestone.signals import (
    SIGNALS,
    BreakerMoved,
    CallGivenUp,
    CallHedged,
    CallNotHedged,
    CallRepeated,
    HedgeEnded,
    Observer,
    Signal,
)
from freestone.wire import Hello, Limits


class Shop(Contract):
    """Sells things."""

    @query
    async def where(self, note: str = "") -> str:
        """Return the replica that answers."""

    @query(route_by="learner")
    async def home(self, learner: str, page: int = 0) -> str:
        """Return the replica that answers."""

    @query(route_by="learner")
    def follow(self, learner: str) -> AsyncIterator[str]:
        """Stream the name of the replica that answers, once."""

    @query(route_by="learner")
    async def told(self, pages: AsyncIterator[int], learner: str) -> str:
        """Take a stream, and return the replica that answers."""

    @command
    async def buy(self) -> str:
        """Buy something."""

    @command(idempotent=True)
    async def rename(self) -> str:
        """Give it the name that it has."""

    @query
    def watch(self) -> AsyncIterator[str]:
        """Stream the replica's name for ever."""


class Replica(Shop):
    def __init__(self, name: str) -> None:
        self.name = name
        self.error: ServiceError | None = None
        self.held: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.attempts: list[tuple[str | None, int]] = []
        self.calls = 0

    async def where(self, note: str = "") -> str:
        self.calls += 1
        self.begun.set()
        context = current()
        assert context is not None
        self.attempts.append((context.idempotency_key, context.attempt))
        if self.held is not None:
            try:
                await self.held.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if self.error is not None:
            raise self.error
        return self.name

    async def home(self, learner: str, page: int = 0) -> str:
        return self.name

    async def follow(self, learner: str) -> AsyncIterator[str]:
        yield self.name

    async def told(self, pages: AsyncIterator[int], learner: str) -> str:
        assert [page async for page in pages] == [1, 2]
        return self.name

    async def buy(self) -> str:
        return await self.where()

    async def rename(self) -> str:
        return await self.where()

    async def watch(self) -> AsyncIterator[str]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        yield self.name
        await asyncio.Event().wait()


class World:
    """Replicas of a shop in memory, and a pool that calls them."""

    def __init__(self, *names: str, policy: CallPolicy | None = None, keeping: str = "", small: str = "") -> None:
        self.network = MemoryNetwork()
        self.keeping = frozenset(keeping)
        self.small = frozenset(small)
        self.replicas = {name: Replica(name) for name in names}
        self.servers: dict[str, Server] = {}
        hello = Hello(application="academy", process="edge", instance="1")
        self.pool = Pool(
            hello,
            StaticResolver({"shop": [MemoryAddress(name) for name in names]}),
            network=self.network,
            random=random.Random(1),
            backoff=Backoff(0.001, 0.01),
        )
        self.shop = client(Shop, WireTransport(self.pool, "shop", "shop", Policies(policy or CallPolicy(), deadline=5)))

    async def start(self, name: str) -> None:
        hello = Hello(application="academy", process="shop", instance=name)
        dispatcher = Dispatcher({"shop": self.replicas[name]})
        if name in self.keeping:
            dispatcher.keeping.add("shop")
        limits = Limits(hello=1024, frame=1024, message=1024) if name in self.small else None
        self.servers[name] = Server(dispatcher, hello, limits=limits, network=self.network)
        await self.servers[name].listen(MemoryAddress(name))

    async def kill(self, name: str) -> None:
        server = self.servers.pop(name)
        for session in list(server._sessions):
            session.link.abort("killed")
        await server.close()

    async def __aenter__(self) -> World:
        for name in self.replicas:
            await self.start(name)
        seen: set[str] = set()
        async with asyncio.timeout(5):
            while seen != set(self.replicas):
                seen.add(await self.shop.where())
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.pool.close()
        for server in self.servers.values():
            await server.close()

    def even(self) -> None:
        """Let no replica be preferred, whatever this process did meanwhile: a pause may have made one look slow."""
        for it in self.pool.peer("shop").destination("shop", CallPolicy()).balancer.replicas:
            it.latency = 0.0

    async def chosen(self, calls: int) -> Counter[str]:
        return Counter([await self.shop.where() for _ in range(calls)])


@contextlib.contextmanager
def calling(observer: Observer) -> Iterator[None]:
    SIGNALS.subscribe(observer)
    try:
        yield
    finally:
        SIGNALS.unsubscribe(observer)


@contextlib.contextmanager
def heard() -> Iterator[list[Signal]]:
    signals: list[Signal] = []
    with calling(signals.append):
        yield signals


async def test_a_call_that_failed_is_repeated_at_another_replica() -> None:
    """The one that refused would be as ready to refuse again."""
    async with World("a", "b", policy=CallPolicy(breaker=None)) as world:
        world.replicas["a"].error = Unavailable("out of order")
        world.replicas["b"].attempts.clear()
        assert set(await world.chosen(9)) == {"b"}  # so few are within the budget, whoever takes them first
        assert max(attempt for _, attempt in world.replicas["b"].attempts) <= 1


@pytest.mark.parametrize("error", [Unavailable("out of order"), Internal("a bug")])
async def test_a_replica_that_fails_quickly_does_not_attract_calls(error: ServiceError) -> None:
    """It would be the quickest of all, and the one with the fewest calls in flight."""
    async with World("a", "b", "c", policy=CallPolicy(breaker=Breaking(open=60.0))) as world:
        world.replicas["a"].error = error
        with heard() as signals:
            for _ in range(40):  # several at a time, so that each replica gets some, whichever is the quickest
                await asyncio.gather(*(world.shop.where() for _ in range(6)), return_exceptions=True)
        moved = [it for it in signals if isinstance(it, BreakerMoved)]
        assert [(it.replica, it.state) for it in moved] == [("memory://a", "open")]
        assert world.replicas["a"].calls < 40
        assert "a" not in await world.chosen(50)


async def test_a_replica_that_is_well_again_is_found_to_be() -> None:
    """One call at a time, after a while."""
    async with World("a", "b", "c", policy=CallPolicy(breaker=Breaking(open=0.05))) as world:
        world.replicas["a"].error = Unavailable("out of order")
        await asyncio.gather(*(world.shop.where() for _ in range(40)), return_exceptions=True)
        world.replicas["a"].error = None
        async with asyncio.timeout(5):
            with heard() as signals:
                while not [it for it in signals if isinstance(it, BreakerMoved) and it.state == "closed"]:
                    await world.shop.where()
        # It may have been the slower one just now, which is forgotten in seconds, and matters less where many call.
        async with asyncio.timeout(20):
            while "a" not in await asyncio.gather(*(world.shop.where() for _ in range(50))):
                pass


async def test_what_every_replica_does_opens_no_breaker() -> None:
    """A request that none of them can serve would otherwise take half of them away from all others."""
    async with World("a", "b", "c", policy=CallPolicy(breaker=Breaking(open=60.0))) as world:
        for replica in world.replicas.values():
            replica.error = Internal("a bug")
        with heard() as signals:
            for _ in range(100):
                with pytest.raises(Internal):
                    await world.shop.where()
        opened = [it.replica for it in signals if isinstance(it, BreakerMoved)]
        assert len(opened) <= 1


async def test_a_replica_that_hangs_is_left_alone() -> None:
    """Before any of its calls has ended."""
    async with World("a", "b", "c") as world:
        hung = world.replicas["a"]
        hung.held = asyncio.Event()
        hung.begun.clear()
        calls = list[asyncio.Future[str]]()
        async with asyncio.timeout(5):
            while not hung.begun.is_set():
                calls.append(asyncio.ensure_future(world.shop.where()))
                await asyncio.sleep(0)
        destination = world.pool.peer("shop").destination("shop", CallPolicy())
        replica = next(it for it in destination.balancer.replicas if it.name == "memory://a")
        replica._moved -= 1.0  # it has been silent for a second
        assert "a" not in await asyncio.wait_for(world.chosen(50), 5)
        hung.held.set()
        await asyncio.gather(*calls)


async def test_a_replica_that_has_too_much_to_do_is_given_less() -> None:
    """Its refusals are quick, and are not to look like speed."""
    async with World("a", "b", "c") as world:
        world.replicas["a"].error = ResourceExhausted(retry_after=0.0)
        before = world.replicas["a"].calls
        with contextlib.suppress(ResourceExhausted):
            await world.chosen(100)
        assert world.replicas["a"].calls - before < 60


async def test_a_query_that_takes_long_is_asked_of_another_replica() -> None:
    """The first result wins, and the other is cancelled."""
    async with World("a", "b", policy=CallPolicy(hedge=Hedge(least=0.01))) as world:
        await world.chosen(60)
        for replica in world.replicas.values():
            replica.begun.clear()
        slow = world.replicas["a"]
        slow.held = asyncio.Event()
        with heard() as signals:
            async with asyncio.timeout(5):
                while not slow.begun.is_set():
                    world.even()
                    assert await world.shop.where() == "b"
        sent, ended = (it for it in signals if isinstance(it, CallHedged | HedgeEnded))
        assert isinstance(sent, CallHedged)
        assert sent.replica in ("memory://a", "memory://b")  # the other was quick, or stood still just then
        assert ended == HedgeEnded("shop.where", "memory://b", sent.replica == "memory://b", sent.trace_id)
        await asyncio.wait_for(slow.cancelled.wait(), 5)
        slow.held = None
        pending = world.pool.peer("shop").destination("shop", CallPolicy()).balancer.replicas
        assert [it.pending for it in pending] == [0, 0]


async def test_a_hedge_that_its_replica_does_not_take_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent: no one is told that it was, and it costs no budget."""
    async with World("a", "b", policy=CallPolicy(hedge=Hedge(least=0.01)), small="b") as world:
        await world.chosen(60)
        slow, large = world.replicas["a"], "x" * 2000
        slow.held = asyncio.Event()
        slow.begun.clear()
        given_back: list[RetryBudget] = []
        refused, give_back = asyncio.Event(), RetryBudget.give_back

        def giving_back(budget: RetryBudget) -> None:
            give_back(budget)
            given_back.append(budget)
            refused.set()

        monkeypatch.setattr(RetryBudget, "give_back", giving_back)
        with heard() as signals:
            async with asyncio.timeout(5):
                while not slow.begun.is_set():
                    world.even()
                    call = asyncio.ensure_future(world.shop.where(large))
                    begun = asyncio.ensure_future(slow.begun.wait())
                    await asyncio.wait((call, begun), return_when=asyncio.FIRST_COMPLETED)
                    begun.cancel()
                    if call.done():  # the small one was the first choice
                        assert isinstance(call.exception(), ResourceExhausted)
                await refused.wait()
            slow.held.set()
            assert await asyncio.wait_for(call, 5) == "a"
        assert len(given_back) == 1
        assert not [it for it in signals if isinstance(it, CallHedged | HedgeEnded)]
        (refusal,) = (it for it in signals if isinstance(it, CallNotHedged))
        assert refusal.operation == "shop.where"
        assert refusal.reason.startswith("shop.where was not called: ")


@pytest.mark.parametrize(
    ("names", "retry", "reason"),
    [("a", Retry(), "no other replica takes calls"), ("ab", Retry(budget=0.0), "the budget is spent")],
)
async def test_why_a_query_is_not_hedged_is_announced(names: str, retry: Retry, reason: str) -> None:
    """It takes as long as it takes then, and nobody else is asked."""
    async with World(*names, policy=CallPolicy(hedge=Hedge(least=0.01), retry=retry)) as world:
        await world.chosen(60)
        budget = world.pool.peer("shop").destination("shop", CallPolicy()).budget
        while budget.take(asyncio.get_running_loop().time()):
            pass  # what it was advanced
        for replica in world.replicas.values():
            replica.held = asyncio.Event()
        told = asyncio.Event()
        with heard() as signals, calling(lambda it: told.set() if isinstance(it, CallNotHedged) else None):
            call = asyncio.ensure_future(world.shop.where())
            await asyncio.wait_for(told.wait(), 5)
            for replica in world.replicas.values():
                assert replica.held is not None
                replica.held.set()
            assert await asyncio.wait_for(call, 5) in names
        assert [it.reason for it in signals if isinstance(it, CallNotHedged)] == [reason]
        assert not [it for it in signals if isinstance(it, CallHedged | HedgeEnded)]


async def test_a_block_sees_which_replica_has_answered() -> None:
    """However the call was made, also with an error; and the one that won, where two were asked."""

    async def pages() -> AsyncIterator[int]:
        yield 1
        yield 2

    async with World("a", "b", policy=CallPolicy(hedge=Hedge(least=0.01))) as world:
        shop = world.shop
        with received() as seen:
            assert seen.replica == ""
            for _ in range(20):
                assert f"memory://{await shop.where()}" == seen.replica
                assert f"memory://{await shop.told(pages(), 'ada')}" == seen.replica
                assert [f"memory://{name}" async for name in shop.follow("bob")] == [seen.replica]
        with received() as fresh:
            world.replicas["a"].error = world.replicas["b"].error = Internal("a bug")
            with pytest.raises(Internal):
                await shop.where()
        assert fresh.replica in ("memory://a", "memory://b")
        world.replicas["a"].error = world.replicas["b"].error = None
        slow = world.replicas["a"]
        slow.held = asyncio.Event()
        slow.begun.clear()
        async with asyncio.timeout(5):
            while not slow.begun.is_set():
                with received() as seen:
                    assert await shop.where() == "b"
        assert seen.replica == "memory://b"


async def test_who_answers_a_callee_is_its_own_affair() -> None:
    """Also where the callee runs in the task of its caller."""

    class Relay(Contract):
        """Asks the shop."""

        @query
        async def ask(self) -> str:
            """Return the replica that has answered, as the relay sees it."""
            ...

    async with World("a") as world:

        class RelayService(Relay):
            async def ask(self) -> str:
                with received() as seen:
                    await world.shop.where()
                return seen.replica

        relay = client(Relay, LocalTransport(Dispatcher({"relay": RelayService()}), "relay"))
        with received() as seen:
            assert await relay.ask() == "memory://a"
        assert seen.replica == ""


async def test_an_error_does_not_win_while_the_other_may_bring_a_result() -> None:
    """Whoever is slower."""
    async with World("a", "b", policy=CallPolicy(hedge=Hedge(least=0.005))) as world:
        await world.chosen(60)
        for replica in world.replicas.values():
            replica.begun.clear()
            replica.held = asyncio.Event()
        call = asyncio.ensure_future(world.shop.where())
        await asyncio.wait_for(asyncio.gather(*(it.begun.wait() for it in world.replicas.values())), 5)
        world.replicas["a"].error = Internal("a bug")
        assert world.replicas["a"].held is not None
        world.replicas["a"].held.set()
        await asyncio.sleep(0.01)
        assert not call.done()
        assert world.replicas["b"].held is not None
        world.replicas["b"].held.set()
        assert await asyncio.wait_for(call, 5) == "b"


async def test_a_hedged_query_that_is_given_up_is_given_up_everywhere() -> None:
    """By its caller, at both replicas."""
    async with World("a", "b", policy=CallPolicy(hedge=Hedge(least=0.005))) as world:
        await world.chosen(60)
        for replica in world.replicas.values():
            replica.begun.clear()
            replica.held = asyncio.Event()
        call = asyncio.ensure_future(world.shop.where())
        await asyncio.wait_for(asyncio.gather(*(it.begun.wait() for it in world.replicas.values())), 5)
        call.cancel()
        await asyncio.wait([call])
        await asyncio.wait_for(asyncio.gather(*(it.cancelled.wait() for it in world.replicas.values())), 5)


async def test_commands_are_never_hedged() -> None:
    """Whatever the policy says."""
    async with World("a", "b", policy=CallPolicy(hedge=Hedge(least=0.001))) as world:
        await world.chosen(60)
        for replica in world.replicas.values():
            replica.begun.clear()
            replica.held = asyncio.Event()
        before = sum(it.calls for it in world.replicas.values())
        call = asyncio.ensure_future(world.shop.buy())
        waits = [asyncio.ensure_future(it.begun.wait()) for it in world.replicas.values()]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.05)
        assert sum(it.calls for it in world.replicas.values()) == before + 1
        for replica in world.replicas.values():
            assert replica.held is not None
            replica.held.set()
        await asyncio.wait_for(call, 5)
        for wait in waits:
            wait.cancel()


async def test_calls_with_the_same_value_go_to_the_same_replica() -> None:
    """Whatever else they ask for, and each value to one of its own."""
    async with World("a", "b", "c") as world:
        homes = {f"learner{n}": await world.shop.home(f"learner{n}") for n in range(60)}
        assert set(homes.values()) == {"a", "b", "c"}
        for learner, home in homes.items():
            assert await world.shop.home(learner, page=2) == home
        await world.kill("a")
        for learner, home in homes.items():
            found = await world.shop.home(learner=learner)
            assert found == home or home == "a"


async def test_streams_go_where_calls_with_the_same_value_go() -> None:
    """Those that the callee sends, and those that the caller sends."""

    async def pages() -> AsyncIterator[int]:
        yield 1
        yield 2

    async with World("a", "b", "c") as world:
        for number in range(20):
            learner = f"learner{number}"
            home = await world.shop.home(learner)
            assert [name async for name in world.shop.follow(learner)] == [home]
            assert await world.shop.told(pages(), learner) == home


async def test_the_attempts_of_a_command_carry_one_key() -> None:
    """So that whoever keeps keys knows them as one call; another command has another key."""
    async with World("a", "b") as world:
        for replica in world.replicas.values():
            replica.attempts.clear()
            replica.error = Unavailable("out of order")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await world.shop.buy()
        attempts = [attempt for replica in world.replicas.values() for attempt in replica.attempts]
        keys = Counter(key for key, _ in attempts)
        assert sorted(keys.values()) == [3, 3]
        assert None not in keys
        assert sorted(number for _, number in attempts) == [0, 0, 1, 1, 2, 2]


async def test_only_a_command_that_says_so_is_repeated_when_nobody_knows() -> None:
    """Its connection is lost: it may have happened."""
    async with World("a", "b") as world:
        for call, repeated in ((world.shop.rename, True), (world.shop.buy, False)):
            for replica in world.replicas.values():
                replica.begun.clear()
                replica.held = asyncio.Event()
            task = asyncio.ensure_future(call())
            waits = {asyncio.ensure_future(it.begun.wait()): name for name, it in world.replicas.items()}
            done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in others:
                wait.cancel()
            for replica in world.replicas.values():
                assert replica.held is not None
            first = waits[done.pop()]
            for replica in world.replicas.values():
                if replica.name != first and replica.held is not None:
                    replica.held.set()
            await world.kill(first)
            if repeated:
                assert await asyncio.wait_for(task, 5) != first
            else:
                with pytest.raises(ConnectionLost):
                    await asyncio.wait_for(task, 5)
            world.replicas[first].held = None
            await world.start(first)


async def test_streams_are_spread_too() -> None:
    """Each counts where it is read from, until it is closed."""
    async with World("a", "b") as world:
        streams = [world.shop.watch() for _ in range(10)]
        names = Counter([await anext(stream) for stream in streams])
        assert min(names["a"], names["b"]) >= 3
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        known = world.pool.peer("shop").destination("shop", CallPolicy()).balancer.replicas
        assert [it.streams for it in known] == [0, 0]


async def taken_by(world: World) -> str:
    """Return the name of the replica that has begun a command and holds it."""
    async with asyncio.timeout(10):
        _, pending = await asyncio.wait(
            [asyncio.ensure_future(it.begun.wait()) for it in world.replicas.values()],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in pending:
            task.cancel()
    return next(name for name, it in world.replicas.items() if it.begun.is_set())


async def hold(world: World) -> tuple[asyncio.Future[str], str]:
    """Have a command begun, and held by whoever has it; return it, and who that is."""
    for replica in world.replicas.values():
        replica.held, replica.begun = asyncio.Event(), asyncio.Event()
        replica.attempts.clear()
    call = asyncio.ensure_future(world.shop.buy())
    return call, await taken_by(world)


async def test_a_command_that_was_begun_is_sent_again_to_who_keeps_replies() -> None:
    """Under its key; of those who have not said that they keep any, nobody gets it a second time."""
    async with World("a", "b", keeping="ab") as world:
        call, first = await hold(world)
        other = world.replicas[next(name for name in "ab" if name != first)]
        assert other.held is not None
        other.held.set()
        await world.kill(first)
        assert await call == other.name
        assert [attempt for _, attempt in other.attempts] == [1]
        assert other.attempts[0][0] == world.replicas[first].attempts[0][0]


async def test_a_query_outlives_the_replicas_that_it_was_sent_to() -> None:
    """Each time it is sent to the next one, be it one that comes only then, until there is one that lives."""
    async with World("a", "b", policy=CallPolicy(retry=Retry(budget=0.0))) as world:
        for replica in world.replicas.values():
            replica.held = asyncio.Event()
        calls = [asyncio.ensure_future(world.shop.where()) for _ in range(20)]  # more than the budget has at first
        for _ in range(3):
            for name, replica in world.replicas.items():
                replica.begun.clear()
                async with asyncio.timeout(10):
                    await replica.begun.wait()
                await world.kill(name)
            for name in world.replicas:
                await world.start(name)
        for replica in world.replicas.values():
            assert replica.held is not None
            replica.held.set()
        async with asyncio.timeout(10):
            assert set(await asyncio.gather(*calls)) <= {"a", "b"}


async def test_a_command_that_was_begun_is_not_sent_to_who_keeps_none() -> None:
    """Such a replica is left while an older version is replaced: it would do it a second time."""
    async with World("a", "b", keeping="a") as world:
        await world.kill("b")
        assert set(await world.chosen(5)) == {"a"}  # that the other is gone was noticed
        call, first = await hold(world)
        assert first == "a"
        await world.start("b")
        held = world.replicas["b"].held
        assert held is not None
        held.set()
        with heard() as signals:
            await world.kill("a")
            with pytest.raises(ConnectionLost) as lost:
                await call
        given_up = [(it.operation, it.reason, it.error) for it in signals if isinstance(it, CallGivenUp)]
        assert given_up == [("shop.buy", "to repeat it may do harm, or can't help", lost.value)]
        assert world.replicas["b"].attempts == []
        assert await world.shop.buy() == "b"


async def test_a_command_of_which_nobody_knows_whether_it_happened_is_announced() -> None:
    """An operator may have to look; an error that is an answer is none to look at."""
    async with World("a") as world:
        world.replicas["a"].error = Internal("a bug")
        with heard() as signals, pytest.raises(Internal):
            await world.shop.buy()
        assert not [it for it in signals if isinstance(it, CallGivenUp)]
        world.replicas["a"].error = None
        call, _ = await hold(world)
        with heard() as signals:
            await world.kill("a")
            with pytest.raises(ConnectionLost) as lost:
                await call
        given_up = [(it.operation, it.reason, it.error) for it in signals if isinstance(it, CallGivenUp)]
        assert given_up == [("shop.buy", "to repeat it may do harm, or can't help", lost.value)]


async def test_what_is_announced_of_a_repetition_names_the_trace() -> None:
    """Of a stream as of any other call: whoever listens can tell for whom it was made."""
    async with World("a") as world:
        world.replicas["a"].error = Unavailable("out of order")
        for call in (world.shop.where, lambda: anext(world.shop.watch())):
            async with deadline(5):
                context = current()
                assert context is not None
                with heard() as signals, pytest.raises(Unavailable):
                    await call()
            announced = [(type(it), it.trace_id) for it in signals if isinstance(it, CallRepeated | CallGivenUp)]
            assert set(announced) == {(CallRepeated, context.trace_id), (CallGivenUp, context.trace_id)}


async def test_that_nobody_could_be_reached_is_announced() -> None:
    """When the caller has waited for as long as it could."""
    async with World("a") as world:
        await world.kill("a")
        with heard() as signals, pytest.raises(Unavailable) as caught:
            async with deadline(0.2):
                await world.shop.where()
        given_up = [(it.operation, it.reason, it.error) for it in signals if isinstance(it, CallGivenUp)]
        assert given_up == [("shop.where", "no replica could be reached in time", caught.value)]
        assert caught.value.retried


async def test_that_a_repetition_came_to_nothing_does_not_undo_the_first() -> None:
    """Its error must not say that the command did not happen."""
    async with World("a", "b", keeping="ab") as world:
        call, first = await hold(world)
        other = world.replicas[next(name for name in "ab" if name != first)]
        other.error = Unavailable("out of order")
        assert other.held is not None
        other.held.set()
        await world.kill(first)
        with pytest.raises(ConnectionLost, match="was sent, and no answer came") as caught:
            await call
        assert caught.value.retried

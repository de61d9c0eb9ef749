"""A block under a lease: it has a token, is renewed, and is ended in time when it can't be."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator

import pytest

from freestone.errors import Unavailable
from freestone.lease import Held, Lease, LeaseLost, Leases, LeaseTaken
from freestone.signals import SIGNALS, LeaseAcquired, LeaseEnded, LeaseNotRenewed, Signal
from freestone.testing import FakeClock
from freestone.testing.conformance.lease import CHECKS, Bench
from freestone.testing.leases import MemoryLeases

Check = Callable[[Bench], Awaitable[None]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryLeases:
    return MemoryLeases(clock)


@pytest.fixture
def leases(store: MemoryLeases, clock: FakeClock) -> Leases:
    return Leases(store, clock, "ada")


@pytest.fixture
def others(store: MemoryLeases, clock: FakeClock) -> Leases:
    """Those of another process."""
    return Leases(store, clock, "bob")


@pytest.fixture
def heard() -> Iterator[list[Signal]]:
    signals: list[Signal] = []
    SIGNALS.subscribe(signals.append)
    yield signals
    SIGNALS.unsubscribe(signals.append)


async def pass_time(clock: FakeClock, seconds: float) -> None:
    """Let time pass in small steps, and everybody do what is due."""
    for step in [0.0] + [0.25] * math.ceil(seconds * 4):
        clock.advance(step)
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_fake_keeps_the_rules(check: Check, clock: FakeClock, store: MemoryLeases) -> None:
    """The suite of the seam."""

    async def pass_it(seconds: float) -> None:
        clock.advance(seconds)

    await check(Bench(store, store, pass_it))


async def test_a_block_has_a_token_that_is_higher_each_time(leases: Leases) -> None:
    """So that data can tell who came later."""
    async with leases.lease("nightly") as first:
        assert (first.name, first.token, first.is_held) == ("nightly", 1, True)
    assert not first.is_held
    async with leases.lease("nightly") as second:
        assert second.token > first.token


async def test_a_second_one_is_refused_and_told_who_has_it(leases: Leases, others: Leases) -> None:
    """At once, without a wait."""
    async with leases.lease("nightly"):
        with pytest.raises(LeaseTaken, match="the lease nightly is held by ada"):
            async with others.lease("nightly"):
                pass


async def test_a_block_that_raises_frees_the_lease(leases: Leases, others: Leases) -> None:
    """And the error is the one that it raised."""
    with pytest.raises(ZeroDivisionError):
        async with leases.lease("nightly"):
            raise ZeroDivisionError
    async with others.lease("nightly"):
        pass


async def test_a_waiter_has_its_turn(leases: Leases, others: Leases, clock: FakeClock) -> None:
    """Soon after the other is done."""
    entered = asyncio.Event()

    async def wait() -> None:
        async with others.lease("nightly", wait=60):
            entered.set()

    async with leases.lease("nightly"):
        waiting = asyncio.create_task(wait())
        await pass_time(clock, 30)
        assert not entered.is_set()
    await pass_time(clock, 2)
    assert entered.is_set()
    await waiting


async def test_a_waiter_gives_up_after_its_time(leases: Leases, others: Leases, clock: FakeClock) -> None:
    """And not before."""
    async with leases.lease("nightly"):
        waiting = asyncio.create_task(others._acquire("nightly", 30, 60))
        await pass_time(clock, 59)
        assert not waiting.done()
        await pass_time(clock, 2)
        with pytest.raises(LeaseTaken):
            await waiting


async def test_a_lease_is_renewed_for_as_long_as_its_block_runs(
    leases: Leases, others: Leases, clock: FakeClock
) -> None:
    """Here twenty times its seconds."""
    async with leases.lease("nightly", seconds=3) as lease:
        for _ in range(20):
            await pass_time(clock, 3)
            lease.check()
            with pytest.raises(LeaseTaken):
                await others._acquire("nightly", 3, 0)


async def block(leases: Leases, seconds: float, ended: list[float], clock: FakeClock) -> None:
    async with leases.lease("nightly", seconds=seconds):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(clock.monotonic())


async def test_p19_work_ends_before_the_lease_expires_when_its_heartbeat_is_cut(
    leases: Leases, store: MemoryLeases, clock: FakeClock, heard: list[Signal]
) -> None:
    """The failures are not swallowed: each is announced, and the work is cancelled with a sixth of the time left."""
    ended: list[float] = []
    working = asyncio.create_task(block(leases, 12, ended, clock))
    await pass_time(clock, 1)
    store.fails = Unavailable("the database is gone")
    await pass_time(clock, 12)
    assert ended
    assert 0 < ended[0] < 12
    with pytest.raises(LeaseLost, match="the lease nightly with token 1 is lost: it could not be renewed in time: the"):
        await working
    assert isinstance(heard[0], LeaseAcquired)
    assert len([signal for signal in heard if isinstance(signal, LeaseNotRenewed)]) >= 2
    assert heard[-1] == LeaseEnded("nightly", 1, lost=True)


async def test_p19_work_ends_before_the_lease_expires_when_its_heartbeat_hangs(
    leases: Leases, store: MemoryLeases, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that has no answer is no confirmation."""

    async def hang(*_: object) -> bool:
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(store, "renew", hang)
    ended: list[float] = []
    working = asyncio.create_task(block(leases, 12, ended, clock))
    await pass_time(clock, 12)
    assert ended == [10.0]
    with pytest.raises(LeaseLost):
        await working


async def test_a_heartbeat_that_comes_back_in_time_keeps_the_lease(
    leases: Leases, store: MemoryLeases, clock: FakeClock
) -> None:
    """Short failures are nothing to the work."""
    async with leases.lease("nightly", seconds=12) as lease:
        for _ in range(5):
            await pass_time(clock, 4)
            store.fails = Unavailable("for a moment")
            await pass_time(clock, 3)
            store.fails = None
            await pass_time(clock, 4)
            lease.check()


async def test_work_ends_when_somebody_else_has_the_lease(
    leases: Leases, store: MemoryLeases, clock: FakeClock
) -> None:
    """As it learns from its next heartbeat."""
    ended: list[float] = []
    working = asyncio.create_task(block(leases, 12, ended, clock))
    await pass_time(clock, 1)
    await store.release("nightly", 1)
    assert await store.acquire("nightly", "bob", 30) == 2
    await pass_time(clock, 4)
    assert ended
    with pytest.raises(LeaseLost, match="it is somebody else's"):
        await working
    assert await store.acquire("nightly", "ada", 30) == Held("bob")


async def test_fenced_work_goes_on_while_its_heartbeat_is_late(
    leases: Leases, store: MemoryLeases, clock: FakeClock, heard: list[Signal]
) -> None:
    """What keeps the heartbeat out may be its own transaction; and what it writes too late, the fence refuses."""
    async with leases.lease("events/1", seconds=6, fenced=True) as lease:
        store.fails = Unavailable("somebody writes")
        await pass_time(clock, 20)
        lease.check()
        store.fails = None
        await pass_time(clock, 1)
        assert await store.acquire("events/1", "bob", 6) == Held("ada")
    assert heard[-1] == LeaseEnded("events/1", 1, lost=False)


async def test_fenced_work_ends_when_somebody_else_has_the_lease(
    leases: Leases, store: MemoryLeases, clock: FakeClock
) -> None:
    """As soon as a heartbeat is answered."""
    with pytest.raises(LeaseLost, match="it is somebody else's"):
        async with leases.lease("events/1", seconds=6, fenced=True) as lease:
            store.fails = Unavailable("somebody writes")
            await pass_time(clock, 20)
            assert lease.is_held
            store.fails = None
            assert await store.acquire("events/1", "bob", 6) == 2
            await pass_time(clock, 1)
            assert not lease.is_held


async def test_p18_a_holder_that_was_stopped_learns_it_from_the_clock(leases: Leases, clock: FakeClock) -> None:
    """Before the event loop has run at all: time passes in one leap, as for a process that is stopped."""
    with pytest.raises(LeaseLost):
        async with leases.lease("nightly", seconds=12) as lease:
            lease.check()
            clock.advance(24)
            with pytest.raises(LeaseLost):
                lease.check()


async def test_p20_a_wall_clock_that_jumps_changes_nothing(leases: Leases, others: Leases, clock: FakeClock) -> None:
    """An hour ahead or back."""
    async with leases.lease("nightly", seconds=12) as lease:
        for jump in (3600, -7200, 3600):
            clock.jump(jump)
            await pass_time(clock, 6)
            lease.check()
            with pytest.raises(LeaseTaken):
                await others._acquire("nightly", 12, 0)


async def test_a_cancellation_from_outside_stays_one(leases: Leases, others: Leases) -> None:
    """And the lease is free afterwards."""
    entered = asyncio.Event()

    async def work() -> None:
        async with leases.lease("nightly"):
            entered.set()
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await entered.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    async with others.lease("nightly"):
        pass


async def test_a_timeout_around_the_block_stays_one(leases: Leases) -> None:
    """It is not taken for a loss."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), leases.lease("nightly"):
            await asyncio.Event().wait()


async def test_a_task_goes_on_after_a_lease_was_lost(leases: Leases, store: MemoryLeases, clock: FakeClock) -> None:
    """Its cancellation was for the block alone."""

    async def work() -> str:
        try:
            async with leases.lease("nightly", seconds=12):
                await asyncio.Event().wait()
        except LeaseLost:
            await asyncio.sleep(0)
            return "went on"
        return ""

    working = asyncio.create_task(work())
    await pass_time(clock, 1)
    store.fails = Unavailable("gone")
    await pass_time(clock, 12)
    assert await working == "went on"
    assert not working.cancelling()


async def test_what_is_granted_to_a_task_that_was_cancelled_is_given_back(
    store: MemoryLeases, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the time of a lease that nobody has."""
    asked, answer, grant = asyncio.Event(), asyncio.Event(), store.acquire

    async def slowly(name: str, holder: str, seconds: float) -> int | Held:
        asked.set()
        await answer.wait()
        return await grant(name, holder, seconds)

    monkeypatch.setattr(store, "acquire", slowly)
    asking = asyncio.create_task(Leases(store, clock)._acquire("nightly", 30, 0))
    await asked.wait()
    asking.cancel()
    await asyncio.sleep(0)
    answer.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await grant("nightly", "bob", 30) == 2


async def test_one_of_two_leads_and_the_other_follows_when_it_fails(
    leases: Leases, others: Leases, clock: FakeClock
) -> None:
    """The work is begun by one at a time."""
    led: list[str] = []

    def as_(name: str) -> Callable[[Lease], Awaitable[None]]:
        async def work(lease: Lease) -> None:
            led.append(f"{name} {lease.token}")
            await asyncio.Event().wait()

        return work

    first = asyncio.create_task(leases.lead("relay", as_("ada"), seconds=6))
    await pass_time(clock, 1)
    second = asyncio.create_task(others.lead("relay", as_("bob"), seconds=6))
    await pass_time(clock, 20)
    assert led == ["ada 1"]
    first.cancel()
    await pass_time(clock, 2)
    assert led == ["ada 1", "bob 2"]
    second.cancel()
    await asyncio.wait([first, second])


async def test_a_leader_that_lost_its_lease_waits_for_its_next_turn(
    leases: Leases, store: MemoryLeases, clock: FakeClock
) -> None:
    """Also while the store is out of reach."""
    tokens: list[int] = []

    async def work(lease: Lease) -> None:
        tokens.append(lease.token)
        await asyncio.Event().wait()

    leading = asyncio.create_task(leases.lead("relay", work, seconds=6))
    await pass_time(clock, 1)
    store.fails = Unavailable("gone")
    await pass_time(clock, 30)
    assert tokens == [1]
    store.fails = None
    await pass_time(clock, 8)
    assert tokens == [1, 2]
    leading.cancel()
    await asyncio.wait([leading])


async def test_leading_ends_with_the_work(leases: Leases) -> None:
    """With its result, or its error."""

    async def result(_: Lease) -> int:
        return 42

    async def error(_: Lease) -> int:
        raise ZeroDivisionError

    assert await leases.lead("relay", result) == 42
    with pytest.raises(ZeroDivisionError):
        await leases.lead("relay", error)


@pytest.mark.parametrize(("name", "seconds"), [("", 30), ("a\nb", 30), ("x" * 201, 30), ("x", 0.1), ("x", math.inf)])
async def test_a_lease_that_makes_no_sense_is_refused(leases: Leases, name: str, seconds: float) -> None:
    """With a sentence."""
    with pytest.raises(ValueError, match=r"is no name for a lease|a lease lasts at least 0\.5 s"):
        async with leases.lease(name, seconds=seconds):
            pass

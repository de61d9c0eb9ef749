"""Results that a client keeps; near and far."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from freestone.call import Dispatcher, FallbackTransport, LocalTransport, Transport, client, gather, invalidate
from freestone.call import caching as module
from freestone.contract import Contract, Message, command, operations, query
from freestone.errors import DeadlineExceeded, InvalidArgument, NotFound, Unavailable
from freestone.service import ContextField, Identity, acting_as, deadline, received
from freestone.signals import SIGNALS, CacheAnswered, CacheDropped, CacheEvicted, CallShared, Signal

PATIENCE = 10.0
TENANT = ContextField[str]("test-caching-tenant", default="")
Served = Callable[[object], AbstractAsyncContextManager[Transport]]


class Outline(Message):
    """Something that can change."""

    title: str
    steps: list[int]


class Catalog(Contract):
    """Learning paths."""

    @query(cache="30s", key="path")
    async def path(self, path: str, hint: int = 0) -> Outline:
        """Return a path."""
        ...

    @query(cache=30, shared=True)
    async def title(self, path: str, language: str = "en", tags: frozenset[str] = frozenset()) -> str:
        """Return its title, which is the same for everybody."""
        ...

    @query(cache="20ms")
    async def soon_over(self) -> int:
        """Return how often it was asked."""
        ...

    @query(cache="30s", batch=True)
    async def minutes(self, paths: tuple[str, ...]) -> tuple[int, ...]:
        """Return how long each takes."""
        ...

    @query
    async def plain(self) -> int:
        """Return how often it was asked."""
        ...

    @command
    async def rename(self, path: str) -> None:
        """Rename it."""
        ...


class CatalogService(Catalog):
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def path(self, path: str, hint: int = 0) -> Outline:
        self.calls.append((path, hint))
        count = len(self.calls)
        if path.startswith("slow"):
            self.began.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if path.startswith("missing"):
            raise NotFound("there is no such path")
        return Outline(f"{path} {count}", [1])

    async def title(self, path: str, language: str = "en", tags: frozenset[str] = frozenset()) -> str:
        self.calls.append((path, language, TENANT.get()))
        return f"{path} {len(self.calls)}"

    async def soon_over(self) -> int:
        self.calls.append(())
        return len(self.calls)

    async def minutes(self, paths: tuple[str, ...]) -> tuple[int, ...]:
        self.calls.append(paths)
        return tuple(len(path) for path in paths)

    async def plain(self) -> int:
        self.calls.append(())
        return len(self.calls)

    async def rename(self, path: str) -> None:
        invalidate(Catalog.path, path)


Placed = tuple[Catalog, CatalogService]


@pytest.fixture
async def placed(served: Served) -> AsyncGenerator[Placed]:
    for method in (Catalog.path, Catalog.title):
        invalidate(method)  # what the clients of other tests may have left
    service = CatalogService()
    async with served(service) as transport:
        yield client(Catalog, transport), service


async def soon(awaitable: Awaitable[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await awaitable


async def test_a_result_is_kept(placed: Placed) -> None:
    """Under its key: what else is asked makes no difference."""
    catalog, service = placed
    first = await catalog.path("a")
    assert await catalog.path("a", hint=7) == first
    assert (await catalog.path("b")).title == "b 2"
    assert service.calls == [("a", 0), ("b", 0)]


async def test_the_key_is_every_argument_unless_it_is_said(placed: Placed) -> None:
    """Defaults are filled in, and a set has no order."""
    catalog, service = placed
    await catalog.title("a")
    await catalog.title("a", "en")
    await catalog.title("a", "de")
    await catalog.title("a", tags=frozenset({"x", "y", "z"}))
    await catalog.title("a", tags=frozenset({"z", "y", "x"}))
    assert len(service.calls) == 3


async def test_a_result_is_not_served_when_its_time_is_over(placed: Placed) -> None:
    """It is asked for again."""
    catalog, service = placed
    loop = asyncio.get_running_loop()
    count, since = await catalog.soon_over(), loop.time()
    async with asyncio.timeout(PATIENCE):
        while await catalog.soon_over() == count:
            # Only as old as it may be: the clock is read before the call.
            assert loop.time() - since < 5
            await asyncio.sleep(0.005)
    assert len(service.calls) == 2


async def test_each_identity_has_its_own(placed: Placed) -> None:
    """Unless a result is declared as shared."""
    catalog, service = placed
    for subject in ("ada", "bob", "ada"):
        with acting_as(Identity(subject)):
            await catalog.path("a")
            await catalog.title("a")
    assert len(service.calls) == 3


async def test_each_value_of_a_context_field_has_its_own(placed: Placed) -> None:
    """Also where a result is shared: it may be another one for each tenant."""
    catalog, service = placed
    for tenant in ("x", "y", "x"):
        with TENANT.set(tenant), acting_as(Identity(tenant)):
            await catalog.title("a")
    assert [tenant for *_, tenant in service.calls] == ["x", "y"]


async def test_who_asks_at_the_same_time_shares_one_call(placed: Placed) -> None:
    """And nobody cancels it for the others."""
    catalog, service = placed
    one, two, three = (asyncio.ensure_future(catalog.path("slow")) for _ in range(3))
    await soon(service.began.wait())
    one.cancel()
    await soon(asyncio.wait([one]))
    assert not service.cancelled.is_set()
    service.go.set()
    assert await soon(two) == await soon(three)
    assert len(service.calls) == 1


async def test_a_call_that_nobody_waits_for_is_cancelled(placed: Placed) -> None:
    """And who comes then makes another one."""
    catalog, service = placed
    one = asyncio.ensure_future(catalog.path("slow"))
    await soon(service.began.wait())
    one.cancel()
    await soon(asyncio.wait([one]))
    service.go.set()
    assert (await soon(catalog.path("slow"))).title == "slow 2"
    await soon(service.cancelled.wait())


async def test_each_caller_keeps_its_own_deadline(placed: Placed) -> None:
    """Who has longer than the first does not fail with it."""
    catalog, service = placed

    async def ask(seconds: float) -> Outline:
        async with deadline(seconds):
            return await catalog.path("slow")

    hurried = asyncio.ensure_future(ask(0.5))
    await soon(service.began.wait())
    patient = asyncio.ensure_future(ask(PATIENCE))
    more_hurried = asyncio.ensure_future(ask(0.02))
    for task in (more_hurried, hurried):
        with pytest.raises(DeadlineExceeded):
            await soon(task)
    service.go.set()
    assert (await soon(patient)).title.startswith("slow")


async def test_a_deadline_that_has_passed_begins_nothing(placed: Placed) -> None:
    """Not even where there is something kept."""
    catalog, service = placed
    await catalog.path("a")
    with pytest.raises(DeadlineExceeded):
        async with deadline(0):
            await catalog.path("a")
    assert len(service.calls) == 1


async def test_an_error_is_not_kept(placed: Placed) -> None:
    """It goes to all who wait for the call, to each one of its own; the next one asks again."""
    catalog, service = placed
    found = await asyncio.gather(catalog.path("missing"), catalog.path("missing"), return_exceptions=True)
    assert [type(error) for error in found] == [NotFound, NotFound]
    assert found[0] is not found[1]
    assert len(service.calls) == 1
    with pytest.raises(NotFound):
        await catalog.path("missing")
    assert len(service.calls) == 2


async def test_nothing_mutable_is_shared(placed: Placed) -> None:
    """What one caller does to its result is its own."""
    catalog, _ = placed
    one, two = await gather(catalog.path("a"), catalog.path("a"))
    one.steps.append(2)
    two.steps.append(3)
    assert (await catalog.path("a")).steps == [1]


async def test_what_can_not_cross_is_refused(placed: Placed) -> None:
    """As without a cache."""
    catalog, _ = placed
    wrong: Any = object()
    with pytest.raises(InvalidArgument):
        await catalog.path(wrong)


async def test_a_result_is_forgotten_when_it_is_invalidated(placed: Placed) -> None:
    """That of the key, or all of them."""
    catalog, service = placed
    for path in ("a", "b", "c"):
        await catalog.path(path)
    assert invalidate(Catalog.path, "a") == 1
    assert invalidate(Catalog.path, path="other") == 0
    for path in ("a", "b", "c"):
        await catalog.path(path)
    assert [path for path, _ in service.calls] == ["a", "b", "c", "a"]
    assert invalidate(Catalog.path) == 3


async def test_a_part_of_the_key_is_enough_to_invalidate(placed: Placed) -> None:
    """And it goes for every identity."""
    catalog, service = placed
    for language in ("en", "de"):
        await catalog.title("a", language)
    await catalog.title("b", "en")
    assert invalidate(Catalog.title, language="en") == 2
    await catalog.title("a", "de")
    assert len(service.calls) == 3
    with acting_as(Identity("ada")):
        await catalog.path("a")
    assert invalidate(Catalog.path, "a") == 1


async def test_a_call_that_was_invalidated_meanwhile_is_not_kept(placed: Placed) -> None:
    """Who waits for it gets it; who asks from then on makes another one."""
    catalog, service = placed
    old = asyncio.ensure_future(catalog.path("slow"))
    await soon(service.began.wait())
    invalidate(Catalog.path, "slow")
    new = asyncio.ensure_future(catalog.path("slow"))
    service.go.set()
    assert (await soon(old)).title == "slow 1"
    assert (await soon(new)).title == (await catalog.path("slow")).title == "slow 2"


@pytest.mark.parametrize(
    ("method", "arguments", "text"),
    [
        (Catalog.plain, {}, "Catalog.plain keeps no results; it is no query with a cache"),
        (Catalog.path, {"hint": 1}, "the results of Catalog.path do not depend on hint; they do on path"),
    ],
)
def test_only_what_is_kept_can_be_invalidated(method: Any, arguments: dict[str, Any], text: str) -> None:
    """By what it depends on."""
    with pytest.raises(TypeError) as caught:
        invalidate(method, **arguments)
    assert str(caught.value) == text


async def test_the_age_of_a_result_can_be_seen(placed: Placed) -> None:
    """That of the oldest in the block; what came from the service just now has none."""
    catalog, _ = placed
    with received() as seen:
        await catalog.path("a")
        await catalog.plain()
    assert (seen.age, seen.cached) == (0.0, False)
    await asyncio.sleep(0.01)
    with received() as outer:
        with received() as seen:
            await catalog.path("a", hint=1)
        with received() as fresh:
            await catalog.path("b")
        async with deadline(5):
            await gather(catalog.path("a"), catalog.path("b"))
    assert seen.cached
    assert 0.009 < seen.age < 5
    assert not fresh.cached
    assert outer.age >= seen.age


async def test_a_kept_result_has_the_replica_that_it_is_from(placed: Placed) -> None:
    """For those who share one call too, and with a batch; none has one that is of this process."""
    catalog, service = placed
    service.go.set()
    with received() as plain:
        await catalog.plain()
    origin = plain.replica
    with received() as first:
        await catalog.path("a")
    with received() as kept:
        await catalog.path("a")
    assert kept.cached
    assert (first.replica, kept.replica) == (origin, origin)

    async def seen(call: Callable[[], Awaitable[object]]) -> str:
        with received() as block:
            await call()
        return block.replica

    shared = [seen(lambda: catalog.path("slow")) for _ in range(2)]
    batched = [seen(lambda: catalog.minutes(("d",))), seen(lambda: catalog.minutes(("e",)))]
    assert await gather(*shared, *batched) == (origin,) * 4
    assert await seen(lambda: catalog.minutes(("d",))) == origin


async def test_the_cache_of_a_callee_is_its_own_affair(served: Served) -> None:
    """Wherever it runs: a caller sees what its own client has kept."""

    class Shop(Contract):
        """Asks the catalog."""

        @query
        async def look(self) -> bool:
            """Return whether it saw something old."""
            ...

    class ShopService(Shop):
        def __init__(self, catalog: Catalog) -> None:
            self.catalog = catalog

        async def look(self) -> bool:
            with received() as seen:
                await self.catalog.title("a")
            return seen.cached

    async with served(CatalogService()) as far:
        catalog = client(Catalog, far)
        await catalog.title("a")
        async with served(ShopService(catalog)) as transport:
            with received() as seen:
                assert await client(Shop, transport).look()
            assert not seen.cached


async def test_a_batch_brings_results_that_are_kept(placed: Placed) -> None:
    """For each of its callers."""
    catalog, service = placed
    assert await gather(catalog.minutes(("a", "bb")), catalog.minutes(("ccc",))) == ((1, 2), (3,))
    assert await gather(catalog.minutes(("ccc",)), catalog.minutes(("d",))) == ((3,), (1,))
    assert service.calls == [("a", "bb", "ccc"), ("d",)]


async def test_what_stands_in_for_a_result_is_not_kept() -> None:
    """It is given while the service is away, and no longer."""
    service = CatalogService()
    dispatcher = Dispatcher({})
    instead = {operations(Catalog)["title"]: _unknown}
    catalog = client(Catalog, FallbackTransport(LocalTransport(dispatcher, "catalog"), "shop", instead))
    service_is_away = True

    async def away(path: str, language: str = "en", tags: frozenset[str] = frozenset()) -> str:
        if service_is_away:
            raise Unavailable("it is away")
        return path

    service.title = away  # type: ignore[method-assign]
    dispatcher.add("catalog", service)
    assert await catalog.title("a") == "unknown"
    service_is_away = False
    assert await catalog.title("a") == "a"
    service_is_away = True
    assert await catalog.title("a") == "a"
    assert await catalog.title("b") == "unknown"


async def _unknown(*arguments: object) -> str:
    return "unknown"


async def test_a_cache_has_a_size(placed: Placed, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was used least recently goes first."""
    monkeypatch.setattr(module, "MOST", 2)
    catalog, service = placed
    for path in ("a", "b", "a", "c", "a", "b"):
        await catalog.path(path)
    assert [path for path, _ in service.calls] == ["a", "b", "c", "b"]


async def test_caches_are_announced(placed: Placed) -> None:
    """What they answer, and what they drop."""
    catalog, _ = placed
    heard: list[Signal] = []
    await catalog.path("a")
    SIGNALS.subscribe(heard.append)
    try:
        await catalog.path("a")
        invalidate(Catalog.path)
    finally:
        SIGNALS.unsubscribe(heard.append)
    answered, dropped = (signal for signal in heard if isinstance(signal, CacheAnswered | CacheDropped))
    assert isinstance(answered, CacheAnswered)
    assert (answered.operation, answered.age >= 0) == ("Catalog.path", True)
    assert dropped == CacheDropped("Catalog.path", 1)


async def test_a_cache_that_is_too_small_says_so(placed: Placed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that it gives up something for a new result; not while there is room, nor for one that it has."""
    monkeypatch.setattr(module, "MOST", 2)
    catalog, _ = placed
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        for path in ("a", "b", "a"):
            await catalog.path(path)
        assert not [it for it in heard if isinstance(it, CacheEvicted)]
        await catalog.path("c")
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert [it for it in heard if isinstance(it, CacheEvicted)] == [CacheEvicted("Catalog.path", 2)]


async def test_who_joins_a_call_is_announced(placed: Placed) -> None:
    """Three that ask at once make one call, and two of them wait for it."""
    catalog, service = placed
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        await gather(*(catalog.path("a") for _ in range(3)))
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert len(service.calls) == 1
    assert [it for it in heard if isinstance(it, CallShared)] == [CallShared("Catalog.path")] * 2


async def test_a_method_that_declares_nothing_is_where_it_was(placed: Placed) -> None:
    """Its client hands it to the transport itself."""
    catalog, _ = placed
    assert await catalog.plain() == 1
    assert await catalog.plain() == 2
    await catalog.path("a")
    it: Any = catalog
    ways = {name: repr(getattr(it, name)) for name in type(it).__slots__ if name.endswith(("plain", "path"))}
    assert {name: "CachingTransport" in way for name, way in ways.items()} == {"_to_plain": False, "_to_path": True}


async def test_a_client_that_is_gone_leaves_nothing(placed: Placed) -> None:
    """Its results go with it."""
    catalog, _ = placed
    other = client(Catalog, catalog._transport)  # type: ignore[attr-defined]
    await other.path("a")
    assert invalidate(Catalog.path) == 1
    await other.path("a")
    del other
    gc.collect()
    assert invalidate(Catalog.path) == 0

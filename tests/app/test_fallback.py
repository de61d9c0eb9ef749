"""What a service does when a dependency is not available: the same in every placement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from freestone.app import Local, local
from freestone.call import CallPolicy, CodecTransport, LocalTransport, Policies, Retry
from freestone.contract import Contract, Message, command, query
from freestone.errors import (
    ConnectionLost,
    DeadlineExceeded,
    Internal,
    NotFound,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)
from freestone.service import fallback, service
from freestone.signals import SIGNALS, FallbackUsed, Signal
from freestone.testing.memory import wire_in_memory


class Quota(ResourceExhausted):
    """Used up."""


class Path(Message):
    slug: str
    steps: list[str] = []


class Catalog(Contract):
    """What there is."""

    @query(raises=[Quota])
    async def path(self, slug: str) -> Path:
        """Return a path."""

    @query
    async def recommended(self) -> list[str]:
        """Return what to read next."""

    @command
    async def visit(self, slug: str) -> str:
        """Count a visit."""

    @query
    async def wait(self) -> str:
        """Wait for ever."""


class Reader(Contract):
    """Who reads it."""

    @query
    async def read(self, slug: str) -> str:
        """Return a path's name."""

    @query
    async def recommended(self) -> list[str]:
        """Return what to read next."""

    @query
    async def visit(self, slug: str) -> str:
        """Count a visit."""

    @query
    async def wait(self) -> str:
        """Wait for a while."""


@service
class CatalogService(Catalog):
    async def path(self, slug: str) -> Path:
        self._fail()
        return Path(slug)

    async def recommended(self) -> list[str]:
        self._fail()
        return ["basics"]

    async def visit(self, slug: str) -> str:
        self._fail()
        return "counted"

    async def wait(self) -> str:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    def _fail(self) -> None:
        if FAILING:
            raise FAILING[0]


FAILING: list[ServiceError] = []


@service
class ReaderService(Reader):
    catalog: Catalog

    nothing_recommended = fallback(Catalog.recommended).value(["about"])

    @fallback(Catalog.path)
    async def path_unknown(self, slug: str) -> Path:
        return Path(f"{slug} as {type(self).__name__} knows it")

    @fallback(Catalog.visit)
    async def visit_later(self, slug: str) -> str:
        return "noted"

    @fallback(Catalog.wait)
    async def not_waited(self) -> str:
        return "was not worth the wait"

    async def read(self, slug: str) -> str:
        return (await self.catalog.path(slug)).slug

    async def recommended(self) -> list[str]:
        found = await self.catalog.recommended()
        found.append("more")
        return found

    async def visit(self, slug: str) -> str:
        return await self.catalog.visit(slug)

    async def wait(self) -> str:
        return await self.catalog.wait()


@pytest.fixture(params=["local", "codec", "memory"])
async def near(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    if request.param == "memory":
        async with wire_in_memory() as transport:
            yield transport
    else:
        yield LocalTransport if request.param == "local" else CodecTransport


@pytest.fixture
async def application(near: Any) -> AsyncIterator[Local]:
    FAILING.clear()
    policies = Policies(CallPolicy(retry=Retry(attempts=1)), methods={"catalog.wait": CallPolicy(deadline=0.05)})
    async with local(near=near, policies=policies, catalog=CatalogService, reader=ReaderService) as made:
        yield made
    FAILING.clear()


AVAILABILITY = [Unavailable(), ConnectionLost(), DeadlineExceeded(), ResourceExhausted()]


@pytest.mark.parametrize("error", AVAILABILITY)
async def test_a_method_stands_in_for_what_is_not_available(application: Local, error: ServiceError) -> None:
    """With the same arguments; and with the real one again as soon as that answers."""
    reader = application.client(Reader)
    FAILING.append(error)
    assert await reader.read("basics") == "basics as ReaderService knows it"
    assert await reader.visit("basics") == "noted"
    FAILING.clear()
    assert await reader.read("basics") == "basics"
    assert await reader.visit("basics") == "counted"


async def test_a_value_stands_in_for_what_is_not_available(application: Local) -> None:
    """Each caller has its own: what one does to it, the next does not see."""
    reader = application.client(Reader)
    FAILING.append(Unavailable())
    for _ in range(2):
        assert await reader.recommended() == ["about", "more"]
    FAILING.clear()
    assert await reader.recommended() == ["basics", "more"]


async def test_what_takes_too_long_is_not_available(application: Local) -> None:
    """Within a limit of its own, which leaves its caller the time to do without."""
    assert await asyncio.wait_for(application.client(Reader).wait(), 5) == "was not worth the wait"


@pytest.mark.parametrize("error", [NotFound("no basics"), Internal("a bug"), Quota("used up")])
async def test_an_answer_is_an_answer(application: Local, error: ServiceError) -> None:
    """What the domain says, and what is a bug, is not covered up."""
    FAILING.append(error)
    with pytest.raises((type(error), Internal)):
        await application.client(Reader).read("basics")


async def test_a_client_from_outside_has_no_fallback(application: Local) -> None:
    """It is of the service that declared it."""
    FAILING.append(Unavailable("closed today"))
    with pytest.raises(Unavailable, match="closed today"):
        await application.client(Catalog).path("basics")


async def test_that_a_fallback_was_taken_is_announced(application: Local) -> None:
    """Who did without what, and why."""
    heard: list[Signal] = []
    FAILING.append(Unavailable("closed today"))
    SIGNALS.subscribe(heard.append)
    try:
        await application.client(Reader).read("basics")
    finally:
        SIGNALS.unsubscribe(heard.append)
    (used,) = [it for it in heard if isinstance(it, FallbackUsed)]
    assert (used.service, used.operation, str(used.error)) == ("reader", "Catalog.path", "closed today")


async def test_by_hand_it_is_an_ordinary_method() -> None:
    """A unit test calls it as any other."""
    reader = ReaderService(catalog=None)  # type: ignore[arg-type]
    assert (await reader.path_unknown("basics")).slug == "basics as ReaderService knows it"

"""The public API as types: read by mypy and pyright in ``make types``, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, assert_type

from freestone import (
    Clock,
    Context,
    ContextField,
    Contract,
    Database,
    Event,
    Identity,
    Ids,
    Lease,
    Leases,
    Message,
    Publisher,
    Random,
    Secret,
    ServiceError,
    Settings,
    acting_as,
    command,
    connect,
    cron,
    current,
    deadline,
    errors,
    every,
    fallback,
    gather,
    gather_all,
    invalidate,
    keyed,
    local,
    query,
    received,
    service,
    settle,
    subscribe,
    upcast,
)
from freestone.gateway import Gateway, get, mount, post
from freestone.testing import fake


class Path(Message):
    slug: str
    minutes: int = 0


class Unready(errors.FailedPrecondition):
    needs: tuple[str, ...]


class Catalog(Contract):
    class Read(Event, key="slug", version=2):
        slug: str
        minutes: int

        @upcast(from_version=1)
        @staticmethod
        def with_minutes(fields: dict[str, Any]) -> dict[str, Any]:
            return {**fields, "minutes": 0}

    @query
    async def path(self, slug: str, draft: bool = False) -> Path:
        """Return a path."""
        ...

    @query(batch=True, cache="30s", key=("slugs",), shared=True, until=[Read])
    async def minutes(self, slugs: tuple[str, ...]) -> tuple[int, ...]:
        """Return how long each path takes."""
        ...

    @command(raises=[Unready])
    async def publish(self, path: Path) -> None:
        """Publish it."""
        ...

    @query
    def watch(self, slug: str) -> AsyncIterator[Path]:
        """Stream its versions."""
        ...


class CatalogSettings(Settings):
    page: int = 20
    token: Secret = Secret("")


@service
class CatalogService(Catalog):
    db: Database
    events: Publisher
    clock: Clock
    random: Random
    ids: Ids
    settings: CatalogSettings

    async def path(self, slug: str, draft: bool = False) -> Path:
        assert_type(self.clock.now(), datetime)
        assert_type(self.ids.new(), str)
        assert_type(self.settings.page, int)
        assert_type(await self.db.get(Path, slug), Path | None)
        return Path(slug)

    async def minutes(self, slugs: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(len(slug) for slug in slugs)

    async def publish(self, path: Path) -> None:
        assert_type(self.events.publish(Catalog.Read(path.slug, 0)), None)
        assert_type(await self.events.send(Catalog.Read(path.slug, 0)), None)
        raise Unready("not yet", needs=("basics",))

    async def watch(self, slug: str) -> AsyncIterator[Path]:
        yield Path(slug)


class Reader(Contract):
    @query
    async def minutes(self, slug: str) -> int:
        """Return how long a path takes."""
        ...


@service
class ReaderService(Reader):
    catalog: Catalog

    async def minutes(self, slug: str) -> int:
        assert_type(await self.catalog.publish(Path(slug)), None)
        async for path in self.catalog.watch(slug):
            assert_type(path, Path)
        return (await self.catalog.path(slug, draft=True)).minutes


@service
class HearingReaderService(Reader):
    async def minutes(self, slug: str) -> int:
        assert_type(await self.count(Catalog.Read(slug, 1)), None)
        return 0

    @subscribe(Catalog.Read, start="beginning", tries=3, backoff="1s", deadline=5, on_failure="skip")
    async def count(self, event: Catalog.Read) -> None:
        assert_type(event.slug, str)


@service
class PatientReaderService(Reader):
    catalog: Catalog

    no_path = fallback(Catalog.path).value(Path("none"))
    fallback(Catalog.path).value(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    @fallback(Catalog.publish)
    async def publish_later(self, path: Path) -> None:
        assert_type(path, Path)

    async def minutes(self, slug: str) -> int:
        assert_type(await self.publish_later(Path(slug)), None)
        return (await self.catalog.path(slug)).minutes


class Wrong:
    @fallback(Catalog.path)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async def path(self, number: int) -> Path:
        return Path("")

    @subscribe(Catalog.Read)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async def read(self, event: Path) -> None: ...

    @subscribe(Catalog.Read, start="later")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async def later(self, event: Catalog.Read) -> None: ...


async def constructed_by_hand(catalog: Catalog) -> None:
    def path(slug: str, draft: bool) -> Path:
        return Path(slug)

    reader = ReaderService(catalog=fake(Catalog, path=path))
    assert_type(await reader.minutes("a"), int)
    ReaderService(catalog=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ReaderService()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def called() -> None:
    async with local(catalog=CatalogService) as application:
        assert_type(application.client(Catalog), Catalog)
    async with connect(Catalog, "tcp://127.0.0.1:7000", service="catalog", application="academy") as catalog:
        assert_type(catalog, Catalog)
    async with deadline(1.0) as context:
        assert_type(context, Context)
        assert_type(context.remaining(), float)
    with acting_as(Identity("ada", scopes=("read",))):
        assert_type(current(), Context | None)


TENANT = ContextField[str]("typed-tenant", default="nobody")
ZONE = ContextField("typed-zone", int)
LOCALE = ContextField[str | None]("typed-locale", default=None)


async def carried(catalog: Catalog) -> None:
    with TENANT.set("acme") as context, ZONE.set(3):
        assert_type(context, Context)
        await catalog.path("a")
    assert_type(TENANT.get(), str)
    assert_type(ZONE.get(), int)
    assert_type(LOCALE.get(), str | None)
    TENANT.set(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with keyed("order-17"):
        await catalog.publish(Path("a"))
    assert_type(context.idempotency_key, str | None)
    assert_type(context.attempt, int)


async def together(catalog: Catalog, reader: Reader) -> None:
    one, two = await gather(catalog.path("a"), reader.minutes("a"), seconds=2)
    assert_type(one, Path)
    assert_type(two, int)
    assert_type(await gather(catalog.path("a")), tuple[Path])
    assert_type(await gather(catalog.path("a"), reader.minutes("a"), catalog.publish(one)), tuple[Path, int, None])
    assert_type(await gather(*[catalog.path(slug) for slug in "abc"]), tuple[Path, ...])
    assert_type(await gather_all((reader.minutes(slug) for slug in "abc"), at_once=2, seconds=1), tuple[int, ...])
    three, four = await settle(catalog.path("a"), reader.minutes("a"), seconds=0.5)
    assert_type(three, Path | ServiceError)
    assert_type(four, int | ServiceError)
    assert_type(await settle(*[catalog.path(slug) for slug in "abc"]), tuple[Path | ServiceError, ...])


async def leased(db: Database) -> None:
    async with db.lease("nightly", seconds=30, wait=5) as lease:
        assert_type(lease, Lease)
        assert_type(lease.token, int)
        await db.fence(lease)
        await db.fence("nightly", lease.token)
        await db.fence(lease, 3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]

    async def work(lease: Lease) -> str:
        return lease.name

    assert_type(await db.lead("nightly", work), str)


@service
class Leased(Reader):
    leases: Leases

    async def minutes(self, slug: str) -> int:
        async with self.leases.lease("nightly", seconds=30, wait=5) as lease:
            return lease.token


async def kept(catalog: Catalog) -> None:
    with received() as seen:
        assert_type(await catalog.minutes(("a", "b")), tuple[int, ...])
    assert_type(seen.age, float)
    assert_type(seen.cached, bool)
    assert_type(seen.replica, str)
    assert_type(invalidate(Catalog.minutes, ("a",)), int)


@service
class Scheduled(Reader):
    async def minutes(self, slug: str) -> int:
        return 0

    @every("5m", missed="skip", jitter=1.5)
    async def tidy(self) -> None: ...

    @cron("0 6 * * *", tz="Europe/Berlin", deadline="10m", name="letters")
    async def write_letters(self, tick: datetime) -> None: ...


class NoService:
    @every("5m", missed="twice")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async def wrong(self) -> None: ...

    @every("5m")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    def not_async(self) -> None: ...


async def called_by_hand(scheduled: Scheduled) -> None:
    await scheduled.tidy()
    await scheduled.write_letters(datetime.now(UTC))


def failed(error: Unready) -> None:
    assert_type(error.needs, tuple[str, ...])
    assert_type(error.code, errors.Code)
    assert isinstance(error, errors.DidNotHappen)


def opened() -> Gateway:
    async def website(scope: object, receive: object, send: object) -> None: ...

    return Gateway(get("/paths/{slug}", Catalog.path), post("/paths", Catalog.publish), mount("/", website))

"""The catalog, on a database of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from academy import catalog as catalog_package
from academy.catalog.contract import (
    Article,
    Catalog,
    Document,
    Edition,
    LearningPath,
    PathPublished,
    PathRetired,
    Phase,
    Resource,
)
from academy.catalog.service import CatalogService
from academy.catalog.tables import Base
from freestone import Publisher, errors, local
from freestone.data import Database, drift
from freestone.testing import FakeClock, announced

MIGRATIONS = Path(catalog_package.__file__).parent / "migrations"

TEA = Document(
    path=LearningPath(
        slug="tea",
        title="Tea",
        overview="About *tea*.",
        phases=(
            Phase(
                number=1,
                title="Leaves",
                resources=(
                    Resource(slug="green", title="Green", kind="Article", minutes=5),
                    Resource(slug="black", title="Black", kind="Video", minutes=10, needs=("green",)),
                ),
            ),
            Phase(
                number=2,
                title="Water",
                resources=(Resource(slug="hot", title="Hot", kind="Article", minutes=20, needs=("green", "black")),),
            ),
        ),
    ),
    articles=(Article(resource="green", text="Pick it.\n"), Article(resource="hot", text="Boil it.\n")),
)


@pytest.fixture
async def catalog() -> AsyncIterator[Catalog]:
    """A catalog that runs alone, with what Academy ships."""
    async with local(catalog=CatalogService) as application:
        yield application.client(Catalog)


async def test_ships_the_path_about_microservices(catalog: Catalog) -> None:
    """A new catalog has the path that Academy comes with."""
    (summary,) = await catalog.paths()
    assert (summary.slug, summary.phases, summary.resources) == ("microservices-architecture", 3, 7)
    assert summary.minutes == 285


async def test_has_an_article_for_each_shipped_resource(catalog: Catalog) -> None:
    """No page of the shipped path is empty."""
    path = await catalog.path("microservices-architecture")
    for phase in path.phases:
        for resource in phase.resources:
            lesson = await catalog.resource(path.slug, resource.slug)
            assert 350 <= len(lesson.article.split()) <= 900, resource.slug


async def test_keeps_a_shipped_path_that_was_imported_again(tmp_path: Path) -> None:
    """The next start does not undo an author's own edition of a shipped path."""
    async with local(directory=tmp_path, catalog=CatalogService) as application:
        client = application.client(Catalog)
        path = await client.path("microservices-architecture")
        await client.import_path(Document(path=replace(path, title="Mine")))
    async with local(directory=tmp_path, catalog=CatalogService) as application:
        assert (await application.client(Catalog).path("microservices-architecture")).title == "Mine"


async def test_gives_back_what_was_imported(catalog: Catalog) -> None:
    """A path is returned whole, as it was taken in."""
    imported = await catalog.import_path(TEA)
    assert imported.created
    assert imported.changes == ("new path “Tea” with 3 resources",)
    assert await catalog.path("tea") == TEA.path


async def test_lists_paths_by_title(catalog: Catalog) -> None:
    """The list is in the order of titles, with what each path takes."""
    await catalog.import_path(TEA)
    await catalog.import_path(Document(path=replace(TEA.path, slug="a", title="another")))
    assert [(path.title, path.minutes) for path in await catalog.paths()] == [
        ("another", 35),
        ("Microservices Architecture", 285),
        ("Tea", 35),
    ]


async def test_changes_nothing_when_a_document_is_imported_twice(catalog: Catalog) -> None:
    """The second import of a document says that nothing changed."""
    await catalog.import_path(TEA)
    again = await catalog.import_path(TEA)
    assert (again.created, again.changes) == (False, ())


async def test_says_what_a_new_edition_changes(catalog: Catalog) -> None:
    """Each difference is a sentence; what the new edition lacks is gone."""
    await catalog.import_path(TEA)
    shorter = replace(
        TEA.path,
        notes="Drink it.",
        phases=(replace(TEA.path.phases[0], resources=(replace(TEA.path.phases[0].resources[0], minutes=6),)),),
    )
    imported = await catalog.import_path(
        Document(path=shorter, articles=(Article(resource="green", text="Dry it.\n"),))
    )
    assert imported.changes == (
        "changed notes",
        "changed phases",
        "removed resource “Black”",
        "removed resource “Hot”",
        "changed resource “Green”",
        "removed the article of “Hot”",
        "changed the article of “Green”",
    )
    assert await catalog.path("tea") == shorter
    assert (await catalog.resource("tea", "green")).article == "Dry it.\n"
    with pytest.raises(errors.NotFound, match="“Tea” has no resource hot"):
        await catalog.resource("tea", "hot")


async def test_counts_editions(catalog: Catalog) -> None:
    """An import that changes something makes the next edition, and one that changes nothing does not."""
    await catalog.import_path(TEA)
    assert await catalog.edition("tea") == Edition(number=1, document=TEA)
    await catalog.import_path(TEA)
    assert (await catalog.edition("tea")).number == 1
    other = replace(TEA, path=replace(TEA.path, notes="Drink it."))
    await catalog.import_path(other)
    assert await catalog.edition("tea") == Edition(number=2, document=other)


async def test_gives_a_lesson_with_its_neighbours(catalog: Catalog) -> None:
    """A resource comes with its article, its phase, and the resources before and after it, across phases."""
    await catalog.import_path(TEA)
    lesson = await catalog.resource("tea", "black")
    assert (lesson.phase, lesson.phase_title, lesson.path_title) == (1, "Leaves", "Tea")
    assert (lesson.previous, lesson.following) == ("green", "hot")
    assert lesson.article == ""
    first, last = await catalog.resource("tea", "green"), await catalog.resource("tea", "hot")
    assert (first.previous, last.following) == (None, None)


async def test_gives_several_paths_at_once(catalog: Catalog) -> None:
    """Several paths come in the order in which they are asked for, without those that there are not."""
    await catalog.import_path(TEA)
    found = await catalog.several(("tea", "coffee", "microservices-architecture"))
    assert [path.slug for path in found] == ["tea", "microservices-architecture"]


async def test_does_not_know_other_paths(catalog: Catalog) -> None:
    """A path that is not there is NotFound, for each query."""
    with pytest.raises(errors.NotFound, match="there is no path coffee"):
        await catalog.path("coffee")
    with pytest.raises(errors.NotFound, match="there is no path coffee"):
        await catalog.edition("coffee")
    with pytest.raises(errors.NotFound, match="there is no path coffee"):
        await catalog.resource("coffee", "bean")


async def test_refuses_a_document_that_contradicts_itself(catalog: Catalog) -> None:
    """A document that no reader would make is refused with the field at fault, and changes nothing."""
    wrong = replace(TEA.path.phases[0].resources[0], needs=("black",))
    phase = replace(TEA.path.phases[0], resources=(wrong,))
    with pytest.raises(errors.InvalidArgument, match="“black” does not come before “green”") as caught:
        await catalog.import_path(Document(path=replace(TEA.path, phases=(phase,))))
    assert caught.value.field == "document.path.phases[0].resources[0].needs[0]"
    with pytest.raises(errors.NotFound):
        await catalog.path("tea")


async def test_works_when_it_is_made_by_hand() -> None:
    """A service is an ordinary class: a database is all that the catalog needs."""
    async with Database.temporary(Base.metadata) as db, db.transaction():
        catalog = CatalogService(db=db, events=Publisher(db), clock=FakeClock())
        await catalog.import_path(TEA)
        assert await catalog.path("tea") == TEA.path


async def test_announces_what_changes(tmp_path: Path) -> None:
    """A new path, a new edition and a retired path; not an import that changes nothing. It is slugs, not texts."""
    clock = FakeClock()
    async with local(directory=tmp_path, clock=clock, catalog=CatalogService) as application:
        catalog = application.client(Catalog)
        db = application.service("catalog").db
        await catalog.import_path(TEA)
        await catalog.import_path(TEA)
        await catalog.import_path(replace(TEA, path=replace(TEA.path, notes="Drink it.")))
        await catalog.retire_path("tea")
        shipped, *told = await announced(db, PathPublished, PathRetired)
        now = clock.now()
        assert shipped.path == "microservices-architecture"
        assert told == [
            PathPublished(path="tea", title="Tea", edition=1, at=now),
            PathPublished(path="tea", title="Tea", edition=2, at=now),
            PathRetired(path="tea", at=now),
        ]


async def test_a_path_that_is_taught_again_has_the_next_edition(catalog: Catalog) -> None:
    """So nobody takes it for one that they know."""
    await catalog.import_path(TEA)
    await catalog.retire_path("tea")
    with pytest.raises(errors.NotFound, match="there is no path tea"):
        await catalog.path("tea")
    with pytest.raises(errors.NotFound, match="there is no path tea"):
        await catalog.retire_path("tea")
    assert (await catalog.import_path(TEA)).created
    assert (await catalog.edition("tea")).number == 2


async def test_a_shipped_path_that_is_retired_stays_away(tmp_path: Path) -> None:
    """The next start does not bring it back; an import does."""
    async with local(directory=tmp_path, catalog=CatalogService) as application:
        client = application.client(Catalog)
        document = (await client.edition("microservices-architecture")).document
        await client.retire_path("microservices-architecture")
    async with local(directory=tmp_path, catalog=CatalogService) as application:
        client = application.client(Catalog)
        assert await client.paths() == ()
        assert (await client.import_path(document)).created


async def test_announces_paths_from_before_there_were_events(tmp_path: Path) -> None:
    """To import again what is there changes nothing, so the catalog's start tells of what was never told; once."""
    before = tmp_path / "before"
    before.mkdir()
    shutil.copy(MIGRATIONS / "0001_paths.py", before)
    old = Database.open(tmp_path / "catalog.db", before)
    await old.start()
    async with old.transaction():
        content = msgspec.json.encode(TEA.path).decode()
        await old.execute(
            text("INSERT INTO path VALUES ('tea', 'Tea', 'About *tea*.', 2, 3, 35, :content)").bindparams(
                content=content
            )
        )
        await old.execute(text("INSERT INTO article VALUES ('tea', 'green', 'Pick it.')"))
    await old.close()

    for _ in range(2):
        async with local(directory=tmp_path, catalog=CatalogService) as application:
            told = await announced(application.service("catalog").db, PathPublished)
            assert sorted((it.path, it.edition) for it in told) == [("microservices-architecture", 1), ("tea", 1)]
    async with local(directory=tmp_path, catalog=CatalogService) as application:
        edition = await application.client(Catalog).edition("tea")
        assert edition.document.path == TEA.path
        assert edition.document.articles == (Article(resource="green", text="Pick it."),)


async def test_announces_again_what_was_not_for_a_week() -> None:
    """Events are kept for two weeks, and so whoever begins with the oldest hears of every path."""
    clock = FakeClock()
    async with Database.temporary(Base.metadata) as db:
        catalog = CatalogService(db=db, events=Publisher(db, clock=clock), clock=clock)
        async with db.transaction():
            await catalog.import_path(TEA)
        for days, times in ((6, 1), (2, 2), (1, 2), (7, 3)):
            clock.advance(days * 24 * 60 * 60)
            async with db.transaction():
                await catalog.announce()
            assert len(await announced(db, PathPublished)) == times


async def test_has_the_tables_that_its_migrations_make(tmp_path: Path) -> None:
    """Migrations and tables agree."""
    async with local(directory=tmp_path, catalog=CatalogService) as application:
        assert await drift(application.service("catalog").db, Base.metadata) == []

"""The catalog, on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from academy.catalog.contract import Article, Catalog, Document, Edition, LearningPath, Phase, Resource
from academy.catalog.service import CatalogService
from academy.catalog.tables import Base
from freestone import errors, local
from freestone.data import Database, drift

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
        catalog = CatalogService(db=db)
        await catalog.import_path(TEA)
        assert await catalog.path("tea") == TEA.path


async def test_has_the_tables_that_its_migrations_make(tmp_path: Path) -> None:
    """Migrations and tables agree."""
    async with local(directory=tmp_path, catalog=CatalogService) as application:
        assert await drift(application.service("catalog").db, Base.metadata) == []

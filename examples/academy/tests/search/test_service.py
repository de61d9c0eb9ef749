"""Search, on a database of its own, with a catalog in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from academy.catalog import rules
from academy.catalog.contract import (
    Article,
    Catalog,
    Document,
    Edition,
    Imported,
    LearningPath,
    Lesson,
    PathSummary,
    Phase,
    Resource,
)
from academy.search.contract import Found, Kind, Search
from academy.search.service import SearchService
from academy.search.tables import Base
from freestone import errors, local, service
from freestone.data import drift

STONES = Document(
    path=LearningPath(
        slug="stonework",
        title="Stonework",
        overview="How to build from **small blocks**.",
        phases=(
            Phase(
                number=1,
                title="Ground",
                introduction="Before the *first* course.",
                resources=(
                    Resource(
                        slug="basics", title="Größe und Gewicht", kind="Article", minutes=40, focus="What a stone is"
                    ),
                    Resource(slug="tools", title="Tools", kind="Video", minutes=35, focus="Which chisel cuts"),
                ),
            ),
        ),
    ),
    articles=(
        Article(resource="basics", text="## Cut\n\nCut along the [grain](https://example.org/secret), über alles.\n"),
        Article(resource="tools", text="A chisel, a mallet. The grain of a stone decides which. 茶道\n"),
    ),
)
TEA = Document(
    path=LearningPath(
        slug="tea",
        title="Tea",
        overview="Leaves.",
        phases=(
            Phase(number=1, title="Water", resources=(Resource(slug="hot", title="Hot", kind="Article", minutes=5),)),
        ),
    ),
    articles=(Article(resource="hot", text="Grain of the water? None.\n"),),
)


@dataclass
class Shelf:
    """What a catalog in memory has."""

    documents: dict[str, Document] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def catalog(self) -> type[Catalog]:
        """Return a service that keeps the catalog's contract, as far as search needs it."""
        shelf = self

        @service
        class ShelfService(Catalog):
            async def paths(self) -> tuple[PathSummary, ...]:
                return tuple(rules.summary(it.path) for it in shelf.documents.values())

            async def edition(self, path: str) -> Edition:
                if path not in shelf.documents:
                    raise errors.NotFound(f"there is no path {path}")
                return Edition(number=shelf.numbers.get(path, 1), document=shelf.documents[path])

            async def path(self, path: str) -> LearningPath:
                raise NotImplementedError

            async def several(self, paths: tuple[str, ...]) -> tuple[LearningPath, ...]:
                raise NotImplementedError

            async def resource(self, path: str, resource: str) -> Lesson:
                raise NotImplementedError

            async def retire_path(self, path: str) -> None:
                raise NotImplementedError

            async def import_path(self, document: Document) -> Imported:
                raise NotImplementedError

        return ShelfService


@pytest.fixture
def shelf() -> Shelf:
    """A catalog with two paths."""
    return Shelf({"stonework": STONES, "tea": TEA})


@pytest.fixture
async def search(shelf: Shelf) -> AsyncIterator[Search]:
    """A search that has taken in both paths."""
    async with local(catalog=shelf.catalog(), search=SearchService) as application:
        search = application.client(Search)
        for slug in shelf.documents:
            await search.refresh(slug)
        yield search


def titles(found: Found) -> list[str]:
    return [it.title for it in found.results]


async def test_finds_a_resource_by_each_of_its_texts(search: Search) -> None:
    """The title, what to look out for, the article; and says where it is."""
    for text in ("gewicht", "what a stone is", "along"):
        (found,) = (await search.search(text)).results
        assert (found.kind, found.path, found.phase, found.resource) == (Kind.RESOURCE, "stonework", 1, "basics")
        assert (found.title, found.label, found.path_title) == ("Größe und Gewicht", "Article", "Stonework")


async def test_finds_paths_and_phases(search: Search) -> None:
    """A path by its overview, a phase by its introduction."""
    (path,) = (await search.search("small blocks")).results
    assert (path.kind, path.path, path.phase, path.resource) == (Kind.PATH, "stonework", None, "")
    (phase,) = (await search.search("first course")).results
    assert (phase.kind, phase.title, phase.phase) == (Kind.PHASE, "Ground", 1)


async def test_case_and_accents_make_no_difference(search: Search) -> None:
    """Neither in what is kept nor in what is typed."""
    for text in ("grosse", "GRÖSSE", "Größe", "gro\u0308sse", "UBER", "über"):
        assert titles(await search.search(text)) == ["Größe und Gewicht"], text
    assert titles(await search.search("茶")) == ["Tools"]


async def test_the_last_word_may_be_a_beginning(search: Search) -> None:
    """So a search can be sent while it is typed; the others are whole words."""
    assert titles(await search.search("along gra")) == ["Größe und Gewicht"]
    assert titles(await search.search("gewi")) == ["Größe und Gewicht"]
    found = await search.search("gewi alles")
    assert found.some


async def test_a_title_weighs_more_than_a_focus_and_that_more_than_a_text(shelf: Shelf, search: Search) -> None:
    """Ranks are higher for better."""
    only = STONES.path.phases[0]
    texts = {
        "text": replace(only.resources[0], slug="text", title="One", focus=""),
        "focus": replace(only.resources[0], slug="focus", title="Two", focus="the keystone"),
        "title": replace(only.resources[0], slug="title", title="Keystone", focus=""),
    }
    path = replace(STONES.path, phases=(replace(only, resources=tuple(texts.values())),))
    shelf.documents["stonework"] = Document(path=path, articles=(Article(resource="text", text="a keystone here"),))
    await search.refresh("stonework")
    found = (await search.search("keystone")).results
    assert [it.resource for it in found] == ["title", "focus", "text"]
    assert found[0].rank > found[1].rank > found[2].rank > 0


async def test_marks_the_words_where_they_stand(search: Search) -> None:
    """In the article, or else in what to look out for; without Markdown's signs and the addresses of links."""
    (found,) = (await search.search("along the grain")).results
    assert [(it.text, it.marked) for it in found.snippet] == [
        ("Cut. Cut ", False), ("along", True), (" ", False), ("the", True), (" ", False), ("grain", True),
        (", über alles.", False),
    ]  # fmt: skip
    (focus,) = (await search.search("cuts")).results
    assert "".join(it.text for it in focus.snippet) == "Which chisel cuts"
    assert not (await search.search("secret")).results


async def test_what_has_only_some_of_the_words_is_found_when_nothing_has_all(search: Search) -> None:
    """And the answer says so."""
    found = await search.search("chisel hot")
    assert found.some
    assert set(titles(found)) == {"Tools", "Hot"}
    assert not (await search.search("chisel mallet")).some
    nothing = await search.search("xylophone zebra")
    assert nothing == Found()


async def test_keeps_to_a_path(search: Search) -> None:
    """Others have results of their own."""
    assert {it.path for it in (await search.search("grain")).results} == {"stonework", "tea"}
    assert {it.path for it in (await search.search("grain", "tea")).results} == {"tea"}
    assert (await search.search("grain", "coffee")).results == ()


async def test_gives_as_many_as_are_wanted(search: Search) -> None:
    """And says whether there are more."""
    found = await search.search("grain", limit=2)
    assert (len(found.results), found.more) == (2, True)
    everything = await search.search("grain", limit=50)
    assert (len(everything.results), everything.more) == (3, False)
    assert everything.results[:2] == found.results
    for limit in (0, 51):
        with pytest.raises(errors.InvalidArgument, match="from 1 to 50") as caught:
            await search.search("grain", limit=limit)
        assert caught.value.field == "limit"


@pytest.mark.parametrize(
    "text",
    [
        '"', "'", "\\", "a AND", "NOT", "OR OR", "NEAR(", "title:", "*", "a*b", "(", "^", "-", "a & | !", "<->", ":*",
        "\0", "a\0b", "%", "';--", "🙂", "́", "a" * 100_000, "a " * 50_000, "½", "{title} : x", "\n\t", "",
    ],
)  # fmt: skip
async def test_no_text_is_wrong(search: Search, text: str) -> None:
    """What another database takes for an operator only parts words here."""
    assert isinstance(await search.search(text), Found)


async def test_operators_are_words(search: Search) -> None:
    """Whoever looks for “which” and “or” looks for words."""
    assert titles(await search.search('"mallet" AND')) != []
    assert (await search.search("tools OR basics")).some


async def test_an_index_without_entries_says_so() -> None:
    """It is another thing than to have found nothing."""
    async with local(catalog=Shelf().catalog(), search=SearchService) as application:
        assert await application.client(Search).search("stone") == Found(empty=True)


async def test_a_new_edition_takes_the_place_of_the_old(shelf: Shelf, search: Search) -> None:
    """What it lacks is not found any more."""
    only = replace(STONES.path.phases[0], resources=STONES.path.phases[0].resources[:1])
    shelf.documents["stonework"] = Document(path=replace(STONES.path, title="Masonry", phases=(only,)))
    await search.refresh("stonework")
    assert titles(await search.search("mallet")) == []
    assert titles(await search.search("chisel")) == []
    (found,) = (await search.search("gewicht")).results
    assert found.path_title == "Masonry"
    await search.refresh("stonework")
    assert len((await search.search("gewicht")).results) == 1


async def test_a_path_that_is_gone_is_not_found(shelf: Shelf, search: Search) -> None:
    """Nothing is left of it, and the others stay."""
    del shelf.documents["stonework"]
    await search.refresh("stonework")
    assert titles(await search.search("grain")) == ["Hot"]
    await search.refresh("stonework")


async def test_has_the_tables_that_its_migrations_make(shelf: Shelf, tmp_path: Path) -> None:
    """Migrations and tables agree; the table of words, different in each database, is none of SQLAlchemy's."""
    async with local(directory=tmp_path, catalog=shelf.catalog(), search=SearchService) as application:
        found = await drift(application.service("search").db, Base.metadata)
        assert [it for it in found if not it.startswith("the table words")] == []

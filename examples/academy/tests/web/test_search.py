"""The search box and its page."""

from __future__ import annotations

import pytest

from academy.search.contract import Found, Kind, Piece, Result
from freestone.errors import Internal, Unavailable

BASICS = Result(
    kind=Kind.RESOURCE,
    title="Basics",
    label="Article",
    path="stonework",
    path_title="Stonework",
    phase=1,
    resource="basics",
    snippet=(Piece("A "), Piece("größerer", marked=True), Piece(" <b>cut</b> is a promise")),
    rank=2.0,
)
WALLS = Result(kind=Kind.PHASE, title="Walls", path="stonework", path_title="Stonework", phase=2, snippet=(), rank=1.0)
TEA = Result(kind=Kind.PATH, title="Tea", path="tea", path_title="Tea", snippet=(Piece("Leaves"),), rank=0.5)


@pytest.mark.parametrize(
    "address", ["/", "/paths/stonework", "/paths/stonework/resources/basics", "/sign-in", "/nowhere"]
)
async def test_every_page_has_a_search_box(visitor, address):
    """A form that is asked with GET, with a name for those who hear it; no script is needed."""
    page = (await visitor.get(address)).text
    assert '<form class="search search--small" action="/search" method="get" role="search">' in page
    assert '<label class="unseen" for="site-search">Search in all paths</label>' in page


async def test_what_is_found_is_shown_with_its_marks(town, visitor):
    """Each result leads to its page, says where it is, and shows the words that were looked for."""
    town.found = Found(results=(BASICS, WALLS, TEA))
    answer = await visitor.get("/search", params={"q": "größer"})
    assert answer.status_code == 200
    assert town.looked_for == [("größer", None)]
    assert '<a class="found__link" href="/paths/stonework/resources/basics">Basics</a>' in answer.text
    assert "Article · Stonework, phase 1" in answer.text
    assert "A <mark>größerer</mark> &lt;b&gt;cut&lt;/b&gt; is a promise" in answer.text
    assert '<a class="found__link" href="/paths/stonework#phase-2">Walls</a>' in answer.text
    assert '<a class="found__link" href="/paths/tea">Tea</a>' in answer.text
    assert "3 results for “größer”." in answer.text
    assert "<title>größer · Search · Academy</title>" in answer.text
    assert 'value="größer"' in answer.text


async def test_a_search_can_be_kept_to_one_path(town, visitor):
    """Where several paths have results, each is offered; the choice is part of the address and of the form."""
    town.found = Found(results=(BASICS, TEA))
    everywhere = (await visitor.get("/search?q=cut")).text
    assert '<a href="/search?q=cut&amp;path=stonework">Stonework</a>' in everywhere
    town.found = Found(results=(BASICS,))
    kept = (await visitor.get("/search?q=cut&path=stonework")).text
    assert town.looked_for[-1] == ("cut", "stonework")
    assert '<input type="hidden" name="path" value="stonework">' in kept
    assert "1 result for “cut” in Stonework." in kept


async def test_it_says_when_nothing_has_all_of_the_words(town, visitor):
    """Results that have only some of them are not passed off as more."""
    town.found = Found(results=(BASICS,), some=True, more=True)
    assert (
        "Nothing has all of these words. Some of them: The best 1 result for “cut tea”."
        in (await visitor.get("/search?q=cut+tea")).text
    )


async def test_nothing_found_is_a_sentence_and_a_way_on(town, visitor):
    """The words are repeated as they were typed, and can do no harm."""
    answer = await visitor.get("/search", params={"q": "<script>x"})
    assert answer.status_code == 200
    assert "Nothing has “&lt;script&gt;x”" in answer.text


async def test_an_empty_index_is_a_sentence(town, visitor):
    """Where there are no paths yet nobody is told to try other words."""
    town.found = Found(empty=True)
    assert "No path has come in so far." in (await visitor.get("/search?q=cut")).text


async def test_without_words_it_asks_for_some(town, visitor):
    """The page itself is the form; search is not asked."""
    for address in ("/search", "/search?q=", "/search?q=+++"):
        answer = await visitor.get(address)
        assert answer.status_code == 200
        assert "autofocus" in answer.text
    assert "search" not in town.calls


@pytest.mark.parametrize("error", [Unavailable(), Internal()])
async def test_the_page_is_served_while_search_is_away(town, visitor, error):
    """The status is honest, the form and the rest of the site are there, and a sentence says what is wrong."""
    town.fail("search", error)
    answer = await visitor.get("/search?q=cut")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Search is away right now" in answer.text
    assert 'value="cut"' in answer.text
    assert (await visitor.get("/")).status_code == 200


async def test_too_much_is_cut_off_and_what_is_no_text_is_replaced(town, visitor):
    """Whatever a browser is made to send, there is a page."""
    assert (await visitor.get(f"/search?q={'x' * 5000}")).status_code == 200
    assert town.looked_for[-1] == ("x" * 200, None)
    assert (await visitor.get("/search?q=%ff%00%ed%a0%80")).status_code == 200

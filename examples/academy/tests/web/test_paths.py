"""The list of paths."""

from __future__ import annotations

from freestone.errors import DeadlineExceeded, Unavailable


async def test_it_shows_each_path_with_its_size(visitor):
    """A visitor sees what there is to learn and how long it takes, without signing in."""
    page = await visitor.get("/")
    assert page.status_code == 200
    assert 'href="/paths/stonework">Stonework</a>' in page.text
    assert "2 phases, 3 resources" in page.text
    assert "2\N{NO-BREAK SPACE}h" in page.text


async def test_an_overview_is_shown_as_text_with_emphasis(visitor):
    """Overviews are Markdown."""
    assert "<strong>small blocks</strong>" in (await visitor.get("/")).text


async def test_a_learner_sees_the_progress_in_each_path(town, enrolled):
    """The list says how far a learner is."""
    town.done["stonework"] = {"basics"}
    page = await enrolled.get("/")
    assert 'aria-label="Progress in Stonework"' in page.text
    assert "<strong>1 of 3</strong> done" in page.text
    assert "1\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}20\N{NO-BREAK SPACE}min to go" in page.text


async def test_a_finished_path_is_said_to_be_finished(town, enrolled):
    """What is finished says so, and no time is left."""
    town.done["stonework"] = {"basics", "tools", "bonds"}
    town.ticks.add("supplementary")
    page = await enrolled.get("/")
    assert "<strong>Finished</strong>" in page.text
    assert "to go" not in page.text


async def test_without_paths_it_says_how_to_bring_one_in(town, visitor):
    """The empty list is no dead end."""
    town.shelf.clear()
    page = await visitor.get("/")
    assert page.status_code == 200
    assert "No paths yet" in page.text
    assert "academy import FILE" in page.text


async def test_without_progress_the_paths_are_still_shown(town, enrolled):
    """A part that is away takes away its own part of the page only."""
    town.fail("enrolments", DeadlineExceeded())
    page = await enrolled.get("/")
    assert page.status_code == 200
    assert "Stonework" in page.text
    assert "Your progress can't be shown right now" in page.text


async def test_without_identity_the_paths_are_still_shown(town, ada):
    """Nobody need be known to read the list; the page says why it knows nobody."""
    town.fail("session", Unavailable())
    page = await ada.get("/")
    assert page.status_code == 200
    assert "Stonework" in page.text
    assert "We can't tell right now who you are" in page.text
    assert "academy_session" not in page.headers.get("set-cookie", "")


async def test_without_the_catalog_there_is_a_friendly_page(town, visitor):
    """There is nothing to show then but that it will be back."""
    town.fail("paths", Unavailable("no replica of catalog answers"))
    page = await visitor.get("/")
    assert page.status_code == 503
    assert page.headers["retry-after"] == "5"
    assert "A part of Academy is away" in page.text
    assert "replica" not in page.text

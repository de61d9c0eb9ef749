"""One resource of a path."""

from __future__ import annotations

from academy.catalog.contract import Phase, Resource
from freestone.errors import DeadlineExceeded, Unavailable

BASICS = "/paths/stonework/resources/basics"
TOOLS = "/paths/stonework/resources/tools"


async def test_it_shows_the_article_and_its_place_in_the_path(visitor):
    """The page says what it is, how long it takes, what to look out for and what surrounds it."""
    page = await visitor.get(BASICS)
    assert page.status_code == 200
    assert "Phase 1 · Ground" in page.text
    assert "What a stone is" in page.text
    assert "40\N{NO-BREAK SPACE}min" in page.text
    assert "1 of 3" in page.text
    assert "A <strong>cut</strong> is a promise" in page.text
    assert 'rel="next"' in page.text
    assert 'rel="prev"' not in page.text


async def test_headings_can_be_jumped_to(visitor):
    """A long article has its contents beside it."""
    page = await visitor.get(BASICS)
    assert '<a href="#where-to-cut">Where to cut</a>' in page.text
    assert '<h2 id="where-to-cut">' in page.text


async def test_a_learner_marks_it_as_done(town, enrolled):
    """Without scripts, it is a form and a redirect back."""
    answer = await enrolled.post(f"{BASICS}/done")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BASICS}#completion")
    assert town.done["stonework"] == {"basics"}
    page = await enrolled.get(BASICS)
    assert "Marked as done." in page.text
    assert "Next: Tools" in page.text
    assert "Undo" in page.text


async def test_a_learner_takes_it_back(town, enrolled):
    """Undo makes it open again."""
    await enrolled.post(f"{BASICS}/done")
    answer = await enrolled.post(f"{BASICS}/undone")
    assert answer.status_code == 303
    assert town.done["stonework"] == set()


async def test_with_htmx_only_the_completion_comes_back(enrolled):
    """The button that was pressed and the one in its place have one id, so that the focus stays there."""
    before = await enrolled.get(BASICS)
    answer = await enrolled.post(f"{BASICS}/done", headers={"hx-request": "true"})
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'id="mark"' in before.text
    assert 'id="mark"' in answer.text
    assert 'value="33" aria-label="Progress in Stonework"' in answer.text
    assert '<li id="state" hx-swap-oob="true">' in answer.text
    assert "Marked as done." in answer.text


async def test_a_locked_resource_says_what_it_needs(enrolled):
    """Its article waits; the way there is one click."""
    page = await enrolled.get(TOOLS)
    assert page.status_code == 200
    assert "This stone needs others below it" in page.text
    assert f'href="{BASICS}">Go to Basics' in page.text
    assert "A <strong>cut</strong>" not in page.text
    assert "Mark as done" not in page.text


async def test_a_visitor_reads_what_needs_nothing(visitor):
    """The first article is a taste; the rest opens to those who have read what is below it."""
    assert "A <strong>cut</strong>" in (await visitor.get(BASICS)).text
    page = await visitor.get(TOOLS)
    assert "Start with Basics" in page.text
    assert "A <strong>cut</strong>" not in page.text


async def test_to_complete_a_locked_resource_is_refused_with_the_reason(town, enrolled):
    """Whoever sends the form by hand is told what comes first."""
    answer = await enrolled.post(f"{TOOLS}/done")
    assert answer.status_code == 409
    assert "Still locked" in answer.text
    assert f'<a href="{BASICS}">Basics</a>' in answer.text
    assert "Nothing was changed." in answer.text
    assert town.done["stonework"] == set()


async def test_to_undo_what_others_rest_on_is_refused_with_their_names(town, enrolled):
    """Nothing is undone silently."""
    town.done["stonework"] = {"basics", "tools"}
    answer = await enrolled.post(f"{BASICS}/undone", headers={"hx-request": "true"})
    assert answer.status_code == 409
    assert answer.headers["hx-retarget"] == "#alert"
    assert "Something rests on this" in answer.text
    assert f'<a href="{TOOLS}">Tools</a>' in answer.text
    assert town.done["stonework"] == {"basics", "tools"}


async def test_somebody_who_is_not_enrolled_is_told_so(ada):
    """The page offers to enrol; the command says that one must."""
    assert "Enrol in this path" in (await ada.get(BASICS)).text
    answer = await ada.post(f"{BASICS}/done")
    assert answer.status_code == 409
    assert "You are not enrolled yet" in answer.text


async def test_a_deadline_after_a_command_says_that_it_may_have_happened(town, enrolled):
    """A learner looks before repeating it."""
    town.fail("complete", DeadlineExceeded())
    answer = await enrolled.post(f"{BASICS}/done")
    assert answer.status_code == 504
    assert "What you did may have been saved, or not." in answer.text
    assert f'href="{BASICS}">Go back and look' in answer.text


async def test_an_error_with_htmx_is_an_alert_in_the_page(town, enrolled):
    """The article stays where it is; the alert is announced."""
    town.fail("complete", Unavailable())
    answer = await enrolled.post(f"{BASICS}/done", headers={"hx-request": "true"})
    assert answer.status_code == 503
    assert answer.headers["hx-retarget"] == "#alert"
    assert answer.headers["hx-reswap"] == "innerHTML"
    assert "<html" not in answer.text
    assert "Nothing was changed." in answer.text


async def test_a_success_is_not_reported_as_a_failure_because_the_catalog_went_away(town, enrolled):
    """The command has happened; what fails afterwards must not say that nothing was changed."""
    town.fail("path", Unavailable())
    answer = await enrolled.post(f"{BASICS}/done", headers={"hx-request": "true"})
    assert answer.status_code == 200
    assert answer.headers["hx-refresh"] == "true"
    assert town.done["stonework"] == {"basics"}


async def test_an_article_that_is_not_written_says_so(town, enrolled):
    """It can be marked as done all the same."""
    del town.articles["basics"]
    page = await enrolled.get(BASICS)
    assert "Not written yet" in page.text
    assert "Mark as done" in page.text


async def test_a_resource_elsewhere_is_linked_to(town, enrolled):
    """A resource may be on somebody else's site."""
    elsewhere = Resource(slug="basics", title="Basics", kind="Video", minutes=9, url="https://example.org/v")
    town.publish(phases=(Phase(number=1, title="Ground", resources=(elsewhere,)),))
    del town.articles["basics"]
    page = await enrolled.get(BASICS)
    assert 'href="https://example.org/v" rel="noopener noreferrer">Open the video' in page.text
    assert "Not written yet" not in page.text


async def test_an_unknown_resource_is_not_found(visitor):
    """A wrong address is said to be wrong."""
    assert (await visitor.get("/paths/stonework/resources/alchemy")).status_code == 404


async def test_without_progress_the_article_is_still_there(town, enrolled):
    """Reading needs the catalog only."""
    town.fail("standing", Unavailable())
    page = await enrolled.get(BASICS)
    assert page.status_code == 200
    assert "A <strong>cut</strong>" in page.text
    assert "Your progress can't be shown right now" in page.text


async def test_markup_in_an_article_is_shown_as_text(town, visitor):
    """An article can't bring scripts, handlers, or addresses that run code."""
    town.articles["basics"] = (
        "<script>alert(1)</script>\n\n<b onclick=alert(1)>x</b>\n\n[go](javascript:alert(1)) "
        '![i](https://tracker.example/x.png "t") [q](https://example.org/"onmouseover="alert(1))\n'
    )
    page = await visitor.get(BASICS)
    article = page.text.split('<article class="prose">')[1].split("</article>")[0]
    assert "<script" not in article
    assert "<b " not in article
    assert 'href="javascript:' not in article
    assert "<img" not in article
    assert '"onmouseover=' not in article

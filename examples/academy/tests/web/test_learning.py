"""My learning."""

from __future__ import annotations

from academy.identity.contract import Learner
from freestone.errors import Unavailable


async def test_it_lists_the_learners_paths_with_what_is_next(town, enrolled):
    """Each path continues where it was left."""
    town.done["stonework"] = {"basics"}
    page = await enrolled.get("/learning")
    assert page.status_code == 200
    assert "Since <time" in page.text
    assert "7 March 2026" in page.text
    assert 'href="/paths/stonework/resources/tools">Continue' in page.text


async def test_when_only_boxes_are_left_it_leads_to_them(town, enrolled):
    """All resources done is not yet finished."""
    town.done["stonework"] = {"basics", "tools", "bonds"}
    assert 'href="/paths/stonework#checklist">Tick the last boxes' in (await enrolled.get("/learning")).text
    town.ticks.add("supplementary")
    assert "Finished" in (await enrolled.get("/learning")).text


async def test_without_enrolments_it_leads_to_the_paths(ada):
    """The empty page is no dead end."""
    page = await ada.get("/learning")
    assert "Nothing begun yet, Ada" in page.text
    assert "See the paths" in page.text


async def test_a_visitor_is_sent_to_sign_in_and_back(visitor):
    """A page for learners asks who it is."""
    answer = await visitor.get("/learning")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Flearning")


async def test_an_expired_session_is_said_to_have_expired(visitor):
    """A learner is not left to wonder why they are asked again."""
    visitor.cookies.set("academy_session", "old", domain="academy.test")
    answer = await visitor.get("/learning")
    assert answer.status_code == 303
    assert 'academy_session=""' in answer.headers["set-cookie"] + str(answer.headers.get_list("set-cookie"))
    assert "Your session has ended. Please sign in again." in (await visitor.get(answer.headers["location"])).text


async def test_without_progress_there_is_a_friendly_page(town, ada):
    """This page is nothing without it."""
    town.fail("enrolments", Unavailable())
    page = await ada.get("/learning")
    assert page.status_code == 503
    assert 'href="/learning">Try again' in page.text


async def test_without_identity_there_is_a_friendly_page(town, ada):
    """Nobody is asked to sign in because a service is away."""
    town.fail("session", Unavailable())
    assert (await ada.get("/learning")).status_code == 503


async def test_a_name_with_markup_is_shown_as_text(town, ada):
    """Whatever a name may be in the service, the page takes no chances."""
    town.rename(Learner(id="ada", name="Ada"), '<b id="x">Ada</b>')
    page = await ada.get("/learning")
    assert "<b id" not in page.text
    assert "&lt;b id=&#34;x&#34;&gt;Ada&lt;/b&gt;" in page.text

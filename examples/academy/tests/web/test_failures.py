"""The table from errors to pages."""

from __future__ import annotations

import asyncio

import pytest

from academy.progress.contract import Locked, NotEnrolled
from academy.web.failures import FAILURES, failure_of
from freestone import Identity, current
from freestone.errors import (
    CANONICAL,
    ConnectionLost,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    NotFound,
    ResourceExhausted,
    ServiceError,
    Unauthenticated,
    Unavailable,
)


@pytest.mark.parametrize(
    "error", [cls for cls in CANONICAL if cls is not Unauthenticated], ids=lambda cls: cls.__name__
)
async def test_every_error_of_the_tree_has_a_page(town, visitor, error):
    """Whatever a service raises, a person gets a page with a heading, and an honest status."""
    town.fail("path", error())
    page = await visitor.get("/paths/stonework")
    assert page.status_code == FAILURES[error].status
    assert page.status_code >= 400
    assert f"<h1>{FAILURES[error].title}</h1>" in page.text
    assert "What you did" not in page.text, "a question changes nothing, so there is no doubt"


def test_an_error_of_an_application_has_the_page_of_the_nearest_class():
    """A class that the table does not name is covered by what it derives from."""

    class Flooded(FailedPrecondition):
        """The quarry is under water."""

    assert failure_of(Flooded()) is FAILURES[FailedPrecondition]
    assert failure_of(Locked(needs=())) is FAILURES[Locked]
    assert failure_of(NotEnrolled(path="x")) is FAILURES[NotEnrolled]
    assert failure_of(ServiceError()) is FAILURES[ServiceError]


async def test_what_a_service_says_to_programs_is_not_shown(town, visitor):
    """Messages of errors may name things that are nobody's business."""
    town.fail("path", NotFound("no row 'stonework' in table paths"))
    assert "table paths" not in (await visitor.get("/paths/stonework")).text


async def test_the_trace_is_shown_so_that_it_can_be_told(town, visitor):
    """An internal error can be found in the log by what the page says."""
    error = Internal()
    error.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    town.fail("path", error)
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in (await visitor.get("/paths/stonework")).text


async def test_a_limit_says_when_to_come_back(town, visitor):
    """The service's own number is passed on, rounded up."""
    town.fail("paths", ResourceExhausted(retry_after=2.1))
    page = await visitor.get("/")
    assert page.status_code == 429
    assert page.headers["retry-after"] == "3"


async def test_an_expired_session_sends_a_command_to_sign_in_and_back_to_its_page(visitor):
    """The form can't be repeated by a redirect, but its page can be shown again."""
    visitor.cookies.set("academy_session", "old", domain="academy.test")
    answer = await visitor.post("/paths/stonework/resources/basics/done")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fpaths%2Fstonework%2Fresources%2Fbasics"


async def test_an_expired_session_under_htmx_leaves_the_page(visitor):
    """A form to sign in does not belong into the place of a fragment."""
    visitor.cookies.set("academy_session", "old", domain="academy.test")
    answer = await visitor.post("/paths/stonework/resources/basics/done", headers={"hx-request": "true"})
    assert answer.status_code == 200
    assert answer.headers["hx-redirect"].startswith("/sign-in?next=")
    assert "location" not in answer.headers


async def test_a_command_is_not_begun_while_nobody_knows_who_asks(town, enrolled):
    """A session that could not be looked up leaves no doubt about the command."""
    town.fail("session", DeadlineExceeded())
    answer = await enrolled.post("/paths/stonework/resources/basics/done")
    assert answer.status_code == 503
    assert "Nothing was changed." in answer.text
    assert "complete" not in town.calls


async def test_a_page_that_waits_too_long_says_so(town, enrolled, monkeypatch):
    """The calls of a page together have one deadline; a command that it cut off may have happened."""

    async def never(*_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("academy.web.site.PATIENCE", 0.05)
    monkeypatch.setattr(town, "path", never)
    page = await enrolled.get("/paths/stonework")
    assert page.status_code == 504
    assert "That took too long" in page.text
    monkeypatch.setattr(town, "complete", never)
    answer = await enrolled.post("/paths/stonework/resources/basics/done")
    assert answer.status_code == 504
    assert "What you did may have been saved" in answer.text


async def test_calls_are_made_on_behalf_of_the_learner(town, enrolled, monkeypatch):
    """Whoever is signed in is who asks, in every service."""
    asked: list[Identity | None] = []
    paths = town.paths

    def watched():
        context = current()
        asked.append(context.identity if context else None)
        return paths()

    monkeypatch.setattr(town, "paths", watched)
    await enrolled.get("/")
    enrolled.cookies.clear()
    await enrolled.get("/")
    assert asked == [Identity("ada"), None]


async def test_an_unknown_address_is_not_found(ada):
    """The page still knows who is signed in."""
    page = await ada.get("/nowhere")
    assert page.status_code == 404
    assert "There is nothing here" in page.text
    assert "Sign out" in page.text


async def test_a_form_sent_to_a_page_is_refused(visitor):
    """The status says what is wrong, the header what is right."""
    answer = await visitor.post("/learning")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


async def test_a_bug_of_the_site_has_a_page(town, visitor, monkeypatch):
    """A learner sees a page, not a traceback."""

    def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(town, "services", broken)
    page = await visitor.get("/")
    assert page.status_code == 500
    assert "Something broke on our side" in page.text
    assert "secret detail" not in page.text


async def test_a_part_that_is_away_is_told_from_one_that_lost_the_line(town, enrolled):
    """The consequence depends on the class, though both have the code UNAVAILABLE."""
    town.fail("complete", Unavailable())
    assert "Nothing was changed." in (await enrolled.post("/paths/stonework/resources/basics/done")).text
    town.fail("complete", ConnectionLost())
    assert "What you did may have been saved" in (await enrolled.post("/paths/stonework/resources/basics/done")).text

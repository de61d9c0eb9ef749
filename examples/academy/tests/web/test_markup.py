"""What every page owes to whoever reads it, with eyes or without."""

from __future__ import annotations

import itertools
from html.parser import HTMLParser

import httpx
import pytest

from academy.search.contract import Found
from freestone.errors import Internal, Unavailable

from .test_letters import LETTER
from .test_search import BASICS, TEA, WALLS

VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> is out of place"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]


async def _list(town, browser):
    return await browser.get("/")


async def _empty_list(town, browser):
    town.shelf.clear()
    return await browser.get("/")


async def _path(town, browser):
    return await browser.get("/paths/stonework")


async def _path_begun(town, browser):
    town.enrol("ada", "stonework")
    town.done["stonework"] = {"basics"}
    return await browser.get("/paths/stonework")


async def _path_finished(town, browser):
    town.enrol("ada", "stonework")
    town.done["stonework"] = {"basics", "tools", "bonds"}
    town.ticks.add("supplementary")
    return await browser.get("/paths/stonework")


async def _lesson(town, browser):
    town.enrol("ada", "stonework")
    return await browser.get("/paths/stonework/resources/basics")


async def _lesson_done(town, browser):
    town.enrol("ada", "stonework")
    town.done["stonework"] = {"basics"}
    return await browser.get("/paths/stonework/resources/basics")


async def _lesson_locked(town, browser):
    town.enrol("ada", "stonework")
    return await browser.get("/paths/stonework/resources/bonds")


async def _lesson_unwritten(town, browser):
    town.articles.clear()
    return await browser.get("/paths/stonework/resources/basics")


async def _learning(town, browser):
    town.enrol("ada", "stonework")
    return await browser.get("/learning")


async def _learning_empty(town, browser):
    return await browser.get("/learning")


async def _sign_in_again(town, browser):
    town.sessions.clear()
    return await browser.post("/sign-in", data={"name": "Ada", "password": "wrong"})


async def _sign_up_again(town, browser):
    return await browser.post("/sign-up", data={"name": "Ada", "password": "short"})


async def _unavailable(town, browser):
    town.fail("paths", Unavailable())
    return await browser.get("/")


async def _doubtful(town, browser):
    town.fail("enrol", Internal())
    return await browser.post("/paths/stonework/enrolment")


async def _search(town, browser):
    return await browser.get("/search")


async def _search_found(town, browser):
    town.found = Found(results=(BASICS, WALLS, TEA), more=True)
    return await browser.get("/search?q=cut")


async def _search_nothing(town, browser):
    return await browser.get("/search?q=cut")


async def _search_empty(town, browser):
    town.found = Found(empty=True)
    return await browser.get("/search?q=cut")


async def _search_away(town, browser):
    town.fail("search", Unavailable())
    return await browser.get("/search?q=cut&path=stonework")


async def _account(town, browser):
    return await browser.get("/account")


async def _account_again(town, browser):
    return await browser.post("/account/email", data={"email": "nowhere"})


async def _account_without_letters(town, browser):
    town.fail("wishes", Unavailable())
    return await browser.get("/account")


async def _letters(town, browser):
    town.letters = [LETTER]
    return await browser.get("/letters")


async def _letters_empty(town, browser):
    town.letters = []
    return await browser.get("/letters")


async def _letters_off(town, browser):
    return await browser.get("/letters/off/key-of-ada")


async def _letters_off_done(town, browser):
    return await browser.post("/letters/off/key-of-ada")


async def _nowhere(town, browser):
    return await browser.get("/nowhere")


STATES = [
    _list, _empty_list, _path, _path_begun, _path_finished, _lesson, _lesson_done, _lesson_locked, _lesson_unwritten,
    _learning, _learning_empty, _sign_in_again, _sign_up_again, _unavailable, _doubtful, _nowhere,
    _account, _account_again, _account_without_letters,
    _letters, _letters_empty, _letters_off, _letters_off_done,
    _search, _search_found, _search_nothing, _search_empty, _search_away,
]  # fmt: skip


@pytest.fixture(params=STATES, ids=lambda state: state.__name__.strip("_"))
async def page(request, town, ada: httpx.AsyncClient) -> Page:
    """Each page, in each of its states."""
    return Page((await request.param(town, ada)).text)


def test_elements_nest(page):
    """What is opened is closed, in order."""
    assert page.open == []


def test_there_is_one_title_and_one_heading_of_the_first_level(page):
    """A page is about one thing."""
    assert len([1 for tag, _ in page.elements if tag == "h1"]) == 1
    assert len(page.all("title")) == 1


def test_headings_leave_out_no_level(page):
    """A screen reader's outline has no holes."""
    levels = [int(tag[1]) for tag, _ in page.elements if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}]
    assert all(following - level <= 1 for level, following in itertools.pairwise(levels)), levels


def test_names_are_unique_and_references_lead_somewhere(page):
    """Each id is there once; each label, description and jump finds it."""
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for", "hx-target"):
            for reference in (attributes.get(name) or "").replace("#", "").split():
                assert reference in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_there_are_landmarks_and_a_way_past_the_header(page):
    """The first link leads to the content; changes are announced."""
    assert len(page.all("main")) == len(page.all("header")[:1]) == len(page.all("footer")) == 1
    assert page.all("a")[0]["href"] == "#main"
    assert [each for _, each in page.elements if each.get("aria-live") == "polite"]
    assert all("aria-label" in nav or "aria-labelledby" in nav for nav in page.all("nav"))


def test_every_control_has_a_name(page):
    """Inputs have labels, bars have names, pictures are described or decoration."""
    labelled = {label["for"] for label in page.all("label")}
    for field in page.all("input"):
        assert field.get("type") == "hidden" or field["id"] in labelled
    assert all(bar["aria-label"] for bar in page.all("progress"))
    assert all("alt" in image for image in page.all("img"))
    assert all(drawing["aria-hidden"] == "true" for drawing in page.all("svg"))


def test_nothing_is_inline(page):
    """The policy allows no inline style, script or handler."""
    for tag, attributes in page.elements:
        assert tag != "style"
        assert "style" not in attributes
        assert not any(name.startswith(("on", "hx-on")) for name in attributes)
        assert tag != "script" or attributes["src"].startswith("/static/")


def test_every_form_works_without_scripts(page):
    """What htmx sends, the plain form sends to the same place."""
    for form in page.all("form"):
        assert form["method"] == ("get" if form.get("role") == "search" else "post")
        assert form.get("hx-post", form["action"]) == form["action"]
    for _, attributes in page.elements:
        assert "hx-post" not in attributes or "action" in attributes
        assert "hx-get" not in attributes

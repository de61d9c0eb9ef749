"""Letters on the site: where they go, how they are turned off, and what they are while none is sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from academy.notifications.contract import Letter, LetterKind
from freestone.errors import Unavailable

LETTER = Letter(
    id="1",
    kind=LetterKind.PHASE_FINISHED,
    subject="Phase 1 of “Stonework” is finished",
    text="Dear Ada,\n\nwell done <b>you</b>!\n\nhttp://academy.test/letters/off/key-of-ada\n",
    html="<p>Dear Ada</p>",
    written_at=datetime(2026, 3, 7, 12, tzinfo=UTC),
)


async def test_a_learner_may_give_an_address_at_sign_up(town, visitor):
    """It is optional; what can't be one is told at its field, and what was typed is kept."""
    answer = await visitor.post("/sign-up", data={"name": "Ada", "password": "correct horse", "email": "ada@x.org"})
    assert answer.status_code == 303
    assert town.sessions["token-of-ada"].email == "ada@x.org"
    wrong = await visitor.post("/sign-up", data={"name": "Bob", "password": "correct horse", "email": "nowhere"})
    assert wrong.status_code == 422
    assert 'value="nowhere"' in wrong.text
    assert "This is no email address." in wrong.text


async def test_the_address_is_changed_on_the_accounts_page(town, ada):
    """And forgotten when it is left empty."""
    answer = await ada.post("/account/email", data={"email": "ada@x.org"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = await ada.get("/account")
    assert "Your address is saved." in page.text
    assert 'value="ada@x.org"' in page.text
    await ada.post("/account/email", data={"email": ""})
    assert "Your address is forgotten." in (await ada.get("/account")).text


async def test_what_is_no_address_is_refused_at_its_field(ada):
    """What was typed is there to be mended."""
    answer = await ada.post("/account/email", data={"email": "no where"})
    assert answer.status_code == 422
    assert 'value="no where"' in answer.text
    assert 'aria-describedby="email-mistake email-hint"' in answer.text


async def test_letters_are_turned_off_and_on(town, ada):
    """By one box, without a script."""
    assert 'aria-checked="true"' in (await ada.get("/account")).text
    await ada.post("/account/letters", data={"letters": "no"})
    assert town.unwanted == {"ada"}
    page = (await ada.get("/account")).text
    assert "You will get no more letters." in page
    assert 'aria-checked="false"' in page
    await ada.post("/account/letters", data={"letters": "yes"})
    assert town.unwanted == set()


async def test_the_account_is_there_while_notifications_are_away(town, ada):
    """The address can be changed all the same."""
    town.fail("wishes", Unavailable())
    page = await ada.get("/account")
    assert page.status_code == 200
    assert "try again in a minute" in page.text
    assert (await ada.post("/account/email", data={"email": "ada@x.org"})).status_code == 303


@pytest.mark.parametrize("address", ["/account", "/letters"])
async def test_an_account_needs_somebody(visitor, address):
    """Whoever is not signed in is asked to."""
    assert (await visitor.get(address)).headers["location"].startswith("/sign-in?next=")


async def test_one_click_turns_letters_off_without_a_cookie_or_a_page(town, visitor):
    """A mail program posts what RFC 8058 says, from anywhere."""
    answer = await visitor.post(
        "/letters/off/key-of-ada",
        data={"List-Unsubscribe": "One-Click"},
        headers={"sec-fetch-site": "cross-site", "origin": "https://mail.example"},
    )
    assert answer.status_code == 200
    assert town.unwanted == {"ada"}


async def test_to_open_the_link_turns_nothing_off(town, visitor):
    """Programs that look for viruses open links; a person is asked once, by a form that leads back here."""
    page = await visitor.get("/letters/off/key-of-ada")
    assert page.status_code == 200
    assert town.unwanted == set()
    assert '<form class="form" action="/letters/off/key-of-ada" method="post">' in page.text


async def test_a_link_of_no_letter_turns_nothing_off(town, visitor):
    """And says that there is nothing."""
    assert (await visitor.post("/letters/off/made-up")).status_code == 404
    assert town.unwanted == set()


async def test_only_the_link_may_be_posted_to_from_elsewhere(ada):
    """All other forms are the site's own."""
    elsewhere = {"sec-fetch-site": "cross-site"}
    for address in ("/account/letters", "/account/email", "/letters/offside"):
        assert (await ada.post(address, data={}, headers=elsewhere)).status_code == 403


async def test_letters_are_shown_where_none_is_sent(town, ada):
    """As text, with links that can be followed, and nothing else that could do anything."""
    town.letters = [LETTER]
    page = (await ada.get("/letters")).text
    assert "Phase 1 of “Stonework” is finished" in page
    assert "well done &lt;b&gt;you&lt;/b&gt;!" in page
    assert '<a href="http://academy.test/letters/off/key-of-ada" rel="noopener">' in page


async def test_no_letter_yet_is_a_sentence(town, ada):
    """And says what is missing."""
    town.letters = []
    page = (await ada.get("/letters")).text
    assert "Finish a phase, and one is written" in page
    assert "give an address" in page


async def test_where_letters_are_sent_there_is_no_such_page(ada):
    """It is for development."""
    assert (await ada.get("/letters")).status_code == 404
    assert 'href="/letters"' not in (await ada.get("/account")).text


async def test_the_account_leads_to_letters_that_are_shown(town, ada):
    town.letters = []
    assert '<a href="/letters">your letters</a>' in (await ada.get("/account")).text

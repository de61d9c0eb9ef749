"""Sign up, sign in, sign out."""

from __future__ import annotations

import httpx
import pytest

from academy.web.site import site
from freestone.errors import InvalidArgument, ResourceExhausted, Unavailable

ADA = {"name": "Ada", "password": "correct horse"}


async def test_signing_up_begins_a_session(town, visitor):
    """Who signs up is signed in."""
    answer = await visitor.post("/sign-up", data=ADA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/learning")
    page = await visitor.get("/learning")
    assert page.status_code == 200
    assert "Welcome! Pick a path to begin." in page.text


async def test_the_session_is_out_of_reach_of_scripts_and_other_sites(visitor):
    """HttpOnly, SameSite=Lax, for the whole site, until the session ends."""
    answer = await visitor.post("/sign-up", data=ADA)
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("academy_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "expires=Mon, 06 Apr 2099 12:00:00 GMT" in cookie
    assert "Secure" not in cookie


async def test_over_https_the_session_never_leaves_it(town):
    """The cookie is Secure where it can be."""
    website = site(lambda request: town.services())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(website),
        base_url="https://academy.test",
        headers={"sec-fetch-site": "same-origin"},
    ) as browser:
        answer = await browser.post("/sign-up", data=ADA)
    assert "Secure" in next(each for each in answer.headers.get_list("set-cookie") if "academy_session" in each)


async def test_after_signing_in_a_learner_is_where_they_wanted_to_be(town, visitor):
    """The page that asked for it comes next."""
    town.passwords["Ada"] = ADA["password"]
    page = await visitor.get("/sign-in?next=/paths/stonework")
    assert '<input type="hidden" name="next" value="/paths/stonework">' in page.text
    answer = await visitor.post("/sign-in", data={**ADA, "next": "/paths/stonework"})
    assert answer.headers["location"] == "/paths/stonework"


@pytest.mark.parametrize("address", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "x"])
async def test_a_learner_is_never_sent_to_another_site(town, visitor, address):
    """An address from outside is not followed."""
    town.passwords["Ada"] = ADA["password"]
    answer = await visitor.post("/sign-in", data={**ADA, "next": address})
    assert answer.headers["location"] == "/learning"


async def test_a_wrong_password_is_said_without_saying_which_was_wrong(town, visitor):
    """The name stays in its field, the password does not."""
    town.passwords["Ada"] = "something else"
    page = await visitor.post("/sign-in", data=ADA)
    assert page.status_code == 401
    assert "The name or the password is wrong." in page.text
    assert 'value="Ada"' in page.text
    assert ADA["password"] not in page.text


async def test_a_taken_name_is_said_at_its_field(town, visitor):
    """The message belongs to the field, for screen readers too."""
    town.passwords["Ada"] = "something else"
    page = await visitor.post("/sign-up", data=ADA)
    assert page.status_code == 409
    assert "“Ada” is taken" in page.text
    assert 'aria-invalid="true" aria-describedby="name-mistake name-hint"' in page.text


async def test_a_short_password_is_said_at_its_field(visitor):
    """The service decides; the page repeats it as a sentence."""
    page = await visitor.post("/sign-up", data={"name": "Ada", "password": "x"})
    assert page.status_code == 422
    assert "A password has at least 8 characters." in page.text
    assert 'id="password-mistake"' in page.text


async def test_a_mistake_of_no_field_is_said_above_the_form(town, visitor):
    """Nothing that the service says is lost."""
    town.fail("sign_up", InvalidArgument("no sign-ups today", field="elsewhere"))
    page = await visitor.post("/sign-up", data=ADA)
    assert "No sign-ups today." in page.text
    assert 'role="alert"' in page.text


async def test_too_many_attempts_are_told_how_long_to_wait(town, visitor):
    """The wait is said to people and to programs."""
    town.fail("sign_in", ResourceExhausted(retry_after=12.3))
    page = await visitor.post("/sign-in", data=ADA)
    assert page.status_code == 429
    assert page.headers["retry-after"] == "13"
    assert "Try again in 13 seconds." in page.text


async def test_a_name_with_markup_stays_text(town, visitor):
    """A name that is typed wrongly comes back escaped."""
    page = await visitor.post("/sign-in", data={"name": '"><script>alert(1)</script>', "password": "x"})
    assert "<script>alert" not in page.text
    assert 'value="&#34;&gt;&lt;script&gt;' in page.text


async def test_who_is_signed_in_is_not_asked_again(ada):
    """The forms send learners on."""
    assert (await ada.get("/sign-in?next=/paths/stonework")).headers["location"] == "/paths/stonework"
    assert (await ada.get("/sign-up")).headers["location"] == "/learning"


async def test_signing_out_ends_the_session_here_and_in_the_service(town, ada):
    """A token that was copied is worth nothing afterwards."""
    answer = await ada.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert town.sessions == {}
    assert any(each.startswith('academy_session="";') for each in answer.headers.get_list("set-cookie"))
    assert "You are signed out." in (await ada.get("/")).text


async def test_a_sign_out_that_fails_keeps_the_session(town, ada):
    """Nobody believes to be signed out while the session lives."""
    town.fail("sign_out", Unavailable())
    answer = await ada.post("/sign-out")
    assert answer.status_code == 503
    assert "Nothing was changed." in answer.text
    assert "academy_session" not in answer.headers.get("set-cookie", "")


async def test_without_identity_there_is_a_friendly_page(town, visitor):
    """Nobody is told that their password is wrong because a service is away."""
    town.fail("sign_in", Unavailable())
    page = await visitor.post("/sign-in", data=ADA)
    assert page.status_code == 503
    assert 'href="/sign-in">Go back' in page.text

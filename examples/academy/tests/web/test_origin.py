"""Forms from other sites."""

from __future__ import annotations

import httpx
import pytest
from starlette.datastructures import Headers

from academy.web.origin import same_origin
from academy.web.site import site

COMMANDS = (
    "/sign-up",
    "/sign-in",
    "/sign-out",
    "/appearance",
    "/account/email",
    "/account/letters",
    "/paths/stonework/enrolment",
    "/paths/stonework/checklist/supplementary",
    "/paths/stonework/resources/basics/done",
    "/paths/stonework/resources/basics/undone",
)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://academy.test", "host": "academy.test"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://outside.example", "host": "inside:8000"}, True),
        ({"origin": "http://academy.test", "host": "academy.test"}, True),
        ({"origin": "http://academy.test:8000", "host": "academy.test:8000"}, True),
        ({"origin": "http://academy.test.evil.example", "host": "academy.test"}, False),
        ({"origin": "http://evil.example", "host": "academy.test"}, False),
        ({"origin": "null", "host": "academy.test"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://[", "host": "academy.test"}, False),
        ({"origin": "http://", "host": ""}, False),
        ({}, False),
    ],
)
def test_a_form_is_ours_if_the_browser_says_so(headers, expected):
    """``Sec-Fetch-Site`` decides where there is one, else ``Origin``; a form with neither is not ours."""
    assert same_origin(Headers(headers)) is expected


@pytest.fixture
async def elsewhere(town):
    """The learner's browser, led by a page of another site."""
    website = site(lambda request: town.services())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(website),
        base_url="http://academy.test",
        headers={"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    ) as browser:
        yield browser


@pytest.mark.parametrize("address", COMMANDS)
async def test_every_command_is_refused_to_another_site(town, elsewhere, address):
    """No command takes effect, and no service is asked."""
    answer = await elsewhere.post(address, data={"ticked": "yes"})
    assert answer.status_code == 403
    assert "That came from elsewhere" in answer.text
    assert town.calls == []


def test_the_list_of_commands_is_whole(town):
    """A route that takes a form and is missing above would go untested."""
    website = site(lambda request: town.services())
    posts = {route.name for route in website.routes if "POST" in (getattr(route, "methods", None) or ())}
    assert len(posts) == len(COMMANDS) + 1, "mail programs post to one of them from elsewhere"


async def test_a_link_from_another_site_is_followed(elsewhere):
    """Reading is for everybody."""
    assert (await elsewhere.get("/")).status_code == 200

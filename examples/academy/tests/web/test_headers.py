"""The headers of every response."""

from __future__ import annotations

import pytest

from freestone.errors import Unavailable


@pytest.mark.parametrize("address", ["/", "/paths/stonework", "/sign-in", "/nowhere", "/static/site.css"])
async def test_every_response_has_them(visitor, address):
    """Pages, failures and files alike."""
    headers = (await visitor.get(address)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]


async def test_a_failure_has_them(town, visitor):
    """An error must not be the way around the policy."""
    town.fail("paths", Unavailable())
    assert "content-security-policy" in (await visitor.get("/")).headers


async def test_a_page_stays_out_of_shared_caches(ada):
    """What one learner sees is for nobody else."""
    assert (await ada.get("/")).headers["cache-control"] == "private, no-cache"


async def test_a_file_of_a_known_version_is_kept_for_good(visitor):
    """Its address changes when it changes; a file that is asked for without one is looked at again."""
    page = await visitor.get("/")
    address = page.text.split('<link rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in (await visitor.get(address)).headers["cache-control"]
    assert (await visitor.get("/static/site.css")).headers["cache-control"] == "private, no-cache"
    assert (await visitor.get("/static/nothing.css?v=1")).headers["cache-control"] == "private, no-cache"

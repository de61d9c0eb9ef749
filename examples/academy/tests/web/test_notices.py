"""What a page says about the command before it."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("name", ["forged", "<script>", "__class__", ""])
async def test_a_forged_notice_says_nothing(visitor, name):
    """The cookie has a name; only those of the table are shown."""
    visitor.cookies.set("academy_notice", name, domain="academy.test")
    assert 'aria-live="polite"></div>' in (await visitor.get("/")).text


async def test_a_notice_is_said_once(visitor):
    """It goes with the page that showed it."""
    visitor.cookies.set("academy_notice", "signed-out", domain="academy.test")
    first = await visitor.get("/")
    assert 'aria-live="polite"><p>You are signed out.</p></div>' in first.text
    assert 'academy_notice="";' in first.headers["set-cookie"]

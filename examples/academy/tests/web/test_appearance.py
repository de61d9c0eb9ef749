"""The switch between light and dark."""

from __future__ import annotations

import pytest


async def test_without_a_choice_the_system_decides(visitor):
    """The page says nothing, and the style sheet asks the system."""
    assert '<html lang="en" data-theme="auto">' in (await visitor.get("/")).text


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_choice_is_remembered(visitor, theme):
    """Without scripts, the switch is a form that leads back to the page."""
    answer = await visitor.post("/appearance", data={"theme": theme, "next": "/paths/stonework"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/paths/stonework")
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert f'<html lang="en" data-theme="{theme}">' in (await visitor.get("/")).text


async def test_a_choice_that_does_not_exist_is_none(visitor):
    """Whatever is in the cookie, the page has one of three."""
    visitor.cookies.set("academy_theme", '"><script>', domain="academy.test")
    assert '<html lang="en" data-theme="auto">' in (await visitor.get("/")).text


async def test_the_switch_leads_nowhere_else(visitor):
    """An address from outside is not followed."""
    answer = await visitor.post("/appearance", data={"theme": "dark", "next": "https://elsewhere.example"})
    assert answer.headers["location"] == "/"

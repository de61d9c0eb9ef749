"""Without a mouse, without scripts, without a connection."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

FIRST, SECOND = "Microservices Basics", "Microservices vs Monolith"


async def focused(page: Page) -> str:
    """What has the focus, as its text or its label."""
    return await page.evaluate(
        "() => { const it = document.activeElement; return (it.labels?.[0] ?? it).textContent.trim() }"
    )


async def tab_to(page: Page, name: str, limit: int = 60) -> None:
    """Press Tab until that has the focus; every stop on the way must be visible to be one."""
    for _ in range(limit):
        await page.keyboard.press("Tab")
        if (await focused(page)).startswith(name):
            outline = await page.evaluate(
                "() => { let it = document.activeElement;"
                " while (it && getComputedStyle(it).outlineStyle === 'none') it = it.parentElement;"
                " return it && parseFloat(getComputedStyle(it).outlineWidth) }"
            )
            assert outline, f"{name} has the focus, and nothing shows it"
            return
    raise AssertionError(f"{name} is not reached by Tab")


async def test_by_keyboard_alone(visits):
    """Sign up, enrol, read, mark as done and go on, with Tab, Enter and Space only."""
    learner = await visits.learner()
    page = learner.page
    await page.goto("/")
    await page.keyboard.press("Tab")
    assert await focused(page) == "Skip to the content"
    await page.keyboard.press("Enter")
    await tab_to(page, "Microservices Architecture")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/paths/**")
    await tab_to(page, "Sign up to enrol")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sign-up**")
    assert await focused(page) == "Name"
    await page.keyboard.type(learner.name)
    await tab_to(page, "Password")
    await page.keyboard.type("correct horse battery")
    await page.keyboard.press("Enter")
    await expect(page.locator("#status")).to_have_text("Welcome! Pick a path to begin.")
    await tab_to(page, "Enrol in this path")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("link", name="Begin:")).to_be_visible()
    await tab_to(page, f"Begin: {FIRST}")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/resources/**")

    await tab_to(page, "Mark as done")
    await page.keyboard.press("Enter")
    await expect(page.locator("#status")).to_have_text("Marked as done.")
    await expect(page.locator("#mark")).to_be_focused()
    assert await focused(page) == "Undo"
    await tab_to(page, f"Next: {SECOND}")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(SECOND)

    await page.go_back()
    await page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").last.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("1 of 7 done")).to_be_visible()
    await tab_to(page, "Supplementary materials reviewed")
    await page.keyboard.press("Space")
    box = page.get_by_role("checkbox", name="Supplementary materials reviewed")
    await expect(box).to_be_checked()
    await expect(box).to_be_focused()
    await page.keyboard.press("Space")
    await expect(box).not_to_be_checked()


async def test_without_scripts(visits):
    """Every command is a form, and every form leads to a page that says what happened."""
    learner = await visits.learner("phone-light", java_script_enabled=False)
    page = learner.page
    await learner.sign_up()
    await learner.enrol()
    await expect(page.locator("#status")).to_have_text("You are enrolled. Enjoy the path!")
    await page.get_by_role("link", name=f"Begin: {FIRST}").click()
    await page.get_by_role("button", name="Mark as done").click()
    await expect(page.locator("#status")).to_have_text("Marked as done.")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#status")).to_have_text("No longer marked as done.")
    await page.get_by_role("button", name="Mark as done").click()
    await page.get_by_role("link", name=f"Next: {SECOND}").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(SECOND)
    await page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").last.click()
    await page.get_by_role("checkbox", name="Supplementary").click()
    await expect(page.get_by_role("checkbox", name="Supplementary")).to_be_checked()
    await expect(page.get_by_role("progressbar")).to_have_attribute("value", "14")
    await page.get_by_role("button", name="Use the dark theme").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await learner.picture("without-scripts")


async def test_a_key_leads_to_the_search_box_and_words_to_an_article(visits):
    """`/`, words, Enter; what is found is marked, and the first result is an article with these words."""
    learner = await visits.learner()
    page = learner.page
    await page.goto("/paths/microservices-architecture")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("when is a monolíth bet")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?**")
    await expect(page.get_by_role("status").filter(has_text="result")).to_be_visible()
    await expect(page.locator("mark").first).to_be_visible()
    await learner.picture("search-found")
    await page.get_by_role("link", name=SECOND).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(SECOND)
    await page.goto("/search?q=monolith")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("sto/ne")
    await expect(page.get_by_role("searchbox")).to_have_value("sto/ne")


async def test_a_search_needs_no_script(visits):
    """On a phone the header has a link to it, and the page of search is a form."""
    learner = await visits.learner("phone-dark", java_script_enabled=False)
    page = learner.page
    await page.goto("/")
    await page.get_by_role("link", name="Search").click()
    await page.get_by_role("searchbox").fill("OWNING data")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator(".found__link").first).to_have_text("Microservices Data Management")
    await learner.picture("search-without-scripts")
    await page.get_by_role("searchbox").fill("xylophone")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("heading", level=2)).to_have_text("Nothing has “xylophone”")


@pytest.mark.parametrize("academy", ["monolith"], indirect=True)
async def test_without_a_connection(visits):
    """When no answer comes, the page says that nobody knows whether it was saved."""
    learner = await visits.learner()
    page = learner.page
    await learner.sign_up()
    await learner.enrol()
    await page.get_by_role("link", name="Begin:").click()
    await page.route("**/done", lambda route: route.abort())
    await page.get_by_role("button", name="Mark as done").click()
    await expect(page.get_by_role("alert")).to_contain_text("It may have been saved, or not.")
    learner.complaints.clear()
    await page.unroute("**/done")
    await page.get_by_role("button", name="Mark as done").click()
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()
    await expect(page.locator("#alert")).to_be_empty()


@pytest.mark.parametrize("academy", ["monolith"], indirect=True)
async def test_the_choice_of_dark_is_remembered(visits):
    """The switch takes effect at once, without a reload, and lasts."""
    learner = await visits.learner()
    page = learner.page
    await page.goto("/")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await page.evaluate("() => { window.sameDocument = true }")
    await page.get_by_role("button", name="Use the dark theme").click()
    dark = await page.evaluate(ground)
    assert dark != light
    assert await page.evaluate("() => window.sameDocument")
    await expect(page.get_by_role("button", name="Use the light theme")).to_be_focused()
    await page.goto("/sign-in")
    assert await page.evaluate(ground) == dark

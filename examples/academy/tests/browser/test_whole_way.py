"""A learner's whole way through the path that ships with Academy."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

LESSONS = (
    "Microservices Basics",
    "Microservices vs Monolith",
    "Microservices Design",
    "Microservices Communication",
    "Microservices Data Management",
    "Microservices Implementation",
    "Microservices Best Practices",
)


def row(page: Page, title: str) -> Locator:
    """The row of a resource, on the page of the path."""
    return page.locator(".step", has=page.locator(".step__link", has_text=title))


async def finish(page: Page, title: str) -> None:
    """Mark the open lesson as done."""
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    await page.get_by_role("button", name="Mark as done").click()
    await expect(page.locator("#status")).to_have_text("Marked as done.")
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()


@pytest.mark.parametrize("look", ["phone-dark", "desktop-light"])
async def test_from_the_front_page_to_the_last_box(visits, look):
    """Sign up, enrol, read, complete phase 1, see phase 2 unlock, finish, tick every box."""
    learner = await visits.learner(look)
    page = learner.page
    await page.goto("/")
    await learner.picture(f"{look}-1-front")
    await page.get_by_role("link", name="Microservices Architecture").click()
    await page.get_by_role("link", name="Sign up to enrol").click()
    await page.get_by_label("Name").fill(learner.name)
    await page.get_by_label("Password").fill("correct horse battery")
    await learner.picture(f"{look}-2-sign-up")
    await page.get_by_role("button", name="Sign up").click()

    await expect(page.locator("#status")).to_have_text("Welcome! Pick a path to begin.")
    await page.get_by_role("button", name="Enrol in this path").click()
    await expect(page.get_by_text("0 of 7 done")).to_be_visible()
    await expect(row(page, LESSONS[2])).to_contain_text("(locked)")
    await expect(page.get_by_text("Opens when")).to_have_count(2)
    await learner.picture(f"{look}-3-enrolled")

    await page.get_by_role("link", name=f"Begin: {LESSONS[0]}").click()
    await learner.picture(f"{look}-4-article")
    await finish(page, LESSONS[0])
    await page.get_by_role("link", name=f"Next: {LESSONS[1]}").click()
    await finish(page, LESSONS[1])
    await expect(page.get_by_role("link", name=f"Next: {LESSONS[2]}")).to_be_visible()
    await learner.picture(f"{look}-5-done")

    await page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Microservices").click()
    await expect(page.get_by_text("2 of 7 done")).to_be_visible()
    await expect(page.locator(".phase").nth(0)).to_contain_text("Complete")
    await expect(row(page, LESSONS[2])).to_contain_text("(open)")
    await expect(page.locator(".check--ticked")).to_have_text(["Phase 1 completed (ticked)"])
    await learner.picture(f"{look}-6-phase-2")

    await page.get_by_role("link", name=f"Continue: {LESSONS[2]}").click()
    for lesson, following in zip(LESSONS[2:], (*LESSONS[3:], None), strict=True):
        await finish(page, lesson)
        name = f"Next: {following}" if following else "Tick the last boxes"
        await page.get_by_role("link", name=name).click()

    box = page.get_by_role("checkbox", name="Supplementary materials reviewed")
    await expect(box).not_to_be_checked()
    await box.click()
    await expect(box).to_be_checked()
    await expect(page.locator("#status")).to_have_text("You have finished the path. Congratulations!")
    await expect(page.locator("#next")).to_contain_text("Path finished")
    await expect(page.locator(".check--ticked, [aria-checked=true]")).to_have_count(4)
    await expect(page.get_by_role("progressbar")).to_have_attribute("value", "100")
    await learner.picture(f"{look}-7-finished")

    await page.goto("/learning")
    await expect(page.get_by_text("Finished")).to_be_visible()
    await learner.picture(f"{look}-8-learning")
    if look.startswith("phone"):  # the header has no room for it
        await page.get_by_role("link", name=learner.name).click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#status")).to_have_text("You are signed out.")
    await page.goto("/learning")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_what_one_learner_does_is_not_seen_by_another(visits):
    """Each learner has a standing of their own."""
    one, other = await visits.learner(), await visits.learner()
    for learner in (one, other):
        await learner.sign_up()
        await learner.enrol()
    await one.page.get_by_role("link", name="Begin:").click()
    await finish(one.page, LESSONS[0])
    await other.page.reload()
    await expect(other.page.get_by_text("0 of 7 done")).to_be_visible()


async def test_who_comes_back_goes_on_where_they_left(visits):
    """Signing in again, with another browser, finds everything as it was."""
    before = await visits.learner()
    await before.sign_up()
    await before.enrol()
    await before.page.get_by_role("link", name="Begin:").click()
    await finish(before.page, LESSONS[0])

    after = await visits.learner("phone-light")
    page = after.page
    await page.goto("/learning")
    await page.get_by_label("Name").fill(before.name)
    await page.get_by_label("Password").fill("correct horse battery")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("1 of 7 done")).to_be_visible()
    await page.get_by_role("link", name="Continue").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(LESSONS[1])


@pytest.mark.parametrize("academy", ["monolith"], indirect=True)
async def test_undo_takes_back_what_nothing_rests_on(visits):
    """What has been built on stays, and the page says why."""
    learner = await visits.learner()
    page = learner.page
    await learner.sign_up()
    await learner.enrol()
    await page.get_by_role("link", name="Begin:").click()
    await finish(page, LESSONS[0])
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#status")).to_have_text("No longer marked as done.")
    await finish(page, LESSONS[0])
    await page.get_by_role("link", name="Next:").click()
    await finish(page, LESSONS[1])
    await page.get_by_role("link", name=f"Before {LESSONS[0]}").click()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("alert")).to_contain_text("Something rests on this")
    await expect(page.get_by_role("alert").get_by_role("link", name=LESSONS[1])).to_be_visible()
    learner.complaints[:] = [each for each in learner.complaints if "409" not in each]

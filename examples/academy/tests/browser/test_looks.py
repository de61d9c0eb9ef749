"""What every page owes to every screen."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

PATH = "/paths/microservices-architecture"
PAGES = {
    "front": "/",
    "path": PATH,
    "article": f"{PATH}/resources/microservices-basics",
    "locked": f"{PATH}/resources/microservices-design",
    "learning": "/learning",
    "account": "/account",
    "letters": "/letters",
    "letters-off": "/letters/off/made-up",
    "search": "/search",
    "found": "/search?q=small+service",
    "not-found-by-search": "/search?q=xylophone",
    "not-found": "/nowhere",
}
STRANGER = {"sign-in": "/sign-in", "sign-up": "/sign-up"}

FAINT = """() => {
  const channel = (byte) => {
    const value = byte / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [red, green, blue] = rgba(colour).map(channel);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let it = element; it; it = it.parentElement) {
      const colour = getComputedStyle(it).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return "#ffffff";
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility()) continue;
    if (element.closest("template, .unseen, script")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [luminance(style.color), luminance(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)}: ${node.textContent.trim().slice(0, 40)}`);
  }
  return faint;
}"""
"""Text whose computed contrast is under WCAG AA."""

SMALL = """() => [...document.querySelectorAll("button, .button, .site-nav__link, .brand, input:not([type=hidden])")]
  .filter((it) => it.checkVisibility())
  .map((it) => [it, it.getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
  .map(([it, box]) => `${it.textContent.trim()} ${Math.round(box.width)}x${Math.round(box.height)}`)"""
"""Controls that a thumb would miss."""

WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""How far a page can be scrolled sideways."""

OFF = """() => [...document.querySelectorAll("main *")]
  .filter((it) => it.checkVisibility() && !it.closest(".unseen, svg, pre, .table"))
  .filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
  .map((it) => it.className || it.tagName)"""
"""What sticks out of the screen."""


async def faults(page: Page) -> dict[str, object]:
    """What is wrong with how the page looks; nothing, it should be."""
    found = {"faint": FAINT, "small": SMALL, "wide": WIDE, "off": OFF}
    return {name: wrong for name, script in found.items() if (wrong := await page.evaluate(script))}


@pytest.mark.parametrize("academy", ["monolith"], indirect=True)
@pytest.mark.parametrize("look", ["phone-light", "phone-dark", "desktop-light", "desktop-dark"])
async def test_every_page_fits_and_can_be_read(visits, look):
    """No text is too faint, no control too small, nothing sticks out; in each look, with pictures to be looked at."""
    stranger = await visits.learner(look)
    for name, address in {**PAGES, **STRANGER}.items():
        await stranger.page.goto(address)
        await stranger.picture(f"{look}-stranger-{name}")
        assert await faults(stranger.page) == {}, (look, name)
    learner = await visits.learner(look)
    await learner.sign_up()
    assert await faults(learner.page) == {}, "nothing begun"
    await learner.enrol()
    await learner.page.get_by_role("link", name="Begin:").click()
    await learner.page.get_by_role("button", name="Mark as done").click()
    await learner.page.get_by_role("button", name="Undo").wait_for()
    for name, address in PAGES.items():
        await learner.page.goto(address)
        await learner.picture(f"{look}-learner-{name}")
        assert await faults(learner.page) == {}, (look, name)
    for each in (stranger, learner):
        each.complaints[:] = [complaint for complaint in each.complaints if "404" not in complaint]


@pytest.mark.parametrize("academy", ["monolith"], indirect=True)
async def test_on_paper_an_article_is_an_article(visits):
    """Printed, a page is the article alone, in black on white, even where the screen is dark."""
    learner = await visits.learner("desktop-dark")
    await learner.page.goto(PAGES["article"])
    await learner.page.emulate_media(media="print")
    for hidden in (".site-header", ".site-footer", ".pager", ".completion", ".crumbs"):
        assert not await learner.page.locator(hidden).first.is_visible(), hidden
    assert await learner.page.locator(".prose").is_visible()
    colours = await learner.page.evaluate(
        "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(24, 35, 32)"]
    await learner.picture("on-paper")


@pytest.mark.parametrize("academy", ["monolith"], indirect=True)
async def test_at_twice_the_size_nothing_is_lost(visits):
    """Text can be enlarged to 200 percent (WCAG 1.4.4) on a narrow window."""
    learner = await visits.learner("desktop-light", viewport={"width": 640, "height": 700})
    for address in PAGES.values():
        await learner.page.goto(address)
        await learner.page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
        assert await learner.page.evaluate(WIDE) == 0, address
    learner.complaints.clear()

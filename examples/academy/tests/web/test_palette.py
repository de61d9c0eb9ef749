"""The colours, held to WCAG 2.2 AA."""

from __future__ import annotations

import re

import pytest

from academy.web.render import STATIC

CSS = (STATIC / "site.css").read_text()
TOKENS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS)
}
TEXT = [
    *[(ink, ground) for ink in ("ink", "muted", "accent", "accent-strong") for ground in ("ground", "surface", "sunk")],
    ("on-accent", "accent"),
    ("on-button", "button"),
    ("on-button", "button-hover"),
    ("accent-strong", "accent-soft"),
    ("amber", "amber-soft"),
    ("danger", "danger-soft"),
    ("danger", "ground"),
    ("ground", "ink"),
]
"""Text on its ground: at least 4.5 to 1 (1.4.3)."""
SHAPES = [
    *[("edge", ground) for ground in ("ground", "surface")],
    *[(shape, ground) for shape in ("stone", "amber", "accent", "danger") for ground in ("ground", "surface", "sunk")],
    ("on-stone", "stone"),
    ("stone", "line"),
]
"""Borders of controls, marks and bars: at least 3 to 1 (1.4.11)."""


def luminance(colour: str) -> float:
    """Relative luminance, as https://www.w3.org/TR/WCAG22/#dfn-relative-luminance defines it."""
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_ratio_is_that_of_the_standard():
    """Black on white is 21 to 1; the grey at the edge of AA is known."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(theme, ink, ground):
    """Every pair of text and ground that meets on a page."""
    assert contrast(TOKENS[ink][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_can_be_told(theme, shape, ground):
    """Every border, mark and bar that means something."""
    assert contrast(TOKENS[shape][theme], TOKENS[ground][theme]) >= 3


def test_every_colour_is_a_token():
    """Outside of the tokens there is no colour that this test would not see, but for white paper."""
    rest = CSS.split("/* ── Ground")[1].split("/* ── Paper")[0]
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsl\(", rest)


def test_whoever_wants_no_motion_gets_none():
    """Transitions are asked for only where the visitor has not refused them."""
    before, after = CSS.split("@media (prefers-reduced-motion: no-preference)", 1)
    assert "transition" not in before.replace("transition-", "")
    assert "transition:" in after

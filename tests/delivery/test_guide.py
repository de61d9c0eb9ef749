"""The page that says what happens when."""

from __future__ import annotations

import re
from pathlib import Path

from .misfortunes import misfortunes
from .running import Place
from .suite import suite

PAGE = Path(__file__).parents[2] / "docs" / "what-happens-when.md"


def test_each_check_of_delivery_is_in_the_guide_and_no_other() -> None:
    """By its name, so that what is promised there is what is tested here."""
    fullest = Place("postgresql", "nats", "cut")
    known = {it.__name__.removeprefix("check_") for it in (*suite(fullest), *misfortunes(fullest))}
    cells = re.findall(r"<br>(`.*?`) \|", PAGE.read_text("utf-8"))
    told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert told == known

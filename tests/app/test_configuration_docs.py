"""What ``docs/configuration.md`` shows is what happens."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freestone.app import App, plan, render, settings_of
from freestone.app.document import Document
from freestone.app.file import parse

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def block(language: str, number: int = 0) -> str:
    """Return a block of code of the page."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return blocks[number]


@pytest.fixture
def app(loaded: Callable[..., App]) -> App:
    """Load the page's example."""
    return loaded(block("toml"), shop=block("python"))


def test_the_complete_example_is_an_application(app: App) -> None:
    assert list(app.topologies) == ["together", "split", "monolith", "cut-everywhere"]
    assert app.default_topology == "together"
    (settings,) = settings_of(app, {"FREESTONE_ORDERS_OPEN_DAYS": "7"}).values()
    assert (settings.open_days, settings.currency) == (7, "EUR")  # type: ignore[attr-defined]


def test_the_plan_of_the_example_is_the_one_that_is_shown(app: App) -> None:
    assert render(plan(app, "split")) == block("text")


def test_the_mistakes_are_told_as_they_are_shown(mistakes: Callable[..., list[str]]) -> None:
    wrong = block("toml")
    for right, mistake in {
        "shop:PricesService": "shop:PriceService",
        'orders = { services = ["orders"], listen = "tcp://0.0.0.0:7000", plaintext = true }': "",
        "orders.total": "orders.totl",
    }.items():
        assert right in wrong
        wrong = wrong.replace(right, mistake)
    assert mistakes(wrong, shop=block("python")) == block("text", 1).splitlines()


def test_every_key_of_the_example_is_explained(tmp_path: Path) -> None:
    document = Document(tmp_path / "freestone.toml", block("toml"))
    parse(document)
    assert document.mistakes == []
    for key in _keys(tomllib.loads(block("toml"))):
        assert f"`{key}`" in PAGE or f".{key}`" in PAGE or f"[{key}" in PAGE, key


def _keys(table: dict[str, Any]) -> set[str]:
    """Return the names in an example that are the framework's own, and not the application's."""
    own = set(table)
    own.update(table["gateway"], table["data"], table["secrets"], table["calls"])
    own.update(key for process in table["topologies"]["split"].values() for key in process)
    own.update(table["services"]["payments"], *table["calls"]["methods"].values(), *table["calls"]["services"].values())
    return own - {"methods"}

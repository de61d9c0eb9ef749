"""``freestone contract show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Words


@pytest.mark.parametrize("target", ["guests", "shop.guests.contract:Guests", "shop.guests.service:GuestsService"])
def test_a_contract_is_shown_by_any_of_its_names(freestone: Words, shop: Path, target: str) -> None:
    """A service's name, the contract itself, or what keeps it."""
    shown = freestone("contract", "show", target, cwd=shop)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("contract Guests ")
    assert "\nquery guest(name: str) → Guest\n    Return a guest." in shown.stdout
    assert shown.stdout.endswith("\nmessage Guest\n    Somebody who has been here.\n    name: str\n    visits: int\n")


def test_programs_get_the_schema(freestone: Words, shop: Path) -> None:
    """As JSON."""
    shown = freestone("contract", "show", "guests", "--json", cwd=shop)
    assert shown.returncode == 0, shown.stderr
    schema = json.loads(shown.stdout)
    assert schema["contract"] == "Guests"
    assert list(schema["operations"]) == ["guest", "welcome"]


@pytest.mark.parametrize(
    ("target", "status", "sentence"),
    [
        ("gusts", 2, 'Error: shop has no service "gusts"; it has guests, greeter'),
        ("shop.guests.contract:Guest", 2, "Error: shop.guests.contract:Guest is no contract; name a class"),
        ("shop.guests.contract:Gests", 78, 'Error: shop.guests.contract:Gests: "shop.guests.contract" has no Gests'),
        ("shop.gests:Guests", 78, 'Error: shop.gests:Guests: "shop.gests" does not import: ModuleNotFoundError'),
    ],
)
def test_what_is_no_contract_is_named(freestone: Words, shop: Path, target: str, status: int, sentence: str) -> None:
    """With what is wrong with it."""
    shown = freestone("contract", "show", target, cwd=shop)
    assert shown.stderr.startswith(sentence)
    assert shown.returncode == status


def test_a_contract_needs_no_application(freestone: Words, shop: Path) -> None:
    """Its module is found from here."""
    (shop / "freestone.toml").unlink()
    shown = freestone("contract", "show", "shop.guests.contract:Guests", cwd=shop)
    assert shown.stdout.startswith("contract Guests ")

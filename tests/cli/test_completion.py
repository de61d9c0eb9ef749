"""What a shell offers when Tab is pressed: the protocol that the installed scripts speak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Words


def offered(freestone: Words, cwd: Path, line: str) -> list[str]:
    """Return what is offered at the end of the line."""
    words = line.split(" ")
    shown = freestone(
        cwd=cwd,
        env={"_FREESTONE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
    )
    assert shown.stderr == ""
    return shown.stdout.split()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("freestone ru", ["run"]),
        ("freestone run ", ["monolith", "split", "cut-everywhere"]),
        ("freestone run sp", ["split"]),
        ("freestone plan m", ["monolith"]),
        ("freestone serve ", ["app", "edge", "greeter", "guests"]),
        ("freestone serve --topology split g", ["greeter", "guests"]),
        ("freestone serve edge --topology s", ["split"]),
        ("freestone call gu", ["guests."]),
        ("freestone db upgrade g", ["guests", "greeter"]),
        ("freestone contract show g", ["guests", "greeter"]),
        ("freestone call guests.", ["guests.guest", "guests.welcome"]),
        ("freestone call nobody.", []),
    ],
)
def test_names_are_completed(freestone: Words, shop: Path, line: str, names: list[str]) -> None:
    """Topologies, processes and services are those of the application file."""
    assert offered(freestone, shop, line) == names


def test_the_file_that_is_named_counts(freestone: Words, shop: Path, tmp_path: Path) -> None:
    """Not the one of the directory."""
    assert offered(freestone, tmp_path, f"freestone run --file {shop} sp") == ["split"]


def test_without_an_application_nothing_is_offered(freestone: Words, tmp_path: Path) -> None:
    """And nothing is said: an error in the middle of a line that is being typed helps nobody."""
    assert offered(freestone, tmp_path, "freestone run ") == []

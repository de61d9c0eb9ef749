"""The catalogue of mistakes: a file each, which begins with the message that it must lead to.

A line ``# expect: <message>`` is one mistake; a declaration with several has one such line for each, in the order in
which they are reported.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from freestone.errors import DeclarationError

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.py") if not path.name.startswith(("test_", "conftest")))
MARK = "# expect: "


def mistakes_of(name: str) -> list[str]:
    """Import a file of the catalogue, and return what is reported, with the file's name in place of its path."""
    module_name = f"mistakes_{name.removesuffix('.py')}"
    spec = importlib.util.spec_from_file_location(module_name, HERE / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        with pytest.raises(DeclarationError) as caught:
            spec.loader.exec_module(module)
    finally:
        del sys.modules[module_name]
    return [str(mistake).replace(f"{HERE}/", "") for mistake in caught.value.mistakes]


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_is_reported_with_its_place_and_what_to_do(name: str) -> None:
    """Each file of the catalogue leads to exactly the mistakes that it begins with."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]

    assert mistakes_of(name) == expected


def test_the_catalogue_is_whole() -> None:
    """There are enough files for the mistakes that people make, and each has its expectation on its first line."""
    assert len(FILES) >= 35
    assert all((HERE / name).read_text(encoding="utf-8").startswith(MARK) for name in FILES)


def test_every_mistake_says_what_to_do() -> None:
    """A problem is followed by an advice."""
    for name in FILES:
        first = (HERE / name).read_text(encoding="utf-8").splitlines()[0]
        assert "; " in first, name

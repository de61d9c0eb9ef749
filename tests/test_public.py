"""What is public is named in one place, and costs little to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import freestone


def test_every_public_name_is_there() -> None:
    """Those that are imported later, too."""
    for name in freestone.__all__:
        assert getattr(freestone, name) is not None
    assert dir(freestone) == freestone.__all__ == sorted(freestone.__all__)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="module 'freestone' has no attribute 'saga'"):
        freestone.saga  # type: ignore[attr-defined]  # noqa: B018


def test_importing_freestone_imports_no_heavy_part() -> None:
    """A contract is made of messages and methods; it needs no database, no web server and no command line."""
    heavy = ("sqlalchemy", "alembic", "starlette", "uvicorn", "uvloop", "typer", "rich", "cronsim")
    code = f"import sys, freestone; print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert shown.stdout.strip() == "[]"

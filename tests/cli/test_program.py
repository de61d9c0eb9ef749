"""The program as a whole: its help, its speed, its version."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Words

COMMANDS = [
    ["new"], ["run"], ["serve"], ["plan"], ["ps"], ["call"], ["contract", "show"],
    *(["events", name] for name in ("tail", "pending", "aside", "retry", "drop", "republish", "lag")),
    *(["db", name] for name in ("upgrade", "downgrade", "revision", "history", "check", "provision", "url", "shell")),
]  # fmt: skip

HEAVY = [
    "alembic", "freestone.app", "freestone.call", "freestone.data", "freestone.deploy", "freestone.gateway",
    "freestone.testing", "freestone.wire", "httptools", "jinja2", "pytest", "sqlalchemy", "starlette", "tomllib",
    "uvicorn", "uvloop",
]  # fmt: skip


def test_help_names_every_command(freestone: Words) -> None:
    """The first thing that anybody sees."""
    shown = freestone("--help")
    assert shown.returncode == 0
    for command in COMMANDS:
        assert f"│ {command[0]} " in shown.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_examples(freestone: Words, command: list[str]) -> None:
    """They begin with what is typed."""
    shown = freestone(*command, "--help")
    assert shown.returncode == 0
    assert f"$ freestone {' '.join(command)}" in shown.stdout.partition("Examples:")[2]


def test_help_imports_nothing_that_it_does_not_use() -> None:
    """That is what makes it quick, and keeps it so."""
    source = """
import sys
from freestone.cli import main
sys.argv = ["freestone", "--help"]
try:
    main()
finally:
    sys.stderr.write("\\n".join(sys.modules))
"""
    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=30, check=True)
    assert "Usage: freestone" in shown.stdout
    assert sorted(set(shown.stderr.split()) & set(HEAVY)) == []


def test_the_version_is_the_package_s(freestone: Words) -> None:
    """As it was installed."""
    assert freestone("--version").stdout == f"freestone {version('freestone')}\n"


def test_no_word_at_all_is_answered_with_the_help(freestone: Words) -> None:
    """And is a mistake of usage."""
    shown = freestone()
    assert shown.returncode == 2
    assert "Usage: freestone" in shown.stdout + shown.stderr

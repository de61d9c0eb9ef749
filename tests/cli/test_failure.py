"""How a command ends that can't do its work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freestone.cli.failure import UsageMistake, explain
from freestone.errors import (
    ConfigurationError,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    Mistake,
    NotFound,
    ProtocolError,
)

if TYPE_CHECKING:
    from .conftest import Words


class Locked(FailedPrecondition):
    """The resource needs another one first."""

    needs: tuple[str, ...]


def internal() -> Internal:
    error = Internal("it broke")
    error.trace_id = "ab" * 16
    return error


@pytest.mark.parametrize(
    ("error", "sentence", "status"),
    [
        (NotFound("no path 'x'"), "NOT_FOUND: no path 'x'", 1),
        (InvalidArgument("too few", field="minutes"), "INVALID_ARGUMENT: too few [field = 'minutes']", 1),
        (Locked("not yet", needs=("a",)), "FAILED_PRECONDITION (Locked): not yet [needs = ('a',)]", 1),
        (internal(), f"INTERNAL: it broke; trace {'ab' * 16}", 1),
        (ProtocolError("no hello came"), "no hello came", 1),
        (UsageMistake("name one"), "name one", 2),
        (ConfigurationError([Mistake("services", "there are none")]), "services: there are none", 78),
        (
            ConfigurationError([Mistake("a", "is wrong"), Mistake("b", "is, too")]),
            "2 mistakes\n  a: is wrong\n  b: is, too",
            78,
        ),
        (ValueError("odd"), "ValueError: odd (with `freestone --debug …` the traceback)", 70),
    ],
)
def test_every_error_has_a_sentence_and_a_status(error: Exception, sentence: str, status: int) -> None:
    """The sentence has the code's name, the fields and the trace, where there are some."""
    assert explain(error) == (sentence, status)


def test_a_mistake_is_a_sentence_and_no_traceback(freestone: Words, tmp_path: Path) -> None:
    """On standard error; standard output stays empty for what comes after in a pipe."""
    shown = freestone("plan", cwd=tmp_path)
    assert shown.returncode == 78
    assert shown.stdout == ""
    assert shown.stderr.startswith(f"Error: freestone.toml: there is none in {tmp_path} or above it")
    assert len(shown.stderr.splitlines()) == 1


def test_debug_shows_the_traceback_too(freestone: Words) -> None:
    """The sentence still comes last."""
    shown = freestone("--debug", "plan")
    assert shown.returncode == 78
    assert shown.stderr.startswith("Traceback (most recent call last)")
    assert shown.stderr.splitlines()[-1].startswith("Error: freestone.toml: there is none")


def test_an_unknown_command_is_a_mistake_of_usage(freestone: Words) -> None:
    """Status 2, as for every program of its kind."""
    shown = freestone("rum")
    assert shown.returncode == 2
    assert "No such command 'rum'" in shown.stderr


def test_the_file_may_be_named_by_an_option_or_the_environment(freestone: Words, shop: Path) -> None:
    """The option wins; a directory stands for the file in it."""
    by_option = freestone("plan", "--file", str(shop / "freestone.toml"))
    by_environment = freestone("plan", env={"FREESTONE_FILE": str(shop)})
    assert by_option.returncode == by_environment.returncode == 0
    assert by_option.stdout == by_environment.stdout
    wrong = freestone("plan", "--file", "nowhere", env={"FREESTONE_FILE": str(shop)})
    assert wrong.returncode == 78
    assert "there is no file" in wrong.stderr

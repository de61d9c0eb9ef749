"""``freestone call`` against what runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Running, Start, Words


def test_a_result_is_printed_as_json(running_desk: Running, freestone: Words) -> None:
    """Arguments are what the contract makes of them; what is not given has its default."""
    shown = freestone("call", "desk.tally", "numbers=[1, 2]", cwd=running_desk.directory)
    assert json.loads(shown.stdout) == {"numbers": [1, 2], "subject": None}
    shown = freestone("call", "desk.tally", "numbers=[1, 2]", "times=3", "--as", "ada", cwd=running_desk.directory)
    assert json.loads(shown.stdout) == {"numbers": [3, 6], "subject": "ada"}


def test_a_stream_prints_an_item_a_line(running_desk: Running, freestone: Words) -> None:
    """As it comes."""
    assert freestone("call", "desk.count", "to=3", cwd=running_desk.directory).stdout == "0\n1\n2\n"


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["desk.put", "thing=elephant"], 1, "Error: FAILED_PRECONDITION (Full): it is too big [limit = 3]"),
        (["desk.tally", "numbers=[1]", "times=many"], 1, "Error: INVALID_ARGUMENT: "),
        (["desk.tally"], 1, "Error: INVALID_ARGUMENT: "),
        (
            ["desk.ponder", "until=/nowhere/never", "--deadline", "0.2"],
            1,
            "Error: DEADLINE_EXCEEDED: desk.ponder did not end by its deadline",
        ),
        (["desk.put", "ting=x"], 2, 'Error: desk.put has no parameter "ting"; it has thing'),
        (["desk.nothing"], 2, 'Error: desk has no operation "nothing"; it has tally, count, put, ponder'),
        (["door.open"], 2, 'Error: desk has no service "door"; it has desk, clerk'),
        (["desk"], 2, 'Error: "desk" is no operation; write SERVICE.METHOD'),
        (["desk.put", "elephant"], 2, 'Error: "elephant" is no argument; write NAME=VALUE'),
        (["desk.put", "--topology", "one", "thing=x"], 1, "Error: UNAVAILABLE: desk does not run as one here"),
    ],
)
def test_a_failure_is_a_sentence_and_a_status(
    running_desk: Running, freestone: Words, words: list[str], status: int, sentence: str
) -> None:
    """1 if the service said no or could not be reached, 2 if the command line makes no sense."""
    shown = freestone("call", *words, cwd=running_desk.directory)
    assert shown.stderr.startswith(sentence)
    assert shown.returncode == status
    assert shown.stdout == ""


def test_a_service_that_does_not_run_is_unavailable(freestone: Words, desk: Path) -> None:
    """The sentence says how to start it."""
    shown = freestone("call", "desk.put", "thing=pen", cwd=desk)
    assert shown.returncode == 1
    assert shown.stderr == "Error: UNAVAILABLE: desk does not run here; start it with `freestone run`\n"


def test_of_several_runs_one_must_be_named(running_desk: Running, start: Start, freestone: Words) -> None:
    """The same operation may be served by each."""
    start(running_desk.directory, "whole").until_said("desk runs as whole")
    shown = freestone("call", "clerk.sums", "numbers=[1, 2]", cwd=running_desk.directory)
    assert shown.returncode == 2
    assert shown.stderr == "Error: desk runs as cut and as whole; name one with --topology\n"
    shown = freestone("call", "clerk.sums", "numbers=[1, 2]", "-t", "whole", cwd=running_desk.directory)
    assert shown.stdout == "3\n"

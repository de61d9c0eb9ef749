"""The specification says what the code does: its examples are decoded, its tables are compared."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from freestone.errors import CANONICAL
from freestone.wire import CALL, CONNECTION, CallState, FrameType, Limits, Move, Reason, Side, State, decode, encode

TEXT = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()
EXAMPLES = re.findall(r"```hex\n(.*?)```\n\n```text\n(.*?)\n```", TEXT, re.DOTALL)


def example_bytes(block: str) -> bytes:
    """Return the bytes of a block of hex with comments after semicolons."""
    return bytes.fromhex("".join(line.partition(";")[0] for line in block.splitlines()))


@pytest.mark.parametrize(("block", "record"), EXAMPLES)
def test_an_example_decodes_to_its_record(block: str, record: str) -> None:
    """And the record is encoded to the same bytes."""
    data = example_bytes(block)
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    frame = decode(data[4], int.from_bytes(data[5:9], "big"), data[9:])
    assert repr(frame) == record
    assert encode(frame) == data


def test_every_frame_has_an_example() -> None:
    """In the order of their types, under a heading with its name."""
    assert [example_bytes(block)[4] for block, _ in EXAMPLES] == list(FrameType)
    for kind in FrameType:
        assert re.search(rf"^### .*\b{kind.name}\b", TEXT, re.MULTILINE), kind


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of Markdown."""
    head = list(head)
    lines = [head, *map(list, rows)]
    drawn = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([drawn[0], "|" + "---|" * len(head), *drawn[1:]])


def transitions(states: type[Enum], moves: Mapping[Any, str], after: Mapping[tuple[Any, Any], Any]) -> str:
    """Draw a table of transitions, a row a state and a column a move."""
    rows = (
        [state.value, *(after[state, move].value if (state, move) in after else "–" for move in moves)]
        for state in states
    )
    return table(["state", *moves.values()], rows)


def sentences(cls: type) -> dict[str, str]:
    """Return the sentence below each attribute of a class."""
    found = re.findall(r'^    (\w+)(?::[^=\n]*)? = [^\n]*\n    """(.*?)"""', inspect.getsource(cls), re.M | re.S)
    return {name: " ".join(text.split()) for name, text in found}


def test_the_states_of_a_connection_are_those_of_the_code() -> None:
    """Drawn from the table that Connection runs by."""
    assert transitions(State, {move: move.value for move in Move}, CONNECTION) in TEXT


def test_the_states_of_a_call_are_those_of_the_code() -> None:
    """Drawn from the table that Calls runs by, a table for what each side sends."""
    for side in Side:
        moves = {(side, frame): frame.name for frame in FrameType if any(key[1:] == (side, frame) for key in CALL)}
        after = {(state, (by, frame)): result for (state, by, frame), result in CALL.items()}
        assert transitions(CallState, moves, after) in TEXT


def test_the_limits_are_those_of_the_code() -> None:
    """Each with its default and its sentence."""
    text = sentences(Limits)
    rows = [[field.name, str(field.default), text[field.name]] for field in msgspec.structs.fields(Limits)]
    assert table(["limit", "default", "meaning"], rows) in TEXT


def test_the_reasons_are_those_of_the_code() -> None:
    """Each with its number and its sentence."""
    text = sentences(Reason)
    rows = [[str(reason.value), reason.name, text[reason.name]] for reason in Reason]
    assert table(["code", "reason", "meaning"], rows) in TEXT


def test_every_frame_is_in_the_table_of_frames() -> None:
    """With its number."""
    for kind in FrameType:
        assert f"| {kind.value} | {kind.name} |" in TEXT


def test_the_canonical_errors_are_named() -> None:
    """Another language must know them."""
    for error in CANONICAL:
        assert f"`{error.__name__}`" in TEXT, error

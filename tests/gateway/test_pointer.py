"""From the path of a field to a JSON Pointer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.contract import Contract, Message, query
from freestone.errors import InvalidArgument
from freestone.gateway.pointer import pointer, steps


class Resource(Message):
    minutes: int


class Phase(Message):
    resources: tuple[Resource, ...]


class Checker(Contract):
    @query
    async def check(self, phases: tuple[Phase, ...]) -> None:
        """Check phases."""


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("", ""),
        ("minutes", "/minutes"),
        ("resources[2].minutes", "/resources/2/minutes"),
        ("a[0][1]", "/a/0/1"),
        ("tags['a/b~c']", "/tags/a~1b~0c"),
        ("tags[...].name", "/tags"),
    ],
)
def test_a_field_has_a_pointer(field: str, expected: str) -> None:
    """Names, indices and keys become steps, and what is uncertain ends the pointer."""
    assert pointer(steps(field)) == expected


def resolve(document: Any, text: str) -> Any:
    """RFC 6901, section 4."""
    for token in text.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


@given(st.lists(st.lists(st.integers(0, 100), max_size=3), min_size=1, max_size=4), st.data())
def test_the_pointer_leads_to_the_value_at_fault(minutes: list[list[int]], data: st.DataObject) -> None:
    """Wherever the contract finds a wrong value, the pointer resolves to it."""
    places = [(i, j) for i, row in enumerate(minutes) for j in range(len(row))]
    if not places:
        return
    i, j = data.draw(st.sampled_from(places))
    document: Any = {"phases": [{"resources": [{"minutes": it} for it in row]} for row in minutes]}
    document["phases"][i]["resources"][j]["minutes"] = "WRONG"
    operation = Checker.check.__operation__  # type: ignore[attr-defined]
    with pytest.raises(InvalidArgument) as caught:
        operation.arguments_from(document, True)
    assert resolve(document, pointer(steps(caught.value.field))) == "WRONG"


@given(st.dictionaries(st.text(), st.integers(), min_size=1))
def test_any_key_can_be_pointed_to(document: dict[str, int]) -> None:
    """Escaping keeps every key apart."""
    for key, value in document.items():
        assert resolve(msgspec.json.decode(msgspec.json.encode(document)), pointer((key,))) == value

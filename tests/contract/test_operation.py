"""What an operation is, as a value."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator

import pytest

from freestone.contract import Contract, Message, Operation, command, operations, query


class Outline(Message):
    title: str
    tags: list[str] = []


class Catalog(Contract):
    @query
    async def path(self, name: str, limit: int = 3) -> Outline: ...

    @command
    async def save(self, outline: Outline, note: str) -> None: ...


PATH = operations(Catalog)["path"]
SAVE = operations(Catalog)["save"]


def test_an_operation_is_immutable() -> None:
    """It is shared by everybody who calls and serves."""
    with pytest.raises(AttributeError, match="an operation is immutable; name can't be set"):
        PATH.name = "other"
    with pytest.raises(AttributeError, match="an operation is immutable; name can't be deleted"):
        del PATH.name


def test_an_operation_is_equal_to_itself_alone() -> None:
    """So that it can be a key, and two contracts with a method of one name are not confused."""
    assert {PATH: 1}[PATH] == 1
    assert PATH != SAVE
    assert copy.deepcopy(PATH) is PATH
    assert copy.copy(PATH) is PATH


def test_an_operation_prints_as_what_it_is() -> None:
    """For logs and for debuggers."""
    assert repr(PATH) == "<query Catalog.path>"
    assert repr(SAVE) == "<command Catalog.save>"


def test_the_codec_is_compiled_at_its_first_use() -> None:
    """A program that declares a thousand operations pays for those that it uses."""

    class Fresh(Contract):
        @query
        async def path(self, name: str) -> str: ...

    fresh = operations(Fresh)["path"]

    def is_compiled(operation: Operation) -> bool:
        try:
            object.__getattribute__(operation, "encode_arguments")
        except AttributeError:
            return False
        return True

    assert not is_compiled(fresh)
    assert fresh.encode_arguments(("basics",)) == b"\x81\xa4name\xa6basics"
    assert is_compiled(fresh)


def test_what_an_operation_does_not_have_is_said() -> None:
    """A slip of the pen is no endless loop."""
    with pytest.raises(AttributeError, match="an operation has no attribute 'encode'"):
        _ = PATH.encode  # type: ignore[attr-defined]


def test_only_what_is_mutable_has_a_copier() -> None:
    """A caller looks, and calls nothing where there is nothing to copy."""
    outline = Outline("Basics", ["new"])

    assert PATH.copy_arguments is None
    assert SAVE.copy_result is None
    assert PATH.copy_result is not None
    assert SAVE.copy_arguments is not None
    assert PATH.copy_result(outline) == outline
    assert SAVE.copy_arguments((outline, "x"))[0].tags is not outline.tags


def test_arguments_are_bound_encoded_and_decoded() -> None:
    """From a call to bytes to a call."""
    bound = PATH.bind(("basics",), {})

    assert bound == ("basics", 3)
    assert PATH.decode_arguments(PATH.encode_arguments(bound)) == bound
    assert PATH.arguments_from({"name": "basics", "limit": "5"}, False) == ("basics", 5)
    assert PATH.decode_result(PATH.encode_result(Outline("a"))) == Outline("a")


def test_a_parameter_that_is_a_stream_is_apart_from_the_arguments() -> None:
    """It does not go with the request, and has its place among the parameters of the method."""

    class Archive(Contract):
        @command
        async def upload(self, name: str, parts: AsyncIterator[Outline], note: str = "") -> int: ...

    upload = operations(Archive)["upload"]
    assert [it.name for it in upload.parameters] == ["name", "note"]
    assert upload.takes is not None
    assert (upload.takes.name, upload.takes.type, upload.takes_at) == ("parts", Outline, 1)
    assert [(it.name, it.type) for it in upload.declared][1] == ("parts", AsyncIterator[Outline])
    assert upload.with_items(("a", "b"), "items") == ("a", "items", "b")
    outline = Outline(title="x", tags=["y"])
    assert upload.decode_item(upload.encode_item(outline)) == outline
    assert upload.copy_item is not None
    assert upload.copy_item(outline).tags is not outline.tags
    assert PATH.takes is None
    assert PATH.declared == PATH.parameters

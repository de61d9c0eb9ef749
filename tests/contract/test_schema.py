"""What a contract promises, as data."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from freestone.contract import Contract, Message, command, fingerprint, query, schema
from freestone.errors import FailedPrecondition


class Enrolment(Message):
    """One learner in one path."""

    learner: str
    done: tuple[str, ...] = ()


class Locked(FailedPrecondition):
    """Another resource comes first."""

    needs: tuple[str, ...]
    days: int = 1


class Progress(Contract):
    """How far each learner is."""

    @command(raises=[Locked])
    async def complete(self, learner: str, tags: frozenset[str] = frozenset({"b", "a"})) -> Enrolment:
        """Record a resource as done."""

    @query
    def watch(self) -> AsyncIterator[Enrolment]:
        """Follow everybody."""


def test_a_schema_says_all_that_a_contract_promises() -> None:
    """Operations with their parameters, results and errors; and what they are made of."""
    promised = schema(Progress)
    complete = promised["operations"]["complete"]

    assert promised["contract"] == "Progress"
    assert promised["doc"] == "How far each learner is."
    assert (complete["kind"], complete["stream"], complete["doc"]) == ("command", False, "Record a resource as done.")
    assert complete["parameters"] == [
        {"name": "learner", "type": "str", "schema": {"type": "string"}, "required": True},
        {
            "name": "tags",
            "type": "frozenset[str]",
            "schema": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "required": False,
            "default": ["a", "b"],
        },
    ]
    assert complete["result"] == {"type": "Enrolment", "schema": {"$ref": "#/definitions/Enrolment"}}
    assert promised["operations"]["watch"]["stream"]
    assert promised["definitions"]["Enrolment"]["required"] == ["learner"]


def test_a_schema_lists_the_errors_with_their_fields() -> None:
    """A caller in another language needs them too."""
    (locked,) = schema(Progress)["operations"]["complete"]["raises"]

    assert (locked["name"], locked["code"], locked["doc"]) == (
        "Locked",
        "FAILED_PRECONDITION",
        "Another resource comes first.",
    )
    assert [(field["name"], field["type"], field["required"]) for field in locked["fields"]] == [
        ("needs", "tuple[str, ...]", True),
        ("days", "int", False),
    ]
    assert locked["fields"][1]["default"] == 1


def test_a_schema_is_json() -> None:
    """It can be written to a file, and read again."""
    assert json.loads(json.dumps(schema(Progress))) == schema(Progress)


def variant(doc: str = "Return a path.", default: int = 3, result: type = int) -> type[Contract]:
    """Return a contract that differs from the others in one thing."""

    class Catalog(Contract):
        __doc__ = doc

        @query
        async def path(self, name: str, limit: int = default) -> result: ...  # type: ignore[valid-type]

    return Catalog


def test_a_fingerprint_is_16_digits_and_stays() -> None:
    """Two processes that run the same contract agree."""
    assert len(fingerprint(Progress)) == 16
    assert int(fingerprint(Progress), 16) >= 0
    assert fingerprint(variant()) == fingerprint(variant())


def test_a_fingerprint_changes_with_what_is_promised() -> None:
    """A type or a default makes another one."""
    assert len({fingerprint(variant()), fingerprint(variant(default=4)), fingerprint(variant(result=str))}) == 3


def test_a_fingerprint_does_not_depend_on_prose() -> None:
    """A better sentence breaks nobody."""
    assert fingerprint(variant(doc="Return a path, or so.")) == fingerprint(variant())


class Archive(Contract):
    @command
    async def upload(self, name: str, parts: AsyncIterator[int]) -> int: ...


def test_a_stream_of_the_caller_is_described_apart() -> None:
    """It does not go with the request; an operation without one has no such entry."""
    upload = schema(Archive)["operations"]["upload"]
    assert [it["name"] for it in upload["parameters"]] == ["name"]
    assert upload["takes"] == {"name": "parts", "type": "int", "schema": {"type": "integer"}, "required": True}
    assert all("takes" not in operation for operation in schema(Progress)["operations"].values())

"""From what a request brings to the arguments of an operation."""

# A contract's methods have a docstring for a body.
# mypy: disable-error-code="empty-body"
from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.contract import Contract, Message, Operation, query
from freestone.errors import InvalidArgument
from freestone.gateway.binding import Binding, WrongArguments
from freestone.gateway.problems import Fault


class Resource(Message):
    minutes: int


class Catalog(Contract):
    """The learning paths."""

    @query
    async def find(
        self, path: str, minutes: int, tags: tuple[str, ...] = (), like: Resource | None = None
    ) -> tuple[str, ...]:
        """Find resources."""


FIND: Operation = Catalog.find.__operation__  # type: ignore[attr-defined]


def binding(
    path: tuple[str, ...] = (), subject: str | None = None, whole_body: str | None = None, has_body: bool = True
) -> Binding:
    return Binding(FIND, path, subject, whole_body, has_body)


PLACES = st.sampled_from(["path", "query", "body"])


@given(st.text(st.characters(codec="utf-8")), st.integers(-(2**31), 2**31), PLACES, PLACES)
def test_it_makes_no_difference_where_an_argument_is_sent(
    path: str, minutes: int, path_at: str, minutes_at: str
) -> None:
    """Path, query string and body lead to the same call."""
    sources: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": {}}
    sources[path_at]["path"] = path
    sources[minutes_at]["minutes"] = minutes
    bound = binding(tuple(sources["path"]))
    sent = bound.sent(
        [str(it) for it in sources["path"].values()], urlencode(sources["query"]).encode(), sources["body"], None
    )
    assert bound.arguments(sent) == {"path": path, "minutes": minutes, "tags": (), "like": None}


def test_rubbish_is_not_given_back_in_full() -> None:
    """The list of faults has an end, however much is wrong."""
    bound = binding()
    with pytest.raises(WrongArguments) as caught:
        bound.arguments(bound.sent([], b"", {f"x{number}": 0 for number in range(1000)}, None))
    assert len(caught.value.faults) == 20


def test_the_subject_is_an_argument() -> None:
    """It comes from the identity, and the rest from the request."""
    bound = binding(subject="path")
    assert bound.arguments(bound.sent([], b"minutes=1", msgspec.UNSET, "ada"))["path"] == "ada"


def test_a_whole_body_may_be_null() -> None:
    """Which is not the same as no body."""
    bound = binding(("path",), whole_body="like")
    assert bound.arguments(bound.sent(["x"], b"minutes=1", None, None))["like"] is None
    assert bound.arguments(bound.sent(["x"], b"minutes=1", {"minutes": 5}, None))["like"] == Resource(minutes=5)


def test_a_whole_body_is_not_a_query_parameter() -> None:
    """It has one place."""
    bound = binding(("path",), whole_body="like")
    with pytest.raises(WrongArguments, match="there is no parameter like in the query; it takes minutes, tags"):
        bound.arguments(bound.sent(["x"], b"minutes=1&like=x", {"minutes": 5}, None))


def test_one_of_several_texts_is_pointed_to() -> None:
    """With its index."""

    class Numbers(Contract):
        """Numbers."""

        @query
        async def add(self, number: tuple[int, ...]) -> int:
            """Add numbers."""

    operation: Operation = Numbers.add.__operation__  # type: ignore[attr-defined]
    bound = Binding(operation, (), None, None, False)
    with pytest.raises(WrongArguments) as caught:
        bound.arguments(bound.sent([], b"number=1&number=x", msgspec.UNSET, None))
    assert caught.value.field == "number[1]"
    assert caught.value.faults == (Fault("query", ("number", "1"), "number[1]: Expected `int`, got `str`"),)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("minutes", [("query", ("minutes",))]),
        ("path", [("path", ("path",))]),
        ("like.minutes", [("body", ("like", "minutes"))]),
        ("tags[0]", [("body", ("tags", "0"))]),
        ("colour", []),
        ("", []),
    ],
)
def test_an_error_of_the_service_is_traced_to_what_was_sent(
    field: str, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    """To the place where this request had it, or would have had it; a field of something else to none."""
    bound = binding(("path",))
    sent = bound.sent(["x"], b"minutes=1", {"like": {"minutes": 1}}, None)
    faults = bound.faults_of(InvalidArgument("no", field=field), sent)
    assert faults == [Fault(place, path, "no") for place, path in expected]


def test_the_subject_is_nothing_that_the_client_could_correct() -> None:
    """An error about it points nowhere."""
    bound = binding(subject="path")
    sent = bound.sent([], b"minutes=1", msgspec.UNSET, "ada")
    assert bound.faults_of(InvalidArgument("no", field="path"), sent) == []


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()))))
def test_any_object_is_bound_or_refused(body: dict[str, Any]) -> None:
    """There is no third thing: no other exception, whatever the client sends."""
    bound = binding()
    with contextlib.suppress(WrongArguments, InvalidArgument):
        arguments = bound.arguments(bound.sent([], b"", body, None))
        assert (arguments["path"], arguments["minutes"]) == (body["path"], body["minutes"])

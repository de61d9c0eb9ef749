"""From a context to the end of a header, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.propagation import command_key, receive, tail
from freestone.clock import call_key
from freestone.contract import Contract, command, operations, query
from freestone.errors import InvalidArgument
from freestone.service import Context, ContextField, Extra, Identity, acting_as, current, keyed
from freestone.wire import request_tail

TENANT = ContextField[str]("test-tenant", default="nobody")
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Book(Contract):
    """A guest book."""

    @command
    async def sign(self) -> None:
        """Sign."""


SIGN = operations(Book)["sign"]

_READ: Any = msgspec.msgpack.Decoder(tuple[tuple[str, tuple[str, ...]] | None, dict[str, msgspec.Raw]]).decode


def fresh() -> Context:
    return Context(None, None, None, None, TRACE)


def opened(data: bytes) -> tuple[Any, Mapping[str, Any]]:
    """Return the identity and the extras of a tail, as a header has them."""
    identity, extra = _READ(b"\x92" + data)
    return identity, extra


def plain(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: msgspec.msgpack.decode(data) for name, data in extra.items()}


def test_a_call_with_nothing_to_say_costs_nothing() -> None:
    """Its tail was made before, and the context of the callee has nothing of its own."""
    assert tail(None) is request_tail()
    assert tail(fresh()) is request_tail()
    with acting_as(Identity("ada", ("read",))):
        assert tail(current()) is request_tail("ada", ("read",))
    context = fresh()
    receive(context, {})
    assert msgspec.structs.astuple(context) == msgspec.structs.astuple(fresh())


def test_a_command_carries_its_key() -> None:
    """And nothing else."""
    key = call_key()
    assert len(key) == 32
    assert plain(opened(tail(None, key))[1]) == {"key": key}
    assert plain(opened(tail(None, "order-17"))[1]) == {"key": "order-17"}


def test_a_query_has_no_key() -> None:
    """Not even one that came with it."""

    class Desk(Contract):
        """Reads and writes."""

        @query
        async def look(self) -> None:
            """Look."""
            ...

        @command
        async def sign(self) -> None:
            """Sign."""
            ...

    extra = opened(tail(None, "order-17"))[1]
    keys: dict[str, str | None] = {}
    for name, operation in operations(Desk).items():
        context = Context(operation, None, None, None, TRACE)
        receive(context, extra)
        keys[name] = context.idempotency_key
    assert keys == {"look": None, "sign": "order-17"}


def test_keys_differ() -> None:
    """Those of two commands always do."""
    assert len({call_key() for _ in range(1000)}) == 1000


def test_a_given_key_is_the_key_of_the_command_that_is_called() -> None:
    """It is for that one alone: a callee makes keys of its own."""
    with keyed("order-17"):
        assert command_key(current(), "desk.sign", SIGN, ()) == "order-17"
        assert opened(tail(current()))[1] == {}
    context = fresh()
    receive(context, opened(tail(None, "order-17"))[1])
    assert context.idempotency_key == "order-17"
    assert command_key(context, "desk.sign", SIGN, ()) != "order-17"


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\nb"])
def test_a_key_is_short_and_printable(key: str) -> None:
    """Here, and from whoever sends one."""
    with pytest.raises(ValueError, match="an idempotency key has 1 to 255 printable characters"):
        keyed(key)
    with pytest.raises(InvalidArgument, match="the key of the request is no idempotency key"):
        receive(fresh(), opened(tail(None, key))[1])


texts = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)


@given(
    identity=st.none()
    | st.builds(Identity, st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3).map(tuple)),
    key=st.none() | texts,
    attempt=st.integers(0, 2**40),
    span=st.none() | st.just(SPAN),
    flags=st.integers(0, 255),
    state=st.text(max_size=20),
    fields=st.dictionaries(st.text(max_size=10), st.integers(-5, 5).map(msgspec.msgpack.encode), max_size=4),
)
def test_what_is_sent_is_received(
    identity: Identity | None, key: str | None, attempt: int, span: str | None, flags: int, state: str,
    fields: dict[str, bytes],
) -> None:  # fmt: skip
    """Whatever there is to say, and whether the fields are known or not."""
    caller, callee = fresh(), fresh()
    caller.identity = identity
    if span is not None or flags or state or fields:
        caller.extra = Extra(span_id=span, flags=flags, state=state, fields=fields)
    sent = tail(caller, key, attempt)
    who, extra = opened(sent)
    assert who == (None if identity is None else (identity.subject, identity.scopes))
    receive(callee, extra)
    assert (callee.idempotency_key, callee.attempt) == (key, attempt)
    assert (callee.span_id, callee.flags, callee.state) == (span, flags, state)
    assert callee.fields == fields
    # What it passes on is the same, but for what belongs to this call alone.
    callee.identity = identity
    again = fresh()
    receive(again, opened(tail(callee))[1])
    assert (again.span_id, again.flags, again.state, again.fields) == (span, flags, state, fields)
    assert (again.idempotency_key, again.attempt) == (None, 0)


def test_a_field_that_is_not_known_is_passed_on_unread() -> None:
    """Whatever its bytes are."""
    callee = fresh()
    receive(callee, {"fields": msgspec.Raw(msgspec.msgpack.encode({"of-another-version": {"deep": [1, 2]}}))})
    _, extra = opened(tail(callee))
    assert plain(extra) == {"fields": {"of-another-version": {"deep": [1, 2]}}}


@given(
    st.dictionaries(
        st.sampled_from(["key", "attempt", "span", "flags", "state", "fields", "else"]),
        st.binary(min_size=1, max_size=20),
    )
)
def test_any_extras_are_received_or_refused(extra: dict[str, bytes]) -> None:
    """A server raises nothing but InvalidArgument."""
    try:
        receive(fresh(), {name: msgspec.Raw(data) for name, data in extra.items()})
    except InvalidArgument as error:
        assert "of the request" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ({"key": 5}, "key of the request is wrong: Expected `str`, got `int`"),
        ({"attempt": 0}, "attempt of the request is wrong: Expected `int` >= 1"),
        ({"fields": [1]}, "fields of the request is wrong: Expected `object`, got `array`"),
        ({"fields": {"test-tenant": 5}}, "the context field test-tenant is wrong: Expected `str`, got `int`"),
        ({"fields": {"a": "x" * 9000}}, "the context fields of the request have 9004 bytes; at most 8192 may travel"),
    ],
)
def test_what_is_wrong_is_an_invalid_argument(extra: dict[str, Any], text: str) -> None:
    """The call is not begun."""
    with pytest.raises(InvalidArgument) as caught:
        receive(fresh(), {name: msgspec.Raw(msgspec.msgpack.encode(value)) for name, value in extra.items()})
    assert str(caught.value) == text


@pytest.mark.parametrize("extra", [{"span": "x"}, {"span": 5}, {"flags": 1000}, {"state": "x" * 600}, {"flags": "a"}])
def test_tracing_never_fails_a_call(extra: dict[str, Any]) -> None:
    """What is wrong with it is left out."""
    callee = fresh()
    receive(callee, {name: msgspec.Raw(msgspec.msgpack.encode(value)) for name, value in extra.items()})
    assert (callee.span_id, callee.flags, callee.state) == (None, 0, "")
    assert callee.extra is None

"""The fields that an application declares for the context of its calls."""

from __future__ import annotations

import asyncio
import gc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from freestone.contract import Message
from freestone.errors import DeclarationError, InvalidArgument
from freestone.service import ContextField, Identity, acting_as, current, deadline, declared_field


class Place(Message):
    """A value with fields of its own."""

    country: str
    zone: int = 0


def test_a_field_has_its_default_where_nobody_has_set_it() -> None:
    """Also outside of every call."""
    field = ContextField[str]("field-default", default="nobody")
    assert field.get() == "nobody"


def test_a_field_without_a_default_must_be_set() -> None:
    """The error says which one, and what to do."""
    field = ContextField("field-unset", str)
    with pytest.raises(LookupError, match=r"field-unset is not set here; set it around the call, or give it a default"):
        field.get()


def test_a_field_is_set_for_a_block() -> None:
    """The innermost value holds, and the outer one is there again afterwards."""
    field = ContextField("field-block", int, default=0)
    with field.set(1):
        with field.set(2):
            assert field.get() == 2
        assert field.get() == 1
    assert field.get() == 0
    assert current() is None


def test_fields_do_not_disturb_each_other() -> None:
    """Nor who asks, nor the trace."""
    one, two = ContextField("field-one", str), ContextField("field-two", Place)
    with acting_as(Identity("ada")) as outer, one.set("a"), two.set(Place("at", 3)):
        context = current()
        assert context is not None
        assert (one.get(), two.get()) == ("a", Place("at", 3))
        assert (context.identity, context.trace_id) == (outer.identity, outer.trace_id)


async def test_a_field_stays_within_a_deadline_and_another_identity() -> None:
    """Blocks within the block keep it."""
    field = ContextField("field-kept", str)
    with field.set("a"):
        async with deadline(5):
            assert field.get() == "a"
        with acting_as(None):
            assert field.get() == "a"


async def test_a_task_has_the_fields_of_where_it_was_made() -> None:
    """As with every context variable."""
    field = ContextField("field-task", str, default="")

    async def read() -> str:
        return field.get()

    with field.set("a"):
        task = asyncio.create_task(read())
    assert await task == "a"
    assert await read() == ""


def test_a_value_is_what_would_arrive() -> None:
    """An integer for a Decimal would not; a number for a float would, as a float."""
    field = ContextField("field-number", float)
    with field.set(1):
        assert type(field.get()) is float
    price = ContextField("field-price", Decimal)
    with price.set(Decimal("1.50")):
        assert price.get() == Decimal("1.50")


def test_a_value_of_another_type_is_refused() -> None:
    """Where it is set, not where it arrives."""
    field = ContextField("field-type", str)
    wrong: Any = 5
    with pytest.raises(TypeError, match=r"field-type can't be 5: Expected `str`, got `int`"):
        field.set(wrong)


def test_a_value_that_is_too_large_is_refused() -> None:
    """One by itself, and all of them together."""
    field = ContextField("field-large", str)
    with pytest.raises(ValueError, match=r"field-large has 1027 bytes, and at most 1024 travel with every call"):
        field.set("x" * 1024)
    fields = [ContextField(f"field-many-{number}", str) for number in range(9)]
    with (
        fields[0].set("x" * 1000), fields[1].set("x" * 1000), fields[2].set("x" * 1000), fields[3].set("x" * 1000),
        fields[4].set("x" * 1000), fields[5].set("x" * 1000), fields[6].set("x" * 1000), fields[7].set("x" * 1000),
        pytest.raises(ValueError, match=r"the context fields have \d+ bytes, and at most 8192 travel"),
    ):  # fmt: skip
        fields[8].set("x" * 1000)


def mistakes(*arguments: Any, **options: Any) -> str:
    with pytest.raises(DeclarationError) as caught:
        ContextField(*arguments, **options)
    (mistake,) = caught.value.mistakes
    assert Path(mistake.file) == Path(__file__)
    assert mistake.line > 0
    return f"{mistake.subject}: {mistake.problem}; {mistake.advice}"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (list[str], "list[str]: its values can change; say tuple[T, ...], or a Message of such"),
        (dict[str, int], "dict[str, int]: its values can change; say tuple[T, ...], or a Message of such"),
        (object, 'object: "object" can\'t cross a process boundary; name a concrete type'),
    ],
)  # fmt: skip
def test_a_type_that_is_mutable_or_can_not_cross_is_refused(kind: Any, text: str) -> None:
    """When the field is declared, with the place."""
    assert mistakes("wrong", kind) == f"context field wrong, type: {text}"


def test_a_field_says_its_type() -> None:
    """One way or the other."""
    assert mistakes("wrong") == 'context field wrong: it has no type; say ContextField("wrong", str), or what it is'


def test_a_default_is_of_the_type() -> None:
    """As a value is."""
    assert mistakes("wrong", int, default="a") == (
        "context field wrong: its default 'a' is wrong: Expected `int`, got `str`; change one of them"
    )


def test_two_fields_of_one_name_are_refused() -> None:
    """A callee could not tell them apart. A name is free again when its field is gone."""
    field = ContextField("field-twice", str)
    assert mistakes("field-twice", int) == (
        "context field field-twice: another field has that name; give one of them another name"
    )
    assert declared_field("field-twice") is field
    del field
    gc.collect()
    assert declared_field("field-twice") is None
    ContextField("field-twice", int)


def test_what_arrives_is_validated() -> None:
    """With the field's name in the error."""
    field = ContextField("field-arrived", int)
    assert field.decode(b"\x05") == 5
    with pytest.raises(InvalidArgument, match=r"the context field field-arrived is wrong: Expected `int`, got `str`"):
        field.decode(b"\xa1a")

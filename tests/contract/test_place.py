"""Where mistakes are said to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from freestone.contract import class_place, function_place
from freestone.errors import DeclarationError


@dataclass
class Sample:
    first: int

    second = 3

    def method(
        self,
        one: int,
        two: str,
    ) -> None: ...


class Derived(Sample): ...


def line_of(text: str) -> int:
    with open(__file__, encoding="utf-8") as source:
        return next(number for number, line in enumerate(source, 1) if line.strip().startswith(text))


def test_a_class_is_where_its_statement_is() -> None:
    """Not where its decorators are."""
    assert class_place(Sample) == (__file__, line_of("class Sample"))


@pytest.mark.parametrize(
    ("name", "text"), [("first", "first: int"), ("second", "second = 3"), ("method", "def method(")]
)
def test_an_attribute_is_found_in_the_body(name: str, text: str) -> None:
    """An annotation, a value, or a method; also in a base."""
    assert class_place(Sample, name) == (__file__, line_of(text))
    assert class_place(Derived, name) == (__file__, line_of(text))


def test_an_attribute_that_is_not_in_the_source_is_at_its_class() -> None:
    """It was put there by something else."""
    assert class_place(Sample, "__eq__") == class_place(Sample)


def test_a_parameter_has_a_line_of_its_own() -> None:
    """A signature may be long."""
    assert function_place(Sample.method) == (__file__, line_of("def method("))
    assert function_place(Sample.method, "two") == (__file__, line_of("two: str"))
    assert function_place(Sample.method, "return") == (__file__, line_of(") -> None: ..."))


def test_a_class_in_a_function_is_found() -> None:
    """By its qualified name."""

    class Inner:
        here: int

    assert class_place(Inner, "here") == (__file__, line_of("here: int"))


def test_what_has_no_source_has_no_place_but_its_mistake() -> None:
    """As what is typed at a prompt."""
    made: dict[str, Any] = {"__name__": "typed_at_a_prompt"}
    source = "from freestone.contract import *\nclass C(Contract):\n    @query\n    async def m(self, a) -> int: ...\n"

    with pytest.raises(DeclarationError) as caught:
        exec(compile(source, "<prompt>", "exec"), made)

    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line) == ("<prompt>", 3)
    assert str(mistake).startswith("<prompt>:3: C.m, parameter a: it has no annotation")

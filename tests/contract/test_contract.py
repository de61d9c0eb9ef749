"""What a contract is, and what is read from it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from freestone.contract import (
    REQUIRED,
    Contract,
    Kind,
    Message,
    Parameter,
    command,
    contract_of,
    operations,
    query,
)
from freestone.errors import DeclarationError, NotFound


class Enrolment(Message):
    learner: str
    done: tuple[str, ...] = ()


class Progress(Contract):
    """How far each learner is."""

    LIMIT = 10

    @query
    async def enrolment(self, learner: str, path: str = "basics") -> Enrolment:
        """Return the learner's enrolment."""

    @command(raises=[NotFound])
    async def complete(self, learner: str) -> None:
        """Record a resource as done."""

    @query
    def watch(self, learner: str) -> AsyncIterator[Enrolment]:
        """Follow a learner."""

    async def _remember(self) -> None:
        """What is private is no operation."""


class ProgressService(Progress):
    """Keeps it."""


def test_operations_are_read_from_the_decorated_methods() -> None:
    """By name, in the order of the class; nothing else is one."""
    assert list(operations(Progress)) == ["enrolment", "complete", "watch"]


def test_an_operation_says_what_its_method_says() -> None:
    """Its kind, its parameters with types and defaults, its result, and where it is."""
    enrolment = operations(Progress)["enrolment"]

    assert enrolment.name == "enrolment"
    assert enrolment.contract is Progress
    assert enrolment.kind is Kind.QUERY
    assert enrolment.parameters == (Parameter("learner", str, REQUIRED), Parameter("path", str, "basics"))
    assert [parameter.required for parameter in enrolment.parameters] == [True, False]
    assert enrolment.result is Enrolment
    assert not enrolment.streams
    assert enrolment.doc == "Return the learner's enrolment."
    assert enrolment.file == __file__
    assert enrolment.line > 1


def test_a_stream_has_the_type_of_its_items() -> None:
    """Each item crosses as a result does."""
    watch = operations(Progress)["watch"]

    assert watch.streams
    assert watch.result is Enrolment


def test_a_command_lists_its_errors() -> None:
    """What it may raise is part of what it promises."""
    complete = operations(Progress)["complete"]

    assert complete.kind is Kind.COMMAND
    assert complete.raises == (NotFound,)


def test_the_method_leads_to_its_operation() -> None:
    """So that a route can name the method itself."""
    assert Progress.enrolment.__operation__ is operations(Progress)["enrolment"]  # type: ignore[attr-defined]


def test_what_keeps_a_contract_knows_it() -> None:
    """A contract, a service and an instance of it all lead to the contract."""
    assert contract_of(Progress) is Progress
    assert contract_of(ProgressService) is Progress
    assert contract_of(ProgressService()) is Progress
    assert operations(ProgressService) is operations(Progress)


@pytest.mark.parametrize("other", [Contract, int, object()])
def test_what_keeps_no_contract_is_refused(other: object) -> None:
    """With a sentence."""
    with pytest.raises(TypeError, match="keeps no contract; derive it from one"):
        contract_of(other)


def test_a_contract_may_be_declared_in_a_function() -> None:
    """Names around the class are found, though annotations are text here."""

    class Local(Message):
        title: str

    class Catalog(Contract):
        class Inner(Message):
            minutes: int

        @query
        async def path(self, inner: Inner) -> Local: ...

    path = operations(Catalog)["path"]
    assert path.result is Local
    assert path.parameters[0].type is Catalog.Inner


def test_a_method_may_have_the_name_of_a_type() -> None:
    """``list`` in an annotation means the type, also after a method of that name."""

    class Catalog(Contract):
        @query
        async def list(self) -> tuple[str, ...]: ...

        @query
        async def paths(self) -> list[str]: ...  # type: ignore[valid-type]

    assert operations(Catalog)["paths"].result == list[str]


def test_helpers_of_a_service_may_be_overloaded_by_name() -> None:
    """Only two methods that the contract promises are a mistake; a property with a setter is none."""

    class Keeper(Progress):
        @property
        def size(self) -> int:
            return self._size

        @size.setter
        def size(self, size: int) -> None:
            self._size = size

    assert contract_of(Keeper) is Progress


def test_all_mistakes_are_in_one_error() -> None:
    """With each as a record, for tools."""
    with pytest.raises(DeclarationError) as caught:

        class Catalog(Contract):
            @query
            async def one(self, a): ...  # type: ignore[no-untyped-def]

            @query
            def two(self) -> int: ...

    assert [mistake.subject for mistake in caught.value.mistakes] == [
        "Catalog.one, parameter a",
        "Catalog.one",
        "Catalog.two",
    ]
    assert all(mistake.file == __file__ and mistake.line and mistake.advice for mistake in caught.value.mistakes)

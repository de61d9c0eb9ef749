"""What @service makes of a class; its mistakes are in the catalogue."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from freestone.clock import Clock, Ids, Random, SystemClock
from freestone.contract import Contract, command, query
from freestone.errors import DeclarationError
from freestone.service import Settings, dependencies, service


class Catalog(Contract):
    @query
    async def title(self, path: str, short: bool = False) -> str: ...


class Progress(Contract):
    @command
    async def complete(self, learner: str, path: str) -> str: ...

    @query
    def watch(self, path: str) -> AsyncIterator[str]: ...


class ProgressSettings(Settings):
    limit: int = 3


class Store:
    """Something that a service owns."""

    __freestone_resource__ = "store"


@service
class ProgressService(Progress):
    KIND: ClassVar[str] = "progress"

    store: Store
    settings: ProgressSettings
    catalog: Catalog
    clock: Clock
    random: Random
    ids: Ids

    async def start(self) -> None:
        self.started = True

    async def complete(self, learner, path):  # type: ignore[no-untyped-def]
        return f"{learner}: {await self.catalog.title(path)}"

    async def watch(self, path):  # type: ignore[no-untyped-def]
        yield path


class FakeCatalog(Catalog):
    async def title(self, path: str, short: bool = False) -> str:
        return path.upper()


WANTED = {
    "store": Store,
    "settings": ProgressSettings,
    "catalog": Catalog,
    "clock": Clock,
    "random": Random,
    "ids": Ids,
}


def test_annotated_attributes_are_dependencies() -> None:
    """In their order, each with its type; what belongs to the class is none."""
    assert dict(dependencies(ProgressService)) == WANTED
    assert list(dependencies(ProgressService)) == list(WANTED)


async def test_a_service_is_constructed_by_hand() -> None:
    """A unit test gives it fakes by name, and awaits its methods."""

    @service
    class Small(Progress):
        catalog: Catalog

        async def complete(self, learner: str, path: str) -> str:
            return await self.catalog.title(path)

        async def watch(self, path: str) -> AsyncIterator[str]:
            yield path

    small = Small(catalog=FakeCatalog())

    assert await small.complete("ada", "basics") == "BASICS"
    assert [item async for item in small.watch("basics")] == ["basics"]


def test_the_constructor_says_what_is_missing_and_what_is_unknown() -> None:
    """All of it at once, by name."""
    with pytest.raises(TypeError) as caught:
        ProgressService(store=Store(), clock=SystemClock(), colour="red")  # type: ignore[call-arg]

    assert str(caught.value) == (
        "ProgressService needs settings, needs catalog, needs random, needs ids, does not know colour"
    )


def test_the_constructor_takes_names_only() -> None:
    """So that dependencies may be reordered."""
    with pytest.raises(TypeError, match="positional"):
        ProgressService(Store())  # type: ignore[call-arg]


def test_the_constructor_has_a_signature() -> None:
    """For those who look at it, as editors and documentation do."""
    parameters = inspect.signature(ProgressService).parameters

    assert list(parameters) == list(WANTED)
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values())
    assert parameters["catalog"].annotation is Catalog


def test_a_service_may_need_nothing() -> None:
    """It is constructed without arguments."""

    @service
    class Plain(Catalog):
        async def title(self, path: str, short: bool = False) -> str:
            return path

    assert dict(dependencies(Plain)) == {}
    assert isinstance(Plain(), Catalog)


def test_dependencies_of_a_base_are_kept() -> None:
    """A service may share its upper part with another."""

    class Shared(Progress):
        catalog: Catalog

        async def complete(self, learner: str, path: str) -> str:
            return path

    @service
    class Whole(Shared):
        clock: Clock

        def watch(self, path: str) -> AsyncIterator[str]:
            raise NotImplementedError

    assert dict(dependencies(Whole)) == {"catalog": Catalog, "clock": Clock}


def test_a_class_that_is_no_service_has_no_dependencies() -> None:
    """It is said, and not taken for a service without any."""
    with pytest.raises(TypeError, match="FakeCatalog is no service; decorate it with @service"):
        dependencies(FakeCatalog)


def test_a_service_may_take_more_where_it_has_a_default() -> None:
    """Nobody gives it through the contract; a test or a colleague may."""

    @service
    class Generous(Catalog):
        async def title(self, path: str, short: bool = False, *, shout: bool = False) -> str:
            return path.upper() if shout else path

    assert dict(dependencies(Generous)) == {}


def test_all_mistakes_of_a_service_are_in_one_error() -> None:
    """Those of its methods and those of its dependencies."""
    with pytest.raises(DeclarationError) as caught:

        @service
        class Bad(Progress):
            store: int
            progress: Progress

            async def complete(self, learner: int, path: str) -> str:  # type: ignore[override]
                return path

            def start(self) -> None: ...

    assert [mistake.subject for mistake in caught.value.mistakes] == [
        "Bad.watch",
        "Bad.store: int",
        "Bad.progress: Progress",
        "Bad.complete, parameter learner: int",
        "Bad.start",
    ]
    assert all(mistake.file == __file__ and mistake.line and mistake.advice for mistake in caught.value.mistakes)

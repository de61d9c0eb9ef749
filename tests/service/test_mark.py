"""Methods that the framework calls, and that no contract promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from freestone.contract import Contract, Report, query
from freestone.errors import DeclarationError
from freestone.service import leave_mark, marked, marks_on, service


class Desk(Contract):
    @query
    async def tally(self) -> int:
        """Return a number."""


class Bell:
    """A mark that wants a method to have a short name."""

    def __init__(self, times: int) -> None:
        self.times = times

    def check(self, cls: type, attribute: Any, name: str, scope: Mapping[str, Any], report: Report) -> None:
        if len(name) > 8:
            report.add(f"{cls.__name__}.{name}", f"its name is too long to ring {self.times} times", "shorten it")


class Other:
    def check(self, cls: type, attribute: Any, name: str, scope: Mapping[str, Any], report: Report) -> None:
        """Has nothing to say."""


def ring(times: int) -> Any:
    def mark(method: Any) -> Any:
        leave_mark(method, Bell(times))
        return method

    return mark


def test_marks_are_found_again_in_the_order_of_the_class() -> None:
    """Those of a base first; a method that is overridden has the marks of the nearest."""

    class Base(Desk):
        @ring(1)
        async def first(self) -> None: ...

        @ring(2)
        async def second(self) -> None: ...

    @service
    class Ringing(Base):
        async def tally(self) -> int:
            return 0

        async def second(self) -> None: ...

        @ring(4)
        @ring(3)
        async def third(self) -> None: ...

    leave_mark(Ringing.third, Other())
    assert [(name, bell.times) for name, bell in marked(Ringing, Bell)] == [("first", 1), ("third", 3), ("third", 4)]
    assert [name for name, _ in marked(Ringing, Other)] == ["third"]
    assert marks_on(Ringing.tally) == ()


def test_what_a_mark_finds_wrong_is_reported_with_all_else() -> None:
    """A service tells its mistakes together, whichever room has found them."""
    with pytest.raises(DeclarationError) as caught:

        @service
        class Ringing(Desk):
            number: int

            async def tally(self) -> int:
                return 0

            @ring(3)
            async def third_of_many(self) -> None: ...

    told = [str(mistake).rpartition("Ringing.")[2] for mistake in caught.value.mistakes]
    assert "third_of_many: its name is too long to ring 3 times; shorten it" in told
    assert len(told) == 2

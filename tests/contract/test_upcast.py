"""Older versions of an event are brought up to the present one; mistakes in a declaration are in the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.contract import Contract, Event, upcast, upcasted

Fields = dict[str, Any]


class Courses(Contract):
    class Completed(Event, key="learner", version=4):
        learner: str
        resource: str
        minutes: int
        trail: tuple[int, ...]

        @upcast(from_version=1)
        @staticmethod
        def renamed(fields: Fields) -> Fields:
            return {"learner": fields["learner"], "resource": fields["course"], "trail": [1]}

        @staticmethod
        @upcast(from_version=2)
        def counted(fields: Fields) -> Fields:
            return {**fields, "minutes": 0, "trail": [*fields["trail"], 2]}

        @upcast(from_version=3)
        @staticmethod
        def doubled(fields: Fields) -> Fields:
            return {**fields, "minutes": fields["minutes"] * 2, "trail": [*fields["trail"], 3]}

    class Left(Event, key="learner", version=3):
        learner: str

        @upcast(from_version=2)
        @staticmethod
        def same(fields: Fields) -> Fields:
            return fields


@given(learner=st.text(), course=st.text())
def test_the_oldest_version_passes_every_upcaster_in_order(learner: str, course: str) -> None:
    """However the decorators are ordered, and wherever the functions stand."""
    found = upcasted(Courses.Completed, {"learner": learner, "course": course}, 1)

    assert found == {"learner": learner, "resource": course, "minutes": 0, "trail": [1, 2, 3]}


@given(version=st.integers(2, 4), minutes=st.integers())
def test_an_upcaster_is_applied_to_older_versions_alone(version: int, minutes: int) -> None:
    """An event enters the chain at its own version, so to go on halfway is the same as to go the whole way."""
    fields: Fields = {"learner": "ada", "resource": "a", "minutes": minutes, "trail": []}

    found = upcasted(Courses.Completed, fields, version)

    assert found["trail"] == list(range(version, 4))
    if version == 3:
        assert found["minutes"] == minutes * 2
    if version == 4:
        assert found is fields


def test_a_later_version_is_refused_with_what_to_do() -> None:
    """An older process can't know what a newer one means."""
    with pytest.raises(LookupError, match=r"published in version 5.*up to version 4; deploy the newer contract here"):
        upcasted(Courses.Completed, {}, 5)


def test_a_version_that_nothing_brings_up_is_refused_with_what_to_do() -> None:
    """Upcasters may begin late, once the log has nothing older; an event from before is still not guessed at."""
    assert upcasted(Courses.Left, {"learner": "ada"}, 2) == {"learner": "ada"}
    with pytest.raises(
        LookupError, match=r"nothing brings version 1 up to 2; declare @upcast\(from_version=1\) in Left"
    ):
        upcasted(Courses.Left, {"learner": "ada"}, 1)


def test_an_upcaster_is_no_field_of_its_event() -> None:
    """It is beside them."""
    event = Courses.Left("ada")
    assert event.__struct_fields__ == ("learner",)

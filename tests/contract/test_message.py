"""What a message and an event are."""

from __future__ import annotations

import pytest

from freestone.contract import Event, Message
from freestone.errors import DeclarationError


class Outline(Message):
    title: str
    steps: tuple[str, ...] = ()


class ResourceCompleted(Event, key="learner", name="Completed", version=2):
    learner: str
    resource: str
    before: ResourceCompleted | None = None


class Retired(Event, key="path"):
    path: str


class RetiredForGood(Retired):
    reason: str


def test_a_message_is_immutable() -> None:
    """Nobody can change what somebody else was given."""
    outline = Outline("Basics")
    with pytest.raises(AttributeError, match="immutable"):
        outline.title = "Other"  # type: ignore[misc]


def test_a_message_is_a_value() -> None:
    """Equal by its fields, and usable as a key."""
    assert {Outline("Basics"): 1}[Outline(title="Basics")] == 1


def test_an_event_has_a_key_a_name_and_a_version() -> None:
    """They are declared with the class."""
    assert ResourceCompleted.__event_key__ == "learner"
    assert ResourceCompleted.__event_name__ == "Completed"
    assert ResourceCompleted.__event_version__ == 2


def test_an_event_is_named_after_its_class() -> None:
    """Where nothing else is said; and is of version 1."""
    assert (Retired.__event_name__, Retired.__event_version__) == ("Retired", 1)


def test_an_event_that_derives_from_another_keeps_its_key() -> None:
    """It is ordered with it."""
    assert (RetiredForGood.__event_key__, RetiredForGood.__event_name__) == ("path", "RetiredForGood")


def test_an_event_is_a_message() -> None:
    """With fields by position and by name."""
    assert ResourceCompleted("ada", resource="basics") == ResourceCompleted(learner="ada", resource="basics")


def test_all_mistakes_of_an_event_are_reported() -> None:
    """Together, each at its field."""
    with pytest.raises(DeclarationError) as caught:

        class Bad(Event, key="student", version=0):
            learner: object
            resource: list  # type: ignore[type-arg]

    assert len(caught.value.mistakes) == 4

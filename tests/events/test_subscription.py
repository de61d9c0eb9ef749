"""What @subscribe makes of a method; its mistakes are in the catalogue."""

from __future__ import annotations

from freestone.contract import Contract, Event, command
from freestone.events import Subscription, subscribe, subscriptions
from freestone.service import service


class Paths(Contract):
    class Retired(Event, key="path"):
        path: str

    class Renamed(Event, key="path"):
        path: str
        title: str


class Enrolments(Contract):
    @command
    async def close(self, path: str) -> None: ...


class Listening:
    """What several services have in common."""

    @subscribe(Paths.Retired)
    async def forget(self, event):  # type: ignore[no-untyped-def]
        return ("forget", event)

    @subscribe(Paths.Renamed)
    async def rename(self, event: Paths.Renamed) -> None: ...


@service
class EnrolmentService(Listening, Enrolments):
    async def close(self, path):  # type: ignore[no-untyped-def]
        return None

    @subscribe(
        Paths.Renamed, name="titles", start="beginning", tries=3, backoff="250ms", deadline="2m", on_failure="skip",
        concurrency=4,
    )  # fmt: skip
    async def rename(self, event: Paths.Renamed) -> None: ...


def test_a_subscribed_method_is_listed_under_its_name_and_with_what_holds_by_default() -> None:
    """The name of the method is the one that its position is kept under; methods of a base are heard too."""
    forget, _ = subscriptions(EnrolmentService)

    assert forget == Subscription(Paths.Retired, "forget", "forget")
    assert (forget.start, forget.tries, forget.deadline, forget.on_failure) == ("now", 8, 30.0, "wait")


def test_what_a_decorator_says_holds_and_replaces_what_a_base_says() -> None:
    """Durations are in seconds; the method that the class has itself is the one that hears."""
    _, rename = subscriptions(EnrolmentService)

    assert rename == Subscription(
        Paths.Renamed, "titles", "rename", start="beginning", tries=3, backoff=0.25, deadline=120.0, on_failure="skip",
        concurrency=4,
    )  # fmt: skip


async def test_a_subscribed_method_is_an_ordinary_one() -> None:
    """A unit test constructs the service and awaits it."""
    event = Paths.Retired("basics")
    assert await EnrolmentService().forget(event) == ("forget", event)


def test_a_service_without_any_is_subscribed_to_nothing() -> None:
    """The list is empty."""
    assert subscriptions(Paths) == ()

"""Co-located calls: direct, and yet with every rule of the boundary."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from freestone.call import BoundaryMismatch, CallPolicy, CodecTransport, Dispatcher, LocalTransport, Policies, client
from freestone.contract import Contract, Message, command, query
from freestone.errors import (
    Cancelled,
    ConnectionLost,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    NotFound,
    Unavailable,
    Unimplemented,
)
from freestone.service import Identity, acting_as, current, deadline
from freestone.signals import SIGNALS, CallEnded, Signal


class Full(FailedPrecondition):
    """There is no room."""

    seats: int


class Undeclared(FailedPrecondition):
    """Not in the contract."""


class Booking(Message):
    guest: str
    nights: list[int] = []


class Hotel(Contract):
    """Rooms for guests."""

    @command(raises=[Full])
    async def book(self, guest: str, nights: list[int]) -> Booking:
        """Book."""

    @query
    async def who(self) -> str:
        """Say on whose behalf."""

    @query
    async def fail(self, how: str) -> str:
        """Fail in that way."""

    @query
    async def wait(self) -> str:
        """Wait for ever."""

    @query
    async def remaining(self) -> float:
        """Return the seconds left."""

    @query
    def count(self, to: int = 3) -> AsyncIterator[int]:
        """Count from 1."""

    @query
    def endless(self) -> AsyncIterator[int]:
        """Give one item, then none."""


class Inn(Hotel):
    def __init__(self) -> None:
        self.kept: list[list[int]] = []
        self.closed = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def book(self, guest: str, nights: list[int]) -> Booking:
        if guest == "late":
            raise Full("no room", seats=0)
        self.kept.append(nights)
        return Booking(guest, nights)

    async def who(self) -> str:
        context = current()
        assert context is not None
        return context.identity.subject if context.identity else ""

    async def fail(self, how: str) -> str:
        if how == "cancel":
            raise asyncio.CancelledError
        raise {"bug": KeyError("x"), "undeclared": Undeclared(), "missing": NotFound("nobody")}[how]

    async def wait(self) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        return ""

    async def remaining(self) -> float:
        context = current()
        assert context is not None
        return context.remaining()

    async def count(self, to: int = 3) -> AsyncIterator[int]:
        for number in range(1, to + 1):
            yield number

    async def endless(self) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            self.closed.set()


@pytest.fixture
def inn() -> Inn:
    return Inn()


@pytest.fixture
def hotel(inn: Inn) -> Hotel:
    return client(Hotel, LocalTransport(Dispatcher({"hotel": inn}), "hotel"))


async def test_mutable_arguments_are_copied_when_the_call_is_made(hotel: Hotel, inn: Inn) -> None:
    """What the caller does to a list afterwards, even before it awaits, does not reach the callee (P39)."""
    nights = [1, 2]
    call = hotel.book("ada", nights)
    nights.append(3)
    await call
    nights.append(4)
    assert inn.kept == [[1, 2]]


async def test_mutable_results_are_copied(hotel: Hotel, inn: Inn) -> None:
    """What the caller does to a result does not reach the callee (P39)."""
    booking = await hotel.book("ada", [1])
    booking.nights.append(9)
    assert inn.kept == [[1]]


async def test_a_declared_error_arrives_with_its_fields(hotel: Hotel) -> None:
    """As itself."""
    with pytest.raises(Full, match="no room") as caught:
        await hotel.book("late", [])
    assert caught.value.seats == 0


async def test_a_canonical_error_needs_no_declaration(hotel: Hotel) -> None:
    """The sixteen cross as they are."""
    with pytest.raises(NotFound, match="nobody"):
        await hotel.fail("missing")


@pytest.mark.parametrize("how", ["bug", "undeclared"])
async def test_any_other_error_is_internal_and_logged_where_it_happened(
    hotel: Hotel, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets a trace id, the log the traceback."""
    with caplog.at_level(logging.ERROR), pytest.raises(Internal) as caught:
        await hotel.fail(how)
    assert caught.value.trace_id is not None
    assert caught.value.__cause__ is None
    assert caught.value.trace_id in caplog.text
    assert "Traceback" in caplog.text


async def test_a_callee_that_cancels_itself_is_an_error_not_a_cancellation(hotel: Hotel) -> None:
    """The caller's task was not asked to stop, so it does not."""
    with pytest.raises(Cancelled, match=r"hotel\.fail cancelled itself"):
        await hotel.fail("cancel")


async def test_the_identity_is_the_callers(hotel: Hotel) -> None:
    """It crosses without being passed."""
    with acting_as(Identity("ada")):
        assert await hotel.who() == "ada"
    assert await hotel.who() == ""


async def test_a_deadline_stops_the_callee(hotel: Hotel, inn: Inn) -> None:
    """DeadlineExceeded, and the callee was cancelled."""
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.3):
            await hotel.wait()
    assert inn.cancelled.is_set()


async def test_the_default_deadline_is_ten_seconds(hotel: Hotel) -> None:
    """Where nobody set one."""
    assert 9 < await hotel.remaining() <= 10


async def test_a_method_may_have_its_own_limit(inn: Inn) -> None:
    """The file's limit for a method holds, also under a longer deadline."""
    limits = Policies(methods={"hotel.wait": CallPolicy(deadline=0.3), "hotel.remaining": CallPolicy(deadline=5)})
    hotel = client(Hotel, LocalTransport(Dispatcher({"hotel": inn}), "hotel", limits))
    with pytest.raises(DeadlineExceeded, match=r"hotel\.wait did not end by its deadline"):
        await hotel.wait()
    async with deadline(60):
        assert await hotel.remaining() <= 5
    async with deadline(1):
        assert await hotel.remaining() <= 1


async def test_a_task_that_a_caller_starts_is_still_stopped_at_the_deadline(hotel: Hotel, inn: Inn) -> None:
    """A call in a task of its own has a timer of its own."""
    async with deadline(0.3):
        task = asyncio.create_task(hotel.wait())  # type: ignore[arg-type]
    with pytest.raises(DeadlineExceeded):
        await task
    assert inn.cancelled.is_set()


async def test_a_call_after_the_deadline_is_not_begun(hotel: Hotel, inn: Inn) -> None:
    """The callee is not bothered."""
    async with deadline(60) as context:
        context.deadline = 0.0
        with pytest.raises(DeadlineExceeded, match="was not begun"):
            await hotel.book("ada", [])
    assert inn.kept == []


async def test_cancelling_the_caller_cancels_the_callee(hotel: Hotel, inn: Inn) -> None:
    """There is one task."""
    task = asyncio.create_task(hotel.wait())  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inn.cancelled.is_set()


async def test_a_stream_gives_its_items(hotel: Hotel) -> None:
    """And takes its defaults from the contract."""
    assert [item async for item in hotel.count()] == [1, 2, 3]


async def test_a_stream_that_is_left_early_is_closed(hotel: Hotel, inn: Inn) -> None:
    """The callee's ``finally`` runs."""
    items = hotel.endless()
    assert await anext(items) == 1
    await items.aclose()  # type: ignore[attr-defined]
    assert inn.closed.is_set()


async def test_a_stream_ends_at_its_deadline(hotel: Hotel, inn: Inn) -> None:
    """The deadline is that of the whole stream."""
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.3):
            async for _ in hotel.endless():
                pass
    assert inn.closed.is_set()


async def test_an_unknown_operation_says_what_is_served(inn: Inn) -> None:
    """Both for a service that is not here and for a method that it does not have."""
    dispatcher = Dispatcher({"hotel": inn})
    with pytest.raises(Unimplemented, match="there is no service 'motel' here; this process serves hotel"):
        dispatcher.find("motel.book")
    with pytest.raises(Unimplemented, match="hotel has no operation 'burn'"):
        dispatcher.find("hotel.burn")


async def test_unavailable_after_a_command_was_sent_may_have_happened(inn: Inn) -> None:
    """A handler that sent a command and then met an outage can't claim that nothing happened."""

    class Agency(Inn):
        async def fail(self, how: str) -> str:
            if how == "after":
                await hotel.book("ada", [])
            raise Unavailable("no route")

    hotel = client(Hotel, LocalTransport(Dispatcher({"hotel": inn}), "hotel"))
    agency = client(Hotel, LocalTransport(Dispatcher({"agency": Agency()}), "agency"))
    with pytest.raises(Unavailable):
        await agency.fail("before")
    with pytest.raises(ConnectionLost, match="cut off midway"):
        await agency.fail("after")


async def test_each_call_is_announced(hotel: Hotel) -> None:
    """To whoever listens."""
    heard: list[Signal] = []
    SIGNALS.subscribe(heard.append)
    try:
        await hotel.who()
    finally:
        SIGNALS.unsubscribe(heard.append)
    assert [signal.operation for signal in heard if isinstance(signal, CallEnded)] == ["hotel.who"]


async def test_the_rehearsal_finds_a_result_that_would_differ() -> None:
    """A whole number where the annotation says float arrives as a float on the other side."""

    class Sloppy(Inn):
        async def remaining(self) -> float:
            return 3

    hotel = client(Hotel, CodecTransport(Dispatcher({"hotel": Sloppy()}), "hotel"))
    with pytest.raises(BoundaryMismatch, match=r"the result of hotel\.remaining differs .*: 3 \(int\) arrives as 3\.0"):
        await hotel.remaining()


async def test_the_rehearsal_changes_nothing_otherwise(inn: Inn) -> None:
    """Results, errors and streams arrive as they do without it."""
    hotel = client(Hotel, CodecTransport(Dispatcher({"hotel": inn}), "hotel"))
    assert await hotel.book("ada", [1]) == Booking("ada", [1])
    with pytest.raises(Full) as caught:
        await hotel.book("late", [])
    assert caught.value.seats == 0
    assert [item async for item in hotel.count(2)] == [1, 2]

"""How errors cross a boundary."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.contract import Contract, ErrorBody, Operation, command, operations
from freestone.errors import (
    CANONICAL,
    Code,
    ConnectionLost,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    ServiceError,
    Unknown,
)


class Locked(FailedPrecondition):
    """Another resource comes first."""

    needs: tuple[str, ...]
    days: int = 0


class FirmlyLocked(Locked):
    """Locked, and more so."""

    key: str = ""


class Progress(Contract):
    @command(raises=[Locked])
    async def complete(self, resource: str) -> None:
        """Record a resource as done."""

    @command
    async def enrol(self, path: str) -> None:
        """Enrol."""


COMPLETE: Operation = operations(Progress)["complete"]
ENROL: Operation = operations(Progress)["enrol"]


@settings(deadline=None)
@given(
    message=st.text(min_size=1),
    needs=st.lists(st.text()).map(tuple),
    days=st.integers(0, 99),
    trace=st.none() | st.text(),
)
def test_a_declared_error_arrives_as_itself(message: str, needs: tuple[str, ...], days: int, trace: str | None) -> None:
    """With its message, its fields and its trace id."""
    error = Locked(message, needs=needs, days=days)
    error.trace_id = trace

    arrived = COMPLETE.decode_error(COMPLETE.encode_error(error))

    assert type(arrived) is Locked
    assert (arrived.message, arrived.values(), arrived.trace_id) == (message, error.values(), trace)


@pytest.mark.parametrize("kind", CANONICAL, ids=lambda kind: kind.__name__)
def test_canonical_errors_cross_undeclared(kind: type[ServiceError]) -> None:
    """Each as itself; ConnectionLost too, which shares its code with Unavailable."""
    body = ENROL.encode_error(kind("sorry"))
    arrived = ENROL.decode_error(body)

    assert body.code == kind.code
    assert type(arrived) is kind
    assert str(arrived) == "sorry"


def test_canonical_fields_cross() -> None:
    """A field at fault, and when to try again."""
    invalid = ENROL.decode_error(ENROL.encode_error(InvalidArgument("no", field="path[2].title")))
    exhausted = ENROL.decode_error(ENROL.encode_error(ResourceExhausted("wait", retry_after=1.5)))

    assert isinstance(invalid, InvalidArgument)
    assert invalid.field == "path[2].title"
    assert isinstance(exhausted, ResourceExhausted)
    assert exhausted.retry_after == 1.5


def test_a_descendant_of_a_declared_error_arrives_as_that() -> None:
    """The caller knows the declared one; what is more is left behind."""
    arrived = COMPLETE.decode_error(COMPLETE.encode_error(FirmlyLocked("no", needs=("a",), key="k")))

    assert type(arrived) is Locked
    assert arrived.values() == {"needs": ("a",), "days": 0}


def test_an_undeclared_error_becomes_its_canonical_ancestor() -> None:
    """What the contract does not say can't be relied upon."""
    body = ENROL.encode_error(Locked("no", needs=("a",)))

    assert body.name == "FailedPrecondition"
    assert not ENROL.declares(Locked("no", needs=()))
    assert COMPLETE.declares(FirmlyLocked("no", needs=()))
    assert ENROL.declares(NotFound("no"))


def test_an_error_without_a_canonical_ancestor_becomes_unknown() -> None:
    """There is nothing better to say of it."""
    assert ENROL.encode_error(ServiceError("odd")).name == "Unknown"


def test_an_error_that_is_not_known_here_becomes_the_canonical_one_of_its_code() -> None:
    """A newer service may raise what this caller has never heard of."""
    body = ErrorBody(Code.FAILED_PRECONDITION, "Frozen", "too cold", b"\x80", "trace")
    arrived = COMPLETE.decode_error(body)

    assert type(arrived) is FailedPrecondition
    assert (str(arrived), arrived.trace_id) == ("too cold", "trace")


def test_an_unknown_error_of_code_14_may_have_happened() -> None:
    """Two canonical errors have that code; the careful one is taken, so that nothing is done twice."""
    assert type(COMPLETE.decode_error(ErrorBody(14, "Closed", "", b"\x80", None))) is ConnectionLost


def test_an_unknown_code_becomes_unknown() -> None:
    """Codes may be added."""
    assert type(COMPLETE.decode_error(ErrorBody(99, "Odd", "", b"\x80", None))) is Unknown


@settings(deadline=None)
@given(fields=st.binary(max_size=20))
def test_fields_that_do_not_fit_leave_the_canonical_error(fields: bytes) -> None:
    """A hostile or a much older peer costs the fields, and not the error."""
    arrived = COMPLETE.decode_error(ErrorBody(Code.FAILED_PRECONDITION, "Locked", "no", fields, None))

    assert isinstance(arrived, FailedPrecondition)
    assert str(arrived) == "no"


def test_unknown_fields_are_ignored_and_missing_ones_take_their_default() -> None:
    """Fields may be added to an error as to a message."""
    fields = msgspec.msgpack.encode({"needs": ["a"], "later": 1})
    arrived = COMPLETE.decode_error(ErrorBody(Code.FAILED_PRECONDITION, "Locked", "no", fields, None))

    assert arrived.values() == {"needs": ("a",), "days": 0}


def test_a_field_that_can_not_cross_is_internal() -> None:
    """It is a bug of the service, and says which field."""
    with pytest.raises(Internal, match=r"Locked has a field that can't cross: days: the number does not fit"):
        COMPLETE.encode_error(Locked("no", needs=(), days=2**70))

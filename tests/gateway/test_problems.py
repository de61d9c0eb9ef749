"""Errors as problem details."""

from __future__ import annotations

import msgspec
import pytest

from freestone.errors import (
    CANONICAL,
    Code,
    ConnectionLost,
    DidNotHappen,
    FailedPrecondition,
    InvalidArgument,
    KeyReused,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)
from freestone.gateway.problems import (
    METHOD_NOT_ALLOWED,
    STATUS,
    Fault,
    Refused,
    kebab,
    problem_of,
    problem_of_status,
)


class Locked(FailedPrecondition):
    """The resource needs another one first."""

    needs: tuple[str, ...]


class Progress:
    """Stands for a contract."""


def test_each_code_has_the_status_of_google_rpc() -> None:
    """The table is that of google.rpc.Code, and covers all sixteen."""
    assert {code.name: status for code, status in STATUS.items()} == {
        "CANCELLED": 499,
        "UNKNOWN": 500,
        "INVALID_ARGUMENT": 400,
        "DEADLINE_EXCEEDED": 504,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "PERMISSION_DENIED": 403,
        "RESOURCE_EXHAUSTED": 429,
        "FAILED_PRECONDITION": 400,
        "ABORTED": 409,
        "OUT_OF_RANGE": 400,
        "UNIMPLEMENTED": 501,
        "INTERNAL": 500,
        "UNAVAILABLE": 503,
        "DATA_LOSS": 500,
        "UNAUTHENTICATED": 401,
    }
    assert set(STATUS) == set(Code)


@pytest.mark.parametrize("cls", CANONICAL)
def test_each_canonical_error_says_whether_it_may_have_happened(cls: type[ServiceError]) -> None:
    """The member follows the first split of the error tree."""
    problem = problem_of(cls("no"))
    assert problem.members["may_have_happened"] is not issubclass(cls, DidNotHappen)
    assert problem.status == (422 if cls is KeyReused else STATUS[cls.code])
    assert problem.type == f"urn:freestone:problem:{kebab(cls.__name__)}"


def test_a_problem_has_the_members_of_the_standard_first() -> None:
    """type, title, status, detail and instance, as RFC 9457 names them; then our own."""
    error = NotFound("there is no path x")
    error.trace_id = "abc"
    assert msgspec.json.decode(problem_of(error).body("/paths/x")) == {
        "type": "urn:freestone:problem:not-found",
        "title": "What was asked for does not exist",
        "status": 404,
        "detail": "there is no path x",
        "instance": "/paths/x",
        "code": "NOT_FOUND",
        "may_have_happened": False,
        "trace_id": "abc",
    }


def test_a_declared_error_has_a_type_and_fields_of_its_own() -> None:
    """What a contract declares is told apart by type, and carries its fields."""
    problem = problem_of(Locked("not yet", needs=("basics",)), "https://x.test/p/", contract=Progress, raises=(Locked,))
    assert problem.type == "https://x.test/p/progress/locked"
    assert problem.title == "The resource needs another one first"
    assert problem.members == {
        "code": "FAILED_PRECONDITION",
        "may_have_happened": False,
        "fields": {"needs": ("basics",)},
    }


def test_an_undeclared_error_shows_only_what_it_derives_from() -> None:
    """Its class and fields are nobody's business outside."""
    problem = problem_of(Locked("not yet", needs=("basics",)))
    assert problem.type == "urn:freestone:problem:failed-precondition"
    assert "fields" not in problem.members


def test_a_subclass_of_a_declared_error_is_shown_as_the_declared_one() -> None:
    """The nearest declared ancestor is what clients know."""

    class Sealed(Locked):
        """Locked for good."""

        by: str

    error = Sealed("no", needs=(), by="ada")
    problem = problem_of(error, contract=Progress, raises=(Locked,))
    assert problem.type == "urn:freestone:problem:progress/locked"
    assert problem.members["fields"] == {"needs": ()}


def test_the_field_at_fault_is_named_and_pointed_to() -> None:
    """``field`` is as contracts write it; ``errors`` points into what was sent."""
    error = InvalidArgument("must be positive", field="resources[2].minutes")
    fault = Fault("body", ("resources", "2", "minutes"), "must be positive")
    members = problem_of(error, faults=[fault]).members
    assert members["field"] == "resources[2].minutes"
    assert members["errors"] == [{"in": "body", "pointer": "/resources/2/minutes", "detail": "must be positive"}]


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (30.0, "30"), (-1.0, "0")])
def test_exhaustion_says_when_to_come_back(seconds: float, header: str) -> None:
    """Retry-After is in whole seconds, rounded up, and never negative."""
    assert problem_of(ResourceExhausted("slow down", retry_after=seconds)).headers == {"retry-after": header}


def test_exhaustion_without_a_time_has_no_header() -> None:
    """Nobody knows when."""
    assert problem_of(ResourceExhausted("full")).headers == {}


def test_a_lost_connection_is_not_an_unavailable_service() -> None:
    """They share a status, and differ in type and in whether it may have happened."""
    lost, unavailable = problem_of(ConnectionLost("")), problem_of(Unavailable(""))
    assert lost.status == unavailable.status == 503
    assert lost.type != unavailable.type
    assert lost.members["may_have_happened"]
    assert not unavailable.members["may_have_happened"]


def test_an_error_outside_of_the_canonical_ones_is_shown_by_its_code() -> None:
    """An application that derives from the root itself is answered for as well."""

    class Odd(ServiceError):
        """Odd."""

    problem = problem_of(Odd("what"))
    assert (problem.type, problem.status) == ("urn:freestone:problem:unknown", 500)
    assert problem.members["may_have_happened"] is True


def test_a_refusal_is_a_problem_that_did_not_happen() -> None:
    """What the gateway refuses never reached a service."""
    problem = Refused(METHOD_NOT_ALLOWED, "/x has GET, not PUT", headers={"allow": "GET"}).problem("urn:x:")
    assert (problem.status, problem.type, problem.detail) == (405, "urn:x:method-not-allowed", "/x has GET, not PUT")
    assert problem.members == {"code": "UNIMPLEMENTED", "may_have_happened": False}
    assert problem.headers == {"allow": "GET"}


def test_a_mere_status_is_about_blank() -> None:
    """RFC 9457, section 4.2.1: the title is then the phrase of the status."""
    problem = problem_of_status(418, "short and stout")
    assert (problem.type, problem.title, problem.detail) == ("about:blank", "I'm a Teapot", "short and stout")
    assert problem_of_status(799, "?").title == "HTTP status 799"


def test_the_first_trace_id_stays() -> None:
    """The one under which the failure was logged is worth more than the one of the request."""
    problem = problem_of(PermissionDenied("no"))
    assert problem.traced("a").members["trace_id"] == "a"
    assert problem.traced("a").traced("b").members["trace_id"] == "a"
    assert "trace_id" not in problem.traced("").members


@pytest.mark.parametrize(
    ("name", "slug"), [("NotFound", "not-found"), ("HTTPError", "http-error"), ("Locked", "locked"), ("E2E", "e2-e")]
)
def test_a_class_name_becomes_part_of_a_uri(name: str, slug: str) -> None:
    """Words are joined with hyphens."""
    assert kebab(name) == slug

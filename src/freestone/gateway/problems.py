"""Errors as the outside sees them: problem details for HTTP (RFC 9457).

The status of each canonical code is the one that ``google.rpc.Code`` gives
(https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto). What the status can't say is said in
members of the problem: its code, the field at fault, whether the call may have had its effect, and the trace under
which the logs know it.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, final

import msgspec

from freestone.errors import CANONICAL, Code, KeyReused, MayHaveHappened, ResourceExhausted, ServiceError

from .pointer import pointer

STATUS: Mapping[Code, int] = {
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}

MEDIA_TYPE = "application/problem+json"
DEFAULT_BASE = "urn:freestone:problem:"

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@final
@dataclass(frozen=True, slots=True)
class Fault:
    """One part of a request that is wrong."""

    place: str
    """Where it was sent: ``path``, ``query`` or ``body``."""
    path: tuple[str, ...]
    """The keys and indices that lead to it there; a path or a query is an object of its parameters."""
    detail: str

    def member(self) -> dict[str, str]:
        """Return it as an element of a problem's ``errors``."""
        return {"in": self.place, "pointer": pointer(self.path), "detail": self.detail}


@final
@dataclass(frozen=True, slots=True)
class Problem:
    """What is sent instead of a result."""

    status: int
    type: str
    title: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Extension members, after those that RFC 9457 names."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def body(self, instance: str) -> bytes:
        """Return it as JSON. ``instance`` is the path of the request."""
        return msgspec.json.encode(
            {
                "type": self.type,
                "title": self.title,
                "status": self.status,
                "detail": self.detail,
                "instance": instance,
                **self.members,
            }
        )

    def traced(self, trace_id: str) -> Problem:
        """Return it with a trace id, unless it has one."""
        if not trace_id or "trace_id" in self.members:
            return self
        return replace(self, members={**self.members, "trace_id": trace_id})


def problem_of(
    error: ServiceError,
    base: str = DEFAULT_BASE,
    *,
    contract: type[Any] | None = None,
    raises: Sequence[type[ServiceError]] = (),
    faults: Sequence[Fault] = (),
) -> Problem:
    """Return the problem for an error of a call.

    An error that the contract declares has a type of its own, below the contract's name, and its fields. Any other
    is shown as the canonical error that it derives from.
    """
    ancestors = [cls for cls in type(error).__mro__ if issubclass(cls, ServiceError)]
    declared = next((cls for cls in ancestors if cls in raises and cls not in CANONICAL), None)
    canonical = next((cls for cls in ancestors if cls in CANONICAL), None)
    shown = declared or canonical
    code = error.code
    members: dict[str, Any] = {"code": code.name, "may_have_happened": _may_have_happened(error)}
    named = getattr(error, "field", "") if canonical is not None and "field" in canonical.fields else ""
    if named:
        members["field"] = named
    if faults:
        members["errors"] = [fault.member() for fault in faults]
    if declared is not None and canonical is not None:
        own = {name: getattr(error, name) for name in declared.fields if name not in canonical.fields}
        if own:
            members["fields"] = own
    if error.trace_id:
        members["trace_id"] = error.trace_id
    slug = kebab(shown.__name__) if shown is not None else kebab(code.name.title().replace("_", ""))
    if declared is not None and contract is not None:
        slug = f"{kebab(contract.__name__)}/{slug}"
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY if isinstance(error, KeyReused) else STATUS[code],
        base + slug,
        title_of(shown) if shown is not None else code.name,
        error.message,
        members,
        _headers(error),
    )


def _may_have_happened(error: ServiceError) -> bool:
    # An application may derive from ServiceError itself: then nobody has said that it did not happen.
    return isinstance(error, MayHaveHappened) or error.code in (Code.UNKNOWN, Code.INTERNAL)


def _headers(error: ServiceError) -> dict[str, str]:
    if isinstance(error, ResourceExhausted) and error.retry_after is not None:
        return {"retry-after": str(max(0, math.ceil(error.retry_after)))}
    return {}


def kebab(name: str) -> str:
    """Return the name of a class as part of a URI.

    >>> kebab("NotFound"), kebab("HTTPError")
    ('not-found', 'http-error')
    """
    return _WORD.sub("-", name).lower()


def title_of(cls: type[ServiceError]) -> str:
    """Return the first line of the class's docstring, else its name in words."""
    if cls.__doc__:
        return inspect.cleandoc(cls.__doc__).splitlines()[0].rstrip(".")
    return kebab(cls.__name__).replace("-", " ").capitalize()


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """A kind of problem that the gateway itself finds, before any call is made."""

    slug: str
    status: int
    code: Code
    title: str


NO_SUCH_ROUTE = Refusal("no-such-route", 404, Code.NOT_FOUND, "Nothing is served at this path")
METHOD_NOT_ALLOWED = Refusal("method-not-allowed", 405, Code.UNIMPLEMENTED, "The path does not have this method")
REQUEST_TIMEOUT = Refusal("request-timeout", 408, Code.DEADLINE_EXCEEDED, "The request took too long to arrive")
CONTENT_TOO_LARGE = Refusal("content-too-large", 413, Code.RESOURCE_EXHAUSTED, "The body is larger than is accepted")
UNSUPPORTED_MEDIA_TYPE = Refusal(
    "unsupported-media-type", 415, Code.INVALID_ARGUMENT, "The body is in a format that is not accepted"
)
MALFORMED_REQUEST = Refusal("malformed-request", 400, Code.INVALID_ARGUMENT, "The request can't be read")


@final
class Refused(Exception):
    """A request that the gateway does not pass on."""

    def __init__(
        self,
        refusal: Refusal,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.detail = detail
        self.headers = headers or {}
        self.faults = tuple(faults)

    def problem(self, base: str = DEFAULT_BASE) -> Problem:
        """Return what is sent."""
        kind = self.refusal
        members: dict[str, Any] = {"code": kind.code.name, "may_have_happened": False}
        if self.faults:
            members["errors"] = [fault.member() for fault in self.faults]
        return Problem(kind.status, base + kind.slug, kind.title, self.detail, members, self.headers)


def problem_of_status(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Problem:
    """Return a problem that is no more than its HTTP status, for what Starlette's HTTPException says."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = f"HTTP status {status}"
    return Problem(status, "about:blank", phrase, detail, {"may_have_happened": False}, dict(headers or {}))

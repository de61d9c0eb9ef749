"""One route at work: a request comes in, a call is made, its result or its error goes out."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast, final

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from freestone.contract import Kind
from freestone.errors import DeadlineExceeded, Internal, InvalidArgument, ServiceError
from freestone.service import Identity, acting_as, deadline

from .binding import Sent, WrongArguments
from .body import limited, read_json, refuse_body
from .declaration import Bound
from .disconnect import Disconnected, while_connected
from .incoming import keyed_by
from .problems import REQUEST_TIMEOUT, Fault, Problem, Refused, problem_of, problem_of_status
from .respond import JSON, begin_lines, end_lines, send_body, send_line, send_problem
from .routes import Authenticate

_log = logging.getLogger("freestone.gateway")
_ENCODER = msgspec.json.Encoder()
_END: Any = object()


@final
@dataclass(frozen=True, slots=True)
class Manners:
    """What holds for every route of a gateway."""

    problems_base: str
    """What the types of problems begin with."""
    body_limit: int
    """Bytes."""
    challenge: str
    """What ``WWW-Authenticate`` says to a caller who did not prove who it is."""


@dataclass(slots=True)
class _Exchange:
    """One request, and how far its answer is."""

    values: Sequence[str]
    scope: Scope
    receive: Receive
    send: Send
    trace_id: str = ""
    reading: bool = False
    """Whether the body is being read."""
    sent: Sent | None = None
    """What the request has for the parameters, once that is known."""
    begun: bool = False
    """Whether a part of a stream is sent."""


async def _authenticated(auth: Authenticate, request: Request) -> Identity:
    identity = cast("Identity | None", await auth(request))
    if identity is None:
        # A forgotten return would else let everybody in, as nobody.
        raise TypeError("auth returned None instead of an Identity")
    return identity


@final
class Endpoint:
    """Answers the requests of one route."""

    __slots__ = ("_binding", "_manners", "_method", "_operation", "_route", "_seconds")

    def __init__(self, bound: Bound, client: object, manners: Manners, seconds: float) -> None:
        self._route = bound.route
        self._binding = bound.binding
        self._operation = bound.binding.operation
        self._method: Callable[..., Any] = getattr(client, self._operation.name)
        self._manners = manners
        self._seconds = seconds if bound.route.deadline is None else bound.route.deadline

    async def __call__(self, values: Sequence[str], scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. ``values`` are those of the parameters in its path."""
        exchange = _Exchange(values, scope, receive, send)
        try:
            async with deadline(self._seconds, what=str(self._route)) as context:
                exchange.trace_id = context.trace_id
                identity, arguments = await self._read(exchange)
                with acting_as(identity), self._key(scope):
                    async with while_connected(receive):
                        if self._operation.streams:
                            await self._stream(self._method(**arguments), exchange)
                            return
                        result = await self._method(**arguments)
            body = b"" if result is None else _ENCODER.encode(result)
        except (Disconnected, ClientDisconnect):
            return
        except Exception as error:
            await self._fail(error, exchange)
            return
        status = HTTPStatus.NO_CONTENT if result is None and self._route.status == HTTPStatus.OK else self._route.status
        await send_body(send, scope, status, body, JSON)

    def _key(self, scope: Scope) -> AbstractContextManager[object]:
        # A query has no effect, and whoever sends a key with it loses nothing.
        return keyed_by(scope) if self._operation.kind is Kind.COMMAND else nullcontext()

    async def _read(self, exchange: _Exchange) -> tuple[Identity | None, dict[str, Any]]:
        """Return who asks, and the arguments of the call."""
        scope = exchange.scope
        request = Request(scope, limited(exchange.receive, Headers(scope=scope), self._manners.body_limit))
        # Before the body, so that a stranger can't make us hold one.
        identity = None if self._route.auth is None else await _authenticated(self._route.auth, request)
        exchange.reading = True
        body = await read_json(request) if self._binding.has_body else refuse_body(request)
        exchange.reading = False
        subject = None if identity is None else identity.subject
        exchange.sent = self._binding.sent(exchange.values, scope["query_string"], body, subject)
        return identity, self._binding.arguments(exchange.sent)

    async def _stream(self, items: AsyncIterator[Any], exchange: _Exchange) -> None:
        send = exchange.send
        try:
            # Nothing is sent before the first item, so that a stream that fails at once has the status of its error.
            item = await anext(items, _END)
            await begin_lines(send)
            exchange.begun = True
            while item is not _END:
                await send_line(send, _ENCODER.encode(item))
                item = await anext(items, _END)
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()
        await end_lines(send)

    async def _fail(self, error: Exception, exchange: _Exchange) -> None:
        problem = self._problem(error, exchange).traced(exchange.trace_id)
        if not exchange.begun:
            await send_problem(exchange.send, exchange.scope, problem)
            return
        # The client sees that the answer is cut short: the server closes the connection without the chunk that
        # would end it.
        _log.warning("%s broke off: %s (trace %s)", self._route, problem.detail, exchange.trace_id)

    def _problem(self, error: Exception, exchange: _Exchange) -> Problem:
        base = self._manners.problems_base
        if isinstance(error, Refused):
            return error.problem(base)
        if isinstance(error, HTTPException):
            return problem_of_status(error.status_code, error.detail, error.headers)
        if isinstance(error, DeadlineExceeded) and exchange.reading:
            what = f"the body did not arrive within {self._seconds:g} s"
            return Refused(REQUEST_TIMEOUT, what, headers={"connection": "close"}).problem(base)
        if isinstance(error, WrongArguments):
            return problem_of(InvalidArgument(str(error), field=error.field), base, faults=error.faults)
        if not isinstance(error, ServiceError):
            error = self._bug(error, exchange.trace_id)
        faults: list[Fault] = []
        if isinstance(error, InvalidArgument) and exchange.sent is not None:
            faults = self._binding.faults_of(error, exchange.sent)
        operation = self._operation
        problem = problem_of(error, base, contract=operation.contract, raises=operation.raises, faults=faults)
        if problem.status == HTTPStatus.UNAUTHORIZED:
            return replace(problem, headers={**problem.headers, "www-authenticate": self._manners.challenge})
        return problem

    def _bug(self, error: Exception, trace_id: str) -> Internal:
        _log.error("%s failed in the gateway; trace %s", self._route, trace_id, exc_info=error)
        return Internal(f"{self._route} failed; the gateway's log has the details under trace {trace_id}")

"""Answers, as ASGI messages."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Scope, Send

from .problems import MEDIA_TYPE as PROBLEM
from .problems import Problem

JSON = "application/json"
LINES = "application/x-ndjson"
"""One JSON value a line (https://github.com/ndjson/ndjson-spec)."""

_WITHOUT_CONTENT = frozenset({204, 205, 304})


async def send_body(
    send: Send, scope: Scope, status: int, body: bytes, media_type: str, headers: Mapping[str, str] | None = None
) -> None:
    """Send a whole answer; to HEAD without its body. An empty body has no media type."""
    fields = dict(headers or {})
    if body:
        fields["content-type"] = media_type
    if status not in _WITHOUT_CONTENT:
        fields["content-length"] = str(len(body))
    await send({"type": "http.response.start", "status": status, "headers": _encoded(fields)})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def send_problem(send: Send, scope: Scope, problem: Problem) -> None:
    """Send what is wrong."""
    # Without this a cache may keep a 404 for as long as it likes (RFC 9111, section 4.2.2).
    headers = {"cache-control": "no-store", **problem.headers}
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    instance = raw_path.partition(b"?")[0].decode("ascii", "backslashreplace")
    await send_body(send, scope, problem.status, problem.body(instance), PROBLEM, headers)


async def begin_lines(send: Send) -> None:
    """Begin an answer of lines, each of which ``send_line`` sends."""
    # The second header keeps proxies from holding items back until they have a bufferful.
    headers = _encoded({"content-type": LINES, "x-accel-buffering": "no"})
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def send_line(send: Send, line: bytes) -> None:
    """Send one line."""
    await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})


async def end_lines(send: Send) -> None:
    """End the answer: by this a client knows that it is whole."""
    await send({"type": "http.response.body", "body": b""})


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]

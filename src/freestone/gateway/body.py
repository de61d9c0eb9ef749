"""The body of a request: bounded, and JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message, Receive

from .problems import CONTENT_TOO_LARGE, MALFORMED_REQUEST, UNSUPPORTED_MEDIA_TYPE, Fault, Refused

DEFAULT_LIMIT = 1 << 20
"""Bytes."""

# What is left of a body that is refused is not worth reading, so the connection goes too.
_CLOSE = {"connection": "close"}


def limited(receive: Receive, headers: Headers, limit: int) -> Receive:
    """Return ``receive`` for a body of at most that many bytes; it raises Refused for what is longer."""
    length = 0

    async def receive_within_limit() -> Message:
        nonlocal length
        message = await receive()
        length += len(message.get("body", b""))
        if length > limit:
            raise _too_large(limit)
        return message

    announced = headers.get("content-length", "")
    if not announced.isdecimal() or int(announced) <= limit:
        return receive_within_limit

    async def refuse() -> Message:
        raise _too_large(limit)

    return refuse


def _too_large(limit: int) -> Refused:
    return Refused(CONTENT_TOO_LARGE, f"the body may have {limit} bytes, and has more", headers=_CLOSE)


async def read_json(request: Request) -> Any:
    """Return what the body decodes to, or ``msgspec.UNSET`` if it is empty. Raises Refused."""
    body = await request.body()
    if not body:
        return msgspec.UNSET
    _check_format(request.headers)
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        reason = "it is nested too deeply"
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    except msgspec.DecodeError as error:
        reason = str(error)
    what = f"the body is not JSON: {reason}"
    raise Refused(MALFORMED_REQUEST, what, faults=[Fault("body", (), what)])


def refuse_body(request: Request) -> msgspec.UnsetType:
    """Return ``msgspec.UNSET``. Raises Refused if there is a body after all: to ignore it would lose something."""
    length = request.headers.get("content-length", "0")
    if length != "0" or "transfer-encoding" in request.headers:
        what = f"a {request.method} here has no body; send its parameters in the query string"
        raise Refused(MALFORMED_REQUEST, what, headers=_CLOSE)
    return msgspec.UNSET


def _check_format(headers: Headers) -> None:
    # A page of another site can make a browser send a form or plain text, but not JSON, without being asked (CORS).
    # That is why a body that merely looks like JSON is refused.
    declared = headers.get("content-type", "")
    media_type, *parameters = (part.strip().lower() for part in declared.split(";"))
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        what = f"the body is {media_type or 'of no stated type'}; send it as application/json"
        raise Refused(UNSUPPORTED_MEDIA_TYPE, what, headers={"accept-post": "application/json"})
    charset = next((value.partition("=")[2].strip('"') for value in parameters if value.startswith("charset")), "")
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise Refused(UNSUPPORTED_MEDIA_TYPE, f"the body is JSON in {charset}; send it as UTF-8")
    coding = headers.get("content-encoding", "identity")
    if coding != "identity":
        what = f"the body is compressed with {coding}; send it as it is"
        raise Refused(UNSUPPORTED_MEDIA_TYPE, what, headers={"accept-encoding": "identity"})

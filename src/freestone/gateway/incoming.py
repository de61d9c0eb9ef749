"""What a request says of itself in its headers: the trace that it belongs to, and the key of its command."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from starlette.types import Scope

from freestone.service import continuing, is_key, keyed, parse_traceparent, parse_tracestate

from .problems import MALFORMED_REQUEST, Refused

_STRING = re.compile(r'"(?P<text>(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
"""A string of a structured field (RFC 9651, section 3.3.3)."""
_NOTHING = nullcontext()


def traced(scope: Scope) -> AbstractContextManager[Any]:
    """Return a block whose calls belong to the trace that the request belongs to, if it says so validly."""
    parents = _headers(scope, b"traceparent")
    if len(parents) != 1 or (parent := parse_traceparent(parents[0])) is None:
        return _NOTHING
    return continuing(parent, parse_tracestate(_headers(scope, b"tracestate")))


def keyed_by(scope: Scope) -> AbstractContextManager[Any]:
    """Return a block whose command has the key that the request gives it in ``Idempotency-Key``, if it does.

    The header is a string of a structured field, as the IETF's draft says; one without quotation marks, as many clients
    send it, is as good. Raises Refused for one that is no key.
    """
    written = _headers(scope, b"idempotency-key")
    if not written:
        return _NOTHING
    key = _unquoted(written[0].strip(" \t"))
    if len(written) > 1 or not is_key(key):
        what = 'Idempotency-Key is one string of 1 to 255 printable characters of ASCII, as "8e03978e-40d5-43dd"'
        raise Refused(MALFORMED_REQUEST, what)
    return keyed(key)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    found = _STRING.fullmatch(text)
    return "" if found is None else re.sub(r"\\(.)", r"\1", found["text"])


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]

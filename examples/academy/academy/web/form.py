"""What a visitor typed into a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

LIMIT: Final = 16 * 1024
"""Bytes of a form; the longest of the site has a few hundred."""


async def form(request: Request) -> Mapping[str, str]:
    """Return the fields of an ``application/x-www-form-urlencoded`` body by name, the last of each name.

    Raises HTTPException 413 for a body over the limit, before it is read to its end, and 400 for one that is not text.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LIMIT:
            raise HTTPException(413, "The form is too large.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=32))
    except ValueError:
        raise HTTPException(400, "The form can't be read.") from None


def local(address: str) -> str | None:
    """Return an address if it is within the site, else None: a link must not lead visitors away through us.

    >>> local("/paths/microservices"), local("//elsewhere.example"), local("https://elsewhere.example")
    ('/paths/microservices', None, None)
    """
    if not address.startswith("/") or address.startswith("//"):
        return None
    # Browsers read a backslash as a slash, and drop control characters before they look.
    return None if any(character == "\\" or character < " " for character in address) else address

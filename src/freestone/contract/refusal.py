"""What msgspec says is wrong with a value, as an error of ours that names the field."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from freestone.errors import InvalidArgument

from .nesting import parts, steps

FOREIGN = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)
"""What msgspec raises for values and bytes that are wrong. ValueError covers text that is not UTF-8."""

TOO_DEEP = "it is nested too deeply"

_PLACE = r"(?s) - at (?P<key>`key` in )?`\$(?P<path>.*)`$"
_MISSING = r"missing required field `(?P<name>.+)`"
_encode = msgspec.msgpack.Encoder().encode


def refusal(text: str, field: str) -> InvalidArgument:
    """Return the error for a field, which is empty if it is no single one."""
    return InvalidArgument(f"{field}: {text}" if field else text, field=field)


def undecodable(error: Exception) -> InvalidArgument:
    """Translate what msgspec raised while it decoded or converted.

    ``$.resources[2].minutes`` in its text becomes the field ``resources[2].minutes``.
    """
    text = str(error)
    path = ""
    if isinstance(error, RecursionError):
        text = TOO_DEEP
    elif isinstance(error, UnicodeError):
        text = "a text is not UTF-8"
    elif place := re.search(_PLACE, text):
        path = place["path"].removeprefix(".")
        text = text[: place.start()] + (" as a key" if place["key"] else "")
    if missing := re.search(_MISSING, text):
        path = f"{path}.{missing['name']}" if path else missing["name"]
        text = "it is missing"
    return refusal(text, path)


def unencodable(error: Exception, value: Any) -> InvalidArgument:
    """Translate what msgspec raised while it encoded a value, and find the field, which it does not say."""
    return refusal(_why(error), _culprit(value))


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return TOO_DEEP
    if isinstance(error, OverflowError):
        return "the number does not fit into 64 bits"
    if isinstance(error, UnicodeError):
        return "the text can't be written as UTF-8"
    return str(error)


def _culprit(value: Any) -> str:
    """Return the path of the innermost part that can't be encoded."""
    path = ""
    while True:
        found = next(
            ((step, part) for step, part in zip(steps(value), parts(value), strict=True) if _fails(part)), None
        )
        if found is None or len(path) > 1000:
            return path.removeprefix(".")
        path, value = path + found[0], found[1]


def _fails(value: Any) -> bool:
    try:
        _encode(value)
    except FOREIGN:
        return True
    return False

"""What msgspec says is wrong with a value, as an error of ours that names the field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from freestone.errors import InvalidArgument

FOREIGN = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)
"""What msgspec raises for values and bytes that are wrong. ValueError covers those that are no UTF-8."""

_PLACE = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>.*)`$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<name>.+)`")
_ENCODER = msgspec.msgpack.Encoder()


def invalid_argument(error: Exception) -> InvalidArgument:
    """Translate what msgspec raised while it decoded or converted.

    ``$.resources[2].minutes`` in its text becomes the field ``resources[2].minutes``.
    """
    text = str(error)
    path = ""
    if isinstance(error, RecursionError):
        text = "it is nested too deeply"
    elif isinstance(error, UnicodeError):
        text = "a string is not UTF-8"
    elif place := _PLACE.search(text):
        path = place["path"].removeprefix(".")
        text = text[: place.start()]
    if missing := _MISSING.search(text):
        path = f"{path}.{missing['name']}" if path else missing["name"]
        text = "it is missing"
    return InvalidArgument(f"{path}: {text}" if path else text, field=path)


def unencodable(error: Exception, value: Any) -> InvalidArgument:
    """Translate what msgspec raised while it encoded, and find the field, which it does not say."""
    path = _culprit(value)
    text = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return InvalidArgument(f"{path}: {text}" if path else text, field=path)


def _culprit(value: Any) -> str:
    """Return the path of the innermost part that can't be encoded."""
    path = ""
    for _ in range(100):
        for step, part in _parts(value):
            try:
                _ENCODER.encode(part)
            except FOREIGN:
                path, value = path + step, part
                break
        else:
            break
    return path.removeprefix(".")


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))
    elif isinstance(value, msgspec.Struct):
        yield from ((f".{name}", getattr(value, name)) for name in value.__struct_fields__)
    else:
        names = getattr(value, "__dataclass_fields__", ())
        yield from ((f".{name}", getattr(value, name)) for name in names)
